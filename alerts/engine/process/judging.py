"""Judges records of readings.v1: a part of them is written while the next one is read and judged.

Whatever else writes, or needs to know what is written, finishes first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby

import msgspec
import structlog

from alerts.engine.canaries import CANARY_BOOK, judge_canaries
from alerts.engine.ladders.ladder import arrange
from alerts.engine.partitions.output import Message, Output, Patience
from alerts.engine.partitions.partition import Entries
from alerts.engine.partitions.replica import Write
from alerts.engine.partitions.replicas import Replicas, StoppedError
from alerts.engine.process import metrics
from alerts.engine.process.ahead import Ahead
from alerts.engine.process.reports import Reports
from alerts.engine.process.roster import Roster
from alerts.engine.step import Outcome
from alerts.log import LogRecord
from alerts.rules.load import find_book, load_book
from schemas.clock import Clock
from schemas.topics import ALERTS, READINGS

_PART_RECORDS = 2_500
"""Judged at once while as many are being written; a batch of so few is not parted.

Of fewer each costs more: what numpy begins with is paid once a part. More would be written for
longer than a deal of the partitions should wait."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a part of a batch leads to: of each of its partitions, and what is to be written."""

    entries: list[Entries]
    outcomes: list[Outcome]
    found: list[Message]
    states: dict[int, list[Write]]
    log_ms: int


class Judging:
    """The judging of one connection."""

    def __init__(
        self, roster: Roster, replicas: Replicas, reports: Reports, ahead: Ahead, clock: Clock
    ) -> None:
        """Do nothing yet."""
        self._roster = roster
        self._replicas = replicas
        self._reports = reports
        self._ahead = ahead
        self._clock = clock
        self._canary_rules = arrange([load_book(find_book(CANARY_BOOK))])
        self._under_way: _Judged | None = None

    def judge(self, records: list[LogRecord], output: Output, patience: Patience) -> None:
        """Judge records, sorted by partition, and write what follows: ``finish`` waits for that."""
        for begin in range(0, len(records), _PART_RECORDS):
            part = self._judge_part(records[begin : begin + _PART_RECORDS])
            self.finish(output)
            self._under_way = part
            self._ahead.begin(partial(self._write, part, output, patience))

    def finish(self, output: Output) -> None:
        """Wait until all that was judged is written; raise what ended that."""
        self._ahead.finish()
        part, self._under_way = self._under_way, None
        if part is not None:
            self._replicas.written(part.states.keys(), output)
            self._count(part)

    def _judge_part(self, records: list[LogRecord]) -> _Judged:
        groups = groupby(records, key=lambda one: one.partition)
        read = {number: self._read(number, list(group)) for number, group in groups}
        self._meet(read.values())
        judged = {number: self._replicas.judge(number, entries) for number, entries in read.items()}
        canaries = chain(*(entries.canaries for entries in read.values()))
        found = [
            *chain(*(outcome.transitions for outcome, _ in judged.values())),
            *judge_canaries(canaries, self._canary_rules),
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

    def _meet(self, read: Iterable[Entries]) -> None:
        """Make sure that the registry was asked about a patient before the first judgement."""
        patients = set[str]().union(*(entries.patients for entries in read))
        if not self._roster.plans.unknown(patients):
            return
        self._replicas.replan(self._roster.read_to_end())
        unknown = self._roster.plans.unknown(patients)
        if unknown:
            metrics.UNKNOWN.inc()
            _log.warning("engine.unknown-patients", count=len(unknown))

    def _count(self, part: _Judged) -> None:
        for entries, outcome in zip(part.entries, part.outcomes, strict=True):
            _count(outcome, entries)
        metrics.LAG.set((self._clock.wall_ms() - part.log_ms) / 1000)


def _count(outcome: Outcome, entries: Entries) -> None:
    metrics.REJECTED.inc(len(entries.rejected))
    metrics.AHEAD.inc(len(entries.ahead))
    metrics.JUDGED.inc(len(outcome.ages_ms) - outcome.duplicates)
    metrics.DUPLICATES.inc(outcome.duplicates)
    metrics.CORRECTED.inc(outcome.corrected)
    metrics.AGE.observe(outcome.ages_ms)
    for one in outcome.transitions:
        metrics.TRANSITIONS.labels(one.event, one.severity).inc()
        _log.info(
            "transition",
            alert_id=one.alert_id,
            ladder=one.ladder,
            transition=one.event,
            severity=one.severity,
        )
