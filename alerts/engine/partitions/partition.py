"""One partition of readings.v1: its records in, what must be written out, nothing judged twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.readings.admission import decoded, held_back, sane
from alerts.engine.state.archive import Source, encode_patients
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import Outcome, step
from schemas.kafka import Canary, ReadingsRecord, Tick


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of records leads to; written in this order it is never lost, only repeated."""

    outcome: Outcome
    patients: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Entries:
    """Decoded records; ``rejected``: offsets of those that nobody can read, or not all of.

    ``ahead``: offsets of those whose stamps were held back, see
    ``alerts.engine.readings.admission``.
    ``canaries``: among ``records`` they only move log time; see ``alerts.engine.canaries``.
    """

    records: list[ReadingsRecord]
    rejected: list[int]
    next_offset: int
    ahead: list[int]
    canaries: list[Canary] = field(default_factory=list)

    @property
    def patients(self) -> set[str]:
        """Whose readings these are."""
        return {entry.patient_id for entry in self.records if not isinstance(entry, Tick)}


class Partition:
    """The state of a partition and its place in the log."""

    def __init__(self, rule_set: RuleSet, plans: Plans, topic_id: str) -> None:
        """Start at the beginning of the topic's life ``topic_id``, with nobody."""
        self.state = PartitionState(rule_set, plans)
        self.topic_id = topic_id
        self.next_offset = 0
        self.seen = 0
        self.held: dict[str, int] = {}
        """Patients whose state has seen the log up to another offset than ``_seen``."""

    def resume(
        self, next_offset: int, log_ms: int, seen: int = 0, held: Mapping[str, int] | None = None
    ) -> None:
        """Go on at an offset of the topic's present life.

        Every patient's state has seen the log up to ``seen``; in ``held``: up to other offsets.
        """
        self.next_offset = next_offset
        self.state.log_ms = log_ms
        self.seen = max(seen, next_offset)
        self.held = dict(held or {})

    def go_on_like(self, other: "Partition") -> None:
        """Go on where another one of the same topic stands."""
        self.resume(other.next_offset, other.state.log_ms, other.seen, other.held)

    def begin_again(self, topic_id: str) -> None:
        """Readings.v1 was created again: its offsets begin at 0, what is remembered stays."""
        self.topic_id, self.next_offset, self.seen = topic_id, 0, 0
        self.held.clear()

    def read(
        self, records: Sequence[tuple[int, bytes | None]], appended_ms: Sequence[int] = ()
    ) -> Entries:
        """Decode (offset, value), in log order; at least one. ``appended_ms``: when each came."""
        entries: list[ReadingsRecord] = []
        rejected: list[int] = []
        ahead: list[int] = []
        canaries: list[Canary] = []
        came = appended_ms or [0] * len(records)
        for (offset, value), came_ms in zip(records, came, strict=True):
            entry = decoded(value)
            if entry is None:
                rejected.append(offset)
                continue
            if isinstance(entry, Canary):
                canaries.append(entry)
                entry = Tick(entry.received_at_ms)
            taken = sane(entry)
            if taken is not entry:
                rejected.append(offset)
            timed = held_back(taken, came_ms)
            if timed is not taken:
                ahead.append(offset)
            entries.append(self._unless_held(offset, timed))
        return Entries(entries, rejected, records[-1][0] + 1, ahead, canaries)

    def judge(self, entries: Entries) -> Batch:
        """Judge what ``read`` gave; the next records come after these."""
        outcome = step(self.state, entries.records)
        self.next_offset = entries.next_offset
        if self.next_offset >= self.seen:
            ahead = {name: held for name, held in self.held.items() if held > self.next_offset}
            self.held = ahead
        patients = self._encoded(sorted(outcome.touched))
        return Batch(outcome, patients)

    @property
    def _source(self) -> Source:
        return Source(self.topic_id, self.next_offset)

    def _unless_held(self, offset: int, entry: ReadingsRecord) -> ReadingsRecord:
        """A record that a restored patient has seen only moves log time."""
        if isinstance(entry, Tick) or self.held.get(entry.patient_id, self.seen) <= offset:
            return entry
        return Tick(entry.received_at_ms)

    def _encoded(self, rows: Sequence[int]) -> list[tuple[str, bytes]]:
        """Encode patients; one restored from further on keeps the record that says so."""
        patients, held = self.state.patients, self.held
        written = [row for row in rows if held.get(patients[row], self.seen) <= self.next_offset]
        encoded = encode_patients(self.state, written, repeat(self._source))
        return [(patients[row], value) for row, value in zip(written, encoded, strict=True)]
