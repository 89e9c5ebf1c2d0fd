"""One engine's copy of a partition's state: it follows what others write, or leads and judges.

Whoever leads took the partition over where the last checkpoint ends.
``alerts.engine.partitions.changelog`` says whose records are then believed; what is not is judged
again, for its patients only.
"""

from collections.abc import Iterable, Iterator
from itertools import repeat

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from alerts.engine.absence.gaps import LOG_GAP_MS
from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.partitions.changelog import (
    CHECKPOINT_KEY,
    Checkpoint,
    Kept,
    checkpoint_key,
    decode_checkpoint,
    decode_kept,
    encode_checkpoint,
    encode_kept,
)
from alerts.engine.partitions.partition import Entries, Partition
from alerts.engine.state.archive import PatientRecord, Source, decode_patient, encode_patients
from alerts.engine.state.plans import Plans
from alerts.engine.state.restoring import restore_patients
from alerts.engine.step import Outcome

Write = tuple[bytes, bytes | None]
"""Key and value of a record of alerts.state.v1."""

_OTHER_LIFE, _UNREADABLE = -1, -2
_ROWS_FIRST = 256
_AT_ONCE = 1_000


class Replica:
    """Follows until ``lead``; leads until ``rest``."""

    def __init__(self, rule_set: RuleSet, plans: Plans, topic_id: str) -> None:
        """Know nobody; ``topic_id``: the present life of readings.v1."""
        self.partition = Partition(rule_set, plans, topic_id)
        self.partition.state.absences.gap_ms = LOG_GAP_MS
        self.checkpoint = Checkpoint(topic_id, 0, self.partition.state.log_ms)
        """The last one written, or that of the leader who is to be believed."""
        self.beside: dict[bytes, bytes] = {}
        """What else is kept in this partition of alerts.state.v1, by its key."""
        self._found: dict[str, Checkpoint] = {}
        self._writers: dict[str, int] = {"": 0}
        self._writer = np.zeros(_ROWS_FIRST, np.int32)
        self._holds: npt.NDArray[np.int64] = np.zeros(_ROWS_FIRST, np.int64)
        """By row: the offset up to which the state holds, or one of the two above."""
        self._log_ms: npt.NDArray[np.int64] = np.zeros(_ROWS_FIRST, np.int64)

    def __len__(self) -> int:
        """Count the patients."""
        return len(self.partition.state.patients)

    @property
    def writer(self) -> str:
        """Who leads, as far as is known here."""
        return self.checkpoint.writer

    def follow(self, writes: Iterable[tuple[bytes, bytes | None]]) -> list[int]:
        """Take records of alerts.state.v1; give the places of those that nobody can read.

        A patient whose state cannot be read is judged again from the beginning.
        """
        unreadable: list[int] = []
        found: dict[str, tuple[Kept, PatientRecord]] = {}
        for place, (key, value) in enumerate(writes):
            if key.startswith(b"\x00"):
                if not self._follow_beside(key, value):
                    unreadable.append(place)
                continue
            if not value:
                continue
            patient_id = key.decode(errors="replace")
            if patient_id in found:  # of several records of one patient the last one counts
                self._restore(found)
                found = {}
            kept = decode_kept(value)
            patient = decode_patient(kept.patient) if kept else None
            if kept is None or patient is None:
                unreadable.append(place)
                self._note(self.partition.state.row(patient_id), "", _UNREADABLE, 0)
            else:
                found[patient_id] = kept, patient
        self._restore(found)
        return unreadable

    def reserve(self, patients: int) -> None:
        """Make room for so many, at once: to make it bit by bit is to copy all again and again."""
        self.partition.state.reserve(patients)

    def expect(self, patient_ids: Iterable[str]) -> None:
        """Know patients from whom nothing may ever come."""
        state = self.partition.state
        new = [one for one in patient_ids if one not in state.rows]
        self._note(state.rows_of(new).tolist(), "", 0, 0)

    def lead(self, engine: str) -> list[Write]:
        """Take over; what is given must be durable before anything is judged.

        ``partition.next_offset`` says where to read on. ``engine``: a name that no other one has.
        """
        found = [self.checkpoint, *self._found.values()]
        last = max(found, key=lambda one: (one.generation, one.next_offset, one.writer))
        generation = max(one.generation for one in found) + 1
        reign = f"{engine}.{generation}"  # an engine that leads again is another writer
        self.checkpoint = last.succeeded(reign, generation, self.partition.topic_id)
        self.partition.state.absences.restore_away(last.away)
        doubtful = self._settle()
        outdated = [checkpoint_key(name) for name in self._found]
        self._found.clear()
        # In this order: what a patient's record says in our name counts from our checkpoint on.
        return [
            self._own_checkpoint(),
            *((key, None) for key in outdated),
            *self.items(doubtful),
        ]

    def judge(self, entries: Entries) -> tuple[Outcome, list[Write]]:
        """Judge what ``partition.read`` gave; write what is given, in order."""
        batch = self.partition.judge(entries)
        state = self.partition.state
        rows = [state.rows[patient_id] for patient_id, _ in batch.patients]
        self._note(rows, self.writer, self.partition.next_offset, state.log_ms)
        writes: list[Write] = [
            (patient_id.encode(), encode_kept(self.writer, state.log_ms, value))
            for patient_id, value in batch.patients
        ]
        self.checkpoint = replace(
            self.checkpoint,
            next_offset=self.partition.next_offset,
            log_ms=state.log_ms,
            away=state.absences.keep_away(),
        )
        return batch.outcome, [*writes, self._own_checkpoint()]

    def rest(self) -> None:
        """Follow again: all that was judged is written."""
        self._found[self.writer] = self.checkpoint

    def under(self, rule_set: RuleSet, plans: Plans) -> "Replica":
        """Give the same under other books: state is kept by the names of rules."""
        other = Replica(rule_set, plans, self.partition.topic_id)
        other.reserve(len(self))
        state = self.partition.state
        every = range(len(state.patients))
        encoded = encode_patients(state, every, repeat(Source("", 0)))
        records = map(decode_patient, encoded)
        for begin in every[::_AT_ONCE]:
            names = state.patients[begin : begin + _AT_ONCE]
            kept = {name: record for name, record in zip(names, records, strict=False) if record}
            assert len(kept) == len(names), "what is written here can be read here"
            restore_patients(other.partition.state, kept)
        other.partition.go_on_like(self.partition)
        other.partition.state.absences.go_on_like(state.absences)
        other.checkpoint, other.beside, other._found = self.checkpoint, self.beside, self._found
        other._writers, other._writer = self._writers, self._writer
        other._holds, other._log_ms = self._holds, self._log_ms
        return other

    def begin_again(self, topic_id: str) -> None:
        """Readings.v1 was created again: see ``Partition.begin_again``."""
        self._holds[:] = _OTHER_LIFE
        self.partition.begin_again(topic_id)

    def items(self, rows: Iterable[int]) -> Iterator[Write]:
        """Give patients as their last records said, or would say."""
        state = self.partition.state
        names, topic_id = list(self._writers), self.partition.topic_id
        rows = list(rows)
        holds: list[int] = self._holds[rows].tolist()
        sources = [Source("" if one == _OTHER_LIFE else topic_id, max(one, 0)) for one in holds]
        encoded = encode_patients(state, rows, sources)
        for row, held, value in zip(rows, holds, encoded, strict=True):
            key = state.patients[row].encode()
            if held == _UNREADABLE:  # nor can it later
                yield key, b"\x00"
                continue
            writer = names[self._writer[row]]
            yield key, encode_kept(writer, int(self._log_ms[row]), value)

    def notes(self) -> Iterator[Write]:
        """Give what is known beside the patients."""
        yield from self.beside.items()
        for one in [self.checkpoint, *self._found.values()]:
            yield checkpoint_key(one.writer), encode_checkpoint(one)

    def _restore(self, found: dict[str, tuple[Kept, PatientRecord]]) -> None:
        """Put different patients back."""
        if not found:
            return
        rows = restore_patients(
            self.partition.state, {name: patient for name, (_, patient) in found.items()}
        )
        topic_id = self.partition.topic_id
        holds = [
            patient.next_offset if patient.topic_id == topic_id else _OTHER_LIFE
            for _, patient in found.values()
        ]
        self._make_room()
        self._writer[rows] = [self._number(kept.writer) for kept, _ in found.values()]
        self._holds[rows] = holds
        self._log_ms[rows] = [kept.log_ms for kept, _ in found.values()]

    def _follow_beside(self, key: bytes, value: bytes | None) -> bool:
        if key.startswith(CHECKPOINT_KEY):
            return self._follow_checkpoint(key, value)
        self.beside[key] = value or b""
        return True

    def _follow_checkpoint(self, key: bytes, value: bytes | None) -> bool:
        checkpoint = decode_checkpoint(value) if value else None
        if checkpoint is not None:
            self._found[checkpoint.writer] = checkpoint
            return True
        writer = key[len(CHECKPOINT_KEY) + 1 :].decode(errors="replace")
        self._found.pop(writer, None)
        return not value

    def _own_checkpoint(self) -> Write:
        return checkpoint_key(self.writer), encode_checkpoint(self.checkpoint)

    def _settle(self) -> list[int]:
        """Find where to read on, and which patients have seen other parts of the log.

        Give those whose records are not believed: from there on they are judged again, in our name.
        """
        size, ends = len(self), self.checkpoint.next_offset
        holds = self._holds[:size]
        believed = self._believed()[self._writer[:size]]
        doubtful = np.flatnonzero((holds > believed) | (holds == _UNREADABLE))
        begins, log_ms = ends, self.checkpoint.log_ms
        if len(doubtful):
            first = doubtful[np.argmin(holds[doubtful])]
            if holds[first] < ends:
                begins, log_ms = max(0, int(holds[first])), int(self._log_ms[first])
        holds[doubtful] = np.maximum(holds[doubtful], 0)
        self._writer[doubtful] = self._number(self.writer)
        apart = {*doubtful.tolist(), *np.flatnonzero(holds > ends).tolist()}
        patients = self.partition.state.patients
        held = {patients[row]: int(holds[row]) for row in apart}
        self.partition.resume(begins, log_ms, ends, held)
        self.checkpoint = replace(self.checkpoint, next_offset=begins, log_ms=log_ms)
        rows: list[int] = doubtful.tolist()
        return rows

    def _believed(self) -> npt.NDArray[np.int64]:
        """Give by number of the writer the offset up to which it is believed."""
        reigns = self.checkpoint.reigns
        until = self.checkpoint.believed_until()
        believed = np.full(len(self._writers), reigns[0].began, np.int64)
        for name, number in self._writers.items():
            if name in until:
                believed[number] = until[name]
        return believed

    def _note(self, rows: int | list[int], writer: str, holds: int, log_ms: int) -> None:
        self._make_room()
        self._writer[rows] = self._number(writer)
        self._holds[rows] = holds
        self._log_ms[rows] = log_ms

    def _make_room(self) -> None:
        while len(self._holds) < len(self):
            self._writer = np.concatenate([self._writer, np.zeros_like(self._writer)])
            self._holds = np.concatenate([self._holds, np.zeros_like(self._holds)])
            self._log_ms = np.concatenate([self._log_ms, np.zeros_like(self._log_ms)])

    def _number(self, writer: str) -> int:
        return self._writers.setdefault(writer, len(self._writers))
