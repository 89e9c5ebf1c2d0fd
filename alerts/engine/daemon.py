"""The engine's process: readings.v1 and registry.v1 in, alerts.v1 and alerts.state.v1 out.

Order of writing, part of a batch by part: its transitions; the state of each patient it touched;
the partitions' checkpoints. Each is durable before the next is sent, so that a crash anywhere
repeats transitions, under the same event ids, and never loses one. A part is written while the next
one is judged; before more is read, all is written. Engines share the partitions as a consumer
group; each keeps the state of all, and takes over what another one held.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, cycle, groupby
from pathlib import Path
from random import Random
from threading import Event

import msgspec
import structlog

from alerts.engine import metrics
from alerts.engine.ahead import Ahead
from alerts.engine.beside import Beside
from alerts.engine.canaries import CANARY_BOOK, judge_canaries
from alerts.engine.gateways import Gateways
from alerts.engine.groups import Group, Share
from alerts.engine.library import Library
from alerts.engine.output import Message, Output, Patience
from alerts.engine.partition import Entries
from alerts.engine.plans import Plans
from alerts.engine.replica import Write
from alerts.engine.replicas import Replicas, StoppedError
from alerts.engine.reports import Reports
from alerts.engine.roster import Roster
from alerts.engine.step import Outcome
from alerts.log import Log, LogRecord
from alerts.rules.book import Book
from alerts.rules.load import find_book, load_book
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import ALERTS, GATEWAYS, READINGS, REGISTRY, STATE, UNASSIGNED

_POLL_MS = 250
_BATCH_RECORDS_MAX = 5_000
_PART_RECORDS = 1_000
"""Judged at once while as many are being written; a batch of so few is not parted."""
_CHECK_EVERY_MS = 500
"""Between two questions whether a topic is what it was; each of the five is asked in its turn."""
_LOOK_BESIDE_EVERY_MS = 100
"""How long readings that come in a row may keep what lies beside them waiting: asking each of the
other connections costs a millisecond on an idle machine, and ten on a busy one."""
_CLIENT_ID = "vitalwire-alerts-engine"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What one connection reads."""

    roster: Roster
    gateways: Gateways
    state: Log
    share: Share
    beside: Beside
    ahead: Ahead

    def checks(self) -> Iterator[Callable[[], None]]:
        """Give for ever what raises ``UnavailableError`` if a topic is away or was made again.

        Each waits for the broker's answer: one at a time, or readings would wait for all.
        """
        read = (self.share, self.state, self.roster, self.gateways, self.beside)
        return cycle(one.check for one in read)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a part of a batch leads to: of each of its partitions, and what is to be written."""

    entries: list[Entries]
    outcomes: list[Outcome]
    found: list[Message]
    states: dict[int, list[Write]]
    log_ms: int


@dataclass(slots=True)
class Engine:
    """Runs until ``stop`` is set, through every failure of the broker."""

    bootstrap: str
    library: Library
    clock: Clock
    rng: Random
    stop: Event
    group: Group | None = None
    """Engines to share the partitions with; None: this one judges them all."""
    restoring: Callable[[], AbstractContextManager[None]] = nullcontext
    """What the process does while everything is read into memory, where it will stay."""
    waiting_for: str | None = "starting"
    """Why it does not judge now; None while it does."""
    name: str = field(init=False)
    _canary_book: Book = field(default_factory=lambda: load_book(find_book(CANARY_BOOK)))
    _plans: Plans = field(init=False)
    _replicas: Replicas = field(init=False)
    _reports: Reports = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"{self.rng.getrandbits(48):012x}"
        self._plans = Plans(self.library.rule_set)
        self._replicas = Replicas(self.library.rule_set, self._plans, self.name, self.clock)
        self._reports = Reports(self.name, self.clock)

    def keep_snapshots(self, folder: Path | None, every_ms: int) -> None:
        """Keep local copies of the state in a folder of this engine's own; None: keep none."""
        self._replicas.keep_snapshots(folder, every_ms)

    def run(self) -> None:
        """Judge until stopped; say the first failure of a row and each change of its cause."""
        backoff = Backoff(self.rng)
        while not self.stop.is_set():
            try:
                with (
                    Output(self.bootstrap, _CLIENT_ID) as output,
                    Log(self.bootstrap, (REGISTRY,), _CLIENT_ID) as registry,
                    Log(self.bootstrap, (GATEWAYS,), _CLIENT_ID) as reports,
                    Log(self.bootstrap, (STATE,), _CLIENT_ID) as state,
                    Log(self.bootstrap, (UNASSIGNED,), _CLIENT_ID) as unassigned,
                    Share(self.bootstrap, (READINGS,), _CLIENT_ID, self.group) as share,
                    Ahead() as ahead,
                ):
                    inputs = _Inputs(
                        Roster(registry, self.library, self._plans),
                        Gateways(reports, self._plans.surroundings, self.clock.wall_ms()),
                        state,
                        share,
                        Beside(self.library, unassigned, self._replicas),
                        ahead,
                    )
                    self._begin(inputs)
                    backoff.reset()
                    self._judge_all(output, inputs)
            except UnavailableError as error:
                if self.waiting_for != error.cause:
                    _log.warning("engine.waiting", cause=error.cause)
                self.waiting_for = error.cause
                self.stop.wait(backoff.next_s())
            except StoppedError:
                _log.warning("engine.lost-its-share", stopping=self.stop.is_set())

    def _begin(self, inputs: _Inputs) -> None:
        """Know everything before the group deals this engine anything."""
        with self.restoring():
            self._read_registry(inputs.roster)
            inputs.gateways.read_to_end()
            self.waiting_for = "restoring the state of alerts"
            life = inputs.share.life(READINGS)
            self._replicas.connect(inputs.state, life)
            patience = self._patience(inputs)
            self._replicas.catch_up(inputs.state, range(life.partitions), patience)
            self._replicas.expect(self._plans)
        _log.info("engine.restored", patients=self._replicas.patients)
        self.waiting_for = "its share of the partitions"

    def _judge_all(self, output: Output, inputs: _Inputs) -> None:
        roster, beside, share = inputs.roster, inputs.beside, inputs.share
        patience = self._patience(inputs)
        checks = inputs.checks()
        checked_ms = looked_ms = self.clock.monotonic_ms()
        while not self.stop.is_set():
            records = _poll(share)
            if share.has_news():
                self._take_share(inputs, output)
                beside.deal()
            self._replan(roster.read_news())
            if roster.outdated:
                self._read_registry(roster)
                beside.deal()
            self._replicas.adopt_next()
            if records:
                self._judge(records, output, inputs, patience)
            self._reports.tell(self._replicas, share, output, patience)
            if not records or self.clock.monotonic_ms() - looked_ms >= _LOOK_BESIDE_EVERY_MS:
                self._look_beside(inputs, output, patience)
                looked_ms = self.clock.monotonic_ms()
            if self.clock.monotonic_ms() - checked_ms >= _CHECK_EVERY_MS:
                next(checks)()
                checked_ms = self.clock.monotonic_ms()

    def _look_beside(self, inputs: _Inputs, output: Output, patience: Patience) -> None:
        """See to all that does not come with the readings."""
        for gateway_id in sorted(inputs.gateways.read_news()):
            self._replicas.gateway_changed(gateway_id)
        inputs.beside.judge(output, patience)
        self._replicas.follow(inputs.state)
        self._replicas.save()

    def _read_registry(self, roster: Roster) -> None:
        """Know all books and plans; other books than before are adopted."""
        patients = roster.read_whole()
        if roster.plans is not self._plans:
            self._plans = roster.plans
            self._replicas.adopt(self.library.rule_set, self._plans)
        self._replan(patients)

    def _take_share(self, inputs: _Inputs, output: Output) -> None:
        """Lead what the group has dealt; follow all else."""
        share = inputs.share
        numbers = {number for topic, number in share.take_news() if topic == READINGS}
        self._replicas.deal(numbers, inputs.state, output, self._patience(inputs))
        for number in numbers:
            share.read_on((READINGS, number), self._replicas[number].partition.next_offset)
        metrics.LEADS.set(len(numbers))
        self.waiting_for = None
        _log.info("engine.judging", partitions=sorted(numbers), patients=self._replicas.patients)

    def _judge(
        self, records: list[LogRecord], output: Output, inputs: _Inputs, patience: Patience
    ) -> None:
        """Judge records, part by part, each while the part before it is being written."""
        judged = []
        for begin in range(0, len(records), _PART_RECORDS):
            part = self._judge_part(records[begin : begin + _PART_RECORDS], inputs.roster)
            judged.append(part)
            inputs.ahead.begin(partial(self._write, part, output, patience))
        inputs.ahead.finish()
        self._replicas.written({number for part in judged for number in part.states}, output)
        for part in judged:
            self._count(part)

    def _judge_part(self, records: list[LogRecord], roster: Roster) -> _Judged:
        groups = groupby(records, key=lambda one: one.partition)
        read = {number: self._read(number, list(group)) for number, group in groups}
        self._meet(read.values(), roster)
        judged = {number: self._replicas.judge(number, entries) for number, entries in read.items()}
        canaries = chain(*(entries.canaries for entries in read.values()))
        found = [
            *chain(*(outcome.transitions for outcome, _ in judged.values())),
            *judge_canaries(canaries, self._canary_book),
        ]
        return _Judged(
            list(read.values()),
            [outcome for outcome, _ in judged.values()],
            [
                Message(ALERTS, (one.patient_id or one.subject).encode(), msgspec.json.encode(one))
                for one in found
            ],
            {number: writes for number, (_, writes) in judged.items()},
            max(self._replicas[number].partition.state.log_ms for number in judged),
        )

    def _write(self, part: _Judged, output: Output, patience: Patience) -> None:
        """Write what follows from a part: three waits, whatever the number of partitions."""
        if part.found and not output.write(part.found, patience):
            raise StoppedError
        self._replicas.write(part.states, output, patience)

    def _read(self, number: int, records: list[LogRecord]) -> Entries:
        entries = self._replicas[number].partition.read(
            [(record.offset, record.value) for record in records],
            [record.appended_ms for record in records],
        )
        self._reports.read(number, records[-1], len(entries.ahead))
        for offset in entries.rejected:
            _log.error("record.rejected", topic=READINGS, partition=number, offset=offset)
        for offset in entries.ahead:
            _log.error("record.from-the-future", topic=READINGS, partition=number, offset=offset)
        return entries

    def _meet(self, read: Iterable[Entries], roster: Roster) -> None:
        """Make sure that the registry was asked about a patient before the first judgement."""
        patients = {patient for entries in read for patient in entries.patients}
        if all(patient in self._plans for patient in patients):
            return
        self._replan(roster.read_to_end())
        unknown = [patient for patient in patients if patient not in self._plans]
        if unknown:
            metrics.UNKNOWN.inc()
            _log.warning("engine.unknown-patients", count=len(unknown))

    def _replan(self, patients: set[str]) -> None:
        self._replicas.expect(patient for patient in patients if patient in self._plans)
        self._replicas.replan(patients)

    def _patience(self, inputs: _Inputs) -> Patience:
        def may() -> bool:
            return inputs.share.holds() and not inputs.ahead.given_up

        return Patience(self.stop, self.rng, self._wait_for, may)

    def _wait_for(self, reason: str | None) -> None:
        self.waiting_for = reason

    def _count(self, part: _Judged) -> None:
        for entries, outcome in zip(part.entries, part.outcomes, strict=True):
            _count(outcome, entries)
        metrics.LAG.set((self.clock.wall_ms() - part.log_ms) / 1000)


def _count(outcome: Outcome, entries: Entries) -> None:
    metrics.REJECTED.inc(len(entries.rejected))
    metrics.AHEAD.inc(len(entries.ahead))
    metrics.JUDGED.inc(len(outcome.ages_ms) - outcome.duplicates)
    metrics.DUPLICATES.inc(outcome.duplicates)
    metrics.CORRECTED.inc(outcome.corrected)
    for age_ms in outcome.ages_ms:
        metrics.AGE.observe(age_ms / 1000)
    for one in outcome.transitions:
        metrics.TRANSITIONS.labels(one.event, one.severity).inc()
        _log.info(
            "transition",
            alert_id=one.alert_id,
            ladder=one.ladder,
            transition=one.event,
            severity=one.severity,
        )


def _poll(share: Share) -> list[LogRecord]:
    """Wait for records, then take what else is there: one write serves many. By partition.

    What was read before partitions were dealt anew is left: it may be another engine's by now.
    """
    if share.has_news():
        return []
    records = more = share.poll(_POLL_MS)
    while more and len(records) < _BATCH_RECORDS_MAX and not share.has_news():
        more = share.poll(0)
        records += more
    if share.has_news():
        return []
    return sorted(records, key=lambda one: one.partition)  # stable: log order stays
