"""Every partition's state in this engine's memory: some led, the others kept warm.

``alerts.state.v1`` is followed for the partitions that others lead, so that taking one over needs
its end only. What was judged and could not be written is forgotten, and read again.
"""

from collections.abc import Iterable, Iterator, Sequence

import structlog

from alerts.engine.ladders import RuleSet
from alerts.engine.output import Message, Output, Patience
from alerts.engine.partition import Entries
from alerts.engine.plans import Plans
from alerts.engine.replica import Replica, Write
from alerts.engine.step import Outcome
from alerts.log import Log, LogRecord, TopicLife
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import READINGS, STATE

_POLL_MS = 250
_FOLLOW_FOR_MS = 50
_AT_ONCE = 2_000

_log = structlog.get_logger()


class StoppedError(Exception):
    """The daemon was asked to stop, or lost its share, while it waited."""


class Replicas:
    """The replicas of all partitions; they survive connections."""

    def __init__(self, rule_set: RuleSet, plans: Plans, engine: str, clock: Clock) -> None:
        """``engine``: a name that no other engine, and no other life of this one, has."""
        self.leads: set[int] = set()
        """Partitions that this engine judges."""
        self._rule_set = rule_set
        self._plans = plans
        self._engine = engine
        self._clock = clock
        self._all: list[Replica] = []
        self._next: list[int] = []
        """By partition: where alerts.state.v1 is followed on."""
        self._unwritten: set[int] = set()
        self._to_write_anew: set[int] = set()
        self._lives = ("", "")
        """Topic ids of readings.v1 and alerts.state.v1 that the memory belongs to."""

    def __getitem__(self, number: int) -> Replica:
        """Give a partition's replica."""
        return self._all[number]

    def __iter__(self) -> Iterator[Replica]:
        """Give all."""
        return iter(self._all)

    @property
    def patients(self) -> int:
        """Count those who are remembered."""
        return sum(map(len, self._all))

    def connect(self, state: Log, life: TopicLife) -> None:
        """Begin with a new connection: lead nothing, follow on where the last one ended."""
        state_life = state.life(STATE)
        if state_life.partitions != life.partitions:
            raise UnavailableError(
                f"{STATE} and {READINGS} differ in their number of partitions.",
                f"Delete {STATE} and run `vitalwire ingest setup`.",
            )
        readings, kept = self._lives
        if len(self._all) != life.partitions:
            self._all = [self._new(life.topic_id) for _ in range(life.partitions)]
            self._next = [0] * life.partitions
        for number in self.leads | self._unwritten:
            self._let_go(number)
        self.leads.clear()
        if readings and readings != life.topic_id:
            for replica in self._all:
                replica.begin_again(life.topic_id)
        if kept and kept != state_life.topic_id:
            self._next = [0] * life.partitions
        if self._lives not in {("", ""), (life.topic_id, state_life.topic_id)}:
            _log.warning("engine.begins-again", readings=readings != life.topic_id)
            self._to_write_anew = set(range(life.partitions))
        self._lives = (life.topic_id, state_life.topic_id)
        state.seek({(STATE, number): offset for number, offset in enumerate(self._next)})

    def catch_up(self, state: Log, numbers: Iterable[int], patience: Patience) -> None:
        """Follow alerts.state.v1 to its present end."""
        ends = state.ends()
        places = [(STATE, number) for number in numbers]
        while any(state.position()[place] < ends[place] for place in places):
            self._take(state.poll(_POLL_MS))
            if patience.stop.is_set():
                raise StoppedError

    def follow(self, state: Log) -> None:
        """Follow what others write, for a short while."""
        until_ms = self._clock.monotonic_ms() + _FOLLOW_FOR_MS
        while (records := state.poll(0)) and self._clock.monotonic_ms() < until_ms:
            self._take(records)

    def deal(self, numbers: set[int], state: Log, output: Output, patience: Patience) -> None:
        """Lead these partitions and no others."""
        for number in self.leads:
            self._let_go(number)
            state.read_on((STATE, number), self._next[number])
        self.leads.clear()
        self.catch_up(state, numbers, patience)
        for number in sorted(numbers):
            self._lead(number, output, patience)
            state.read_on((STATE, number), None)
            self.leads.add(number)

    def judge(self, number: int, entries: Entries) -> tuple[Outcome, list[Message]]:
        """Judge; what is given is to be written, by ``write``, after the transitions."""
        self._unwritten.add(number)
        outcome, writes = self._all[number].judge(entries)
        return outcome, _messages(number, writes)

    def write(
        self, number: int, messages: Sequence[Message], output: Output, patience: Patience
    ) -> None:
        """Write the patients' states, then the checkpoint behind them."""
        _write(output, messages[:-1], patience)
        _write(output, messages[-1:], patience)
        self._unwritten.discard(number)
        self._next[number] = output.ends[STATE, number]

    def _lead(self, number: int, output: Output, patience: Patience) -> None:
        replica = self._all[number]
        self._unwritten.add(number)
        writes = replica.lead(self._engine)
        if number in self._to_write_anew:
            for begin in range(0, len(replica), _AT_ONCE):
                rows = range(begin, min(begin + _AT_ONCE, len(replica)))
                _write(output, _messages(number, replica.items(rows)), patience)
        _write(output, _messages(number, writes), patience)
        self._to_write_anew.discard(number)
        self._unwritten.discard(number)
        self._next[number] = output.ends[STATE, number]

    def _let_go(self, number: int) -> None:
        if number in self._unwritten:
            self._all[number] = self._new(self._lives[0])
            self._next[number] = 0
            self._unwritten.discard(number)
        else:
            self._all[number].rest()

    def _new(self, topic_id: str) -> Replica:
        return Replica(self._rule_set, self._plans, topic_id)

    def _take(self, records: Iterable[LogRecord]) -> None:
        for record in records:
            if not self._all[record.partition].follow(record.key or b"", record.value):
                _log.error("state.unreadable", partition=record.partition, offset=record.offset)
            self._next[record.partition] = record.offset + 1


def _messages(number: int, writes: Iterable[Write]) -> list[Message]:
    return [Message(STATE, key, value, number) for key, value in writes]


def _write(output: Output, messages: Sequence[Message], patience: Patience) -> None:
    if messages and not output.write(messages, patience):
        raise StoppedError
