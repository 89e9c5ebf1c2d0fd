"""Every partition's state in this engine's memory: some led, the others kept warm.

``alerts.state.v1`` is followed for the partitions that others lead, so that taking one over needs
its end only. What was judged and could not be written is forgotten, and read again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path

import structlog

from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.partitions.output import Message, Output, Patience
from alerts.engine.partitions.partition import Entries
from alerts.engine.partitions.partitioner import partitions_of
from alerts.engine.partitions.replica import Replica, Write
from alerts.engine.partitions.snapshot import Header
from alerts.engine.partitions.snapshots import Snapshots
from alerts.engine.state.plans import Plans
from alerts.engine.step import Outcome
from alerts.log import Log, LogRecord, TopicLife
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import READINGS, STATE

_FOLLOW_FOR_MS = 50
_AT_ONCE = 2_000
_UNEVEN = 1_000
"""Patients whom a partition may have more than its share, without its memory being moved."""

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
        self._snapshots: Snapshots | None = None
        self._all: list[Replica] = []
        self._next: list[int] = []
        """By partition: where alerts.state.v1 is followed on."""
        self._outdated: set[int] = set()
        """Partitions that are still judged by the books before."""
        self._unwritten: Counter[int] = Counter()
        """By partition: how many times it was judged and that is not written."""
        self._to_write_anew: set[int] = set()
        self._lives = ("", "")
        """Topic ids of readings.v1 and alerts.state.v1 that the memory belongs to."""

    def __getitem__(self, number: int) -> Replica:
        """Give a partition's replica."""
        return self._all[number]

    def __iter__(self) -> Iterator[Replica]:
        """Give all."""
        return iter(self._all)

    def keep_snapshots(self, folder: Path | None, every_ms: int) -> None:
        """Keep local snapshots in a folder; None: a restart reads all from Kafka."""
        self._snapshots = Snapshots(folder, every_ms, self._clock) if folder else None

    @property
    def patients(self) -> int:
        """Count those who are remembered."""
        return sum(map(len, self._all))

    def adopt(self, rule_set: RuleSet, plans: Plans) -> None:
        """Judge by other books: partition by partition, see ``adopt_next``."""
        self._rule_set, self._plans = rule_set, plans
        self._outdated = set(range(len(self._all)))

    def adopt_next(self) -> None:
        """Take over one partition's state, between two steps of it: others are judged meanwhile."""
        if self._outdated:
            number = self._outdated.pop()
            self._all[number] = self._all[number].under(self._rule_set, self._plans)
            _log.info("engine.adopted-books", partition=number, left=len(self._outdated))

    def expect(self, patients: Iterable[str]) -> None:
        """Know patients of whom the registry speaks, though nothing may ever come from them."""
        known = [one.partition.state.rows for one in self._all]
        if not known:
            return
        unheard = [one for one in patients if not any(one in rows for rows in known)]
        by_partition: dict[int, list[str]] = defaultdict(list)
        for patient_id, number in partitions_of(unheard, len(known)).items():
            by_partition[number].append(patient_id)
        for number, some in by_partition.items():
            self._all[number].expect(some)

    def replan(self, patients: set[str]) -> None:
        """Take changed plans into the columns."""
        self.expect(one for one in patients if one in self._plans)
        for replica in self._all:
            replica.partition.state.replan_all(patients)

    def gateway_changed(self, gateway_id: str) -> None:
        """Say in the next steps what a gateway's report changes."""
        for replica in self._all:
            replica.partition.state.absences.gateway_changed(gateway_id)

    def connect(self, state: Log, life: TopicLife) -> None:
        """Begin with a new connection: lead nothing, follow on where the last one ended."""
        state_life = state.life(STATE)
        if state_life.partitions != life.partitions:
            raise UnavailableError(
                f"{STATE} and {READINGS} differ in their number of partitions.",
                f"Delete {STATE} and run `vitalwire ingest setup`.",
            )
        readings, kept = self._lives
        lives = (life.topic_id, state_life.topic_id)
        if len(self._all) != life.partitions:
            self._lives = readings, kept = lives
            self._next = [0] * life.partitions
            self._all = [self._new() for _ in self._next]
            for number in range(life.partitions):
                self._next[number] = self._load(number)
        for number in self.leads | self._unwritten.keys():
            self._let_go(number)
        self.leads.clear()
        if readings != life.topic_id:
            for replica in self._all:
                replica.begin_again(life.topic_id)
        if kept != state_life.topic_id:
            self._next = [0] * life.partitions
        if self._lives != lives:
            _log.warning("engine.begins-again", readings=readings != life.topic_id)
            self._to_write_anew = set(range(life.partitions))
        self._lives = lives
        state.seek({(STATE, number): offset for number, offset in enumerate(self._next)})

    def catch_up(self, state: Log, numbers: Iterable[int], patience: Patience) -> None:
        """Follow alerts.state.v1 to its present end."""
        for records in state.read_to_end(partitions=numbers):
            self._take(records)
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

    def judge(self, number: int, entries: Entries) -> tuple[Outcome, list[Write]]:
        """Judge; what is given is to be written, by ``write``, after the transitions.

        More may be judged before that; when all is written, ``written`` must say so.
        """
        self._unwritten[number] += 1
        return self._all[number].judge(entries)

    def write(self, writes: Mapping[int, list[Write]], output: Output, patience: Patience) -> None:
        """Write, by partition, the patients' states; then the checkpoints behind them.

        In any thread: nothing here is touched.
        """
        states = [_messages(number, some[:-1]) for number, some in writes.items()]
        _write(output, list(chain.from_iterable(states)), patience)
        checkpoints = [_messages(number, some[-1:]) for number, some in writes.items()]
        _write(output, list(chain.from_iterable(checkpoints)), patience)

    def written(self, numbers: Collection[int], output: Output) -> None:
        """Note that what was judged first of these partitions, and not written, is written."""
        self._unwritten.subtract(numbers)
        self._unwritten = +self._unwritten
        for number in numbers:
            self._next[number] = output.ends[STATE, number]

    def put_beside(
        self, number: int, key: bytes, value: bytes, output: Output, patience: Patience
    ) -> None:
        """Keep something of a partition that is led."""
        _write(output, [Message(STATE, key, value, number)], patience)
        self._all[number].beside[key] = value
        self._next[number] = output.ends[STATE, number]

    def _lead(self, number: int, output: Output, patience: Patience) -> None:
        replica = self._all[number]
        self._unwritten[number] += 1
        writes = replica.lead(self._engine)
        if number in self._to_write_anew:
            for begin in range(0, len(replica), _AT_ONCE):
                rows = range(begin, min(begin + _AT_ONCE, len(replica)))
                _write(output, _messages(number, replica.items(rows)), patience)
            _write(output, _messages(number, replica.beside.items()), patience)
        _write(output, _messages(number, writes), patience)
        self._to_write_anew.discard(number)
        del self._unwritten[number]
        self._next[number] = output.ends[STATE, number]

    def _let_go(self, number: int) -> None:
        if number in self._unwritten:
            self._all[number] = self._new()
            self._next[number] = self._load(number)
            del self._unwritten[number]
            self._outdated.discard(number)
        else:
            self._all[number].rest()

    @property
    def saving(self) -> bool:
        """Whether a snapshot is under way: ``save`` is to be called often."""
        return self._snapshots is not None and self._snapshots.under_way

    @property
    def save_due(self) -> bool:
        """Whether a snapshot is to begin, or to go on."""
        return self._snapshots is not None and self._snapshots.is_due(len(self._all))

    def save(self) -> None:
        """Go on with a snapshot for a short while, or begin one that is due.

        Not while something is judged and not written: a snapshot would hide its transitions.
        """
        if self._snapshots is not None and not self._unwritten:
            self._snapshots.go_on(self._all, self._header)

    def _header(self, number: int) -> Header:
        return Header(*self._lives, number, self._next[number])

    def _load(self, number: int) -> int:
        if self._snapshots is None:
            return 0
        return self._snapshots.load(self._header(number), self._all[number])

    def _new(self) -> Replica:
        replica = Replica(self._rule_set, self._plans, self._lives[0])
        replica.reserve(len(self._plans) // len(self._next) + _UNEVEN)
        return replica

    def _take(self, records: Iterable[LogRecord]) -> None:
        for number, group in groupby(records, key=lambda one: one.partition):
            some = list(group)
            writes = ((record.key or b"", record.value) for record in some)
            for place in self._all[number].follow(writes):
                _log.error("state.unreadable", partition=number, offset=some[place].offset)
            self._next[number] = some[-1].offset + 1


def _messages(number: int, writes: Iterable[Write]) -> list[Message]:
    return [Message(STATE, key, value, number) for key, value in writes]


def _write(output: Output, messages: Sequence[Message], patience: Patience) -> None:
    if messages and not output.write(messages, patience):
        raise StoppedError
