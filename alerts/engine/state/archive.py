"""A patient's state as alerts.state.v1 keeps it: private to the engine, versioned, MessagePack.

Each says up to which offset of which life of readings.v1 (``topic_id``) it holds: a restart skips
what is in it already. Rungs are kept by name (book/rule), so that a changed rule book finds its
own. ``alerts.engine.partitions.changelog`` says what is around it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np

from alerts.engine.absence.keep import KeptSilence
from alerts.engine.ladders.ladder import Ladder, VitalLadders
from alerts.engine.readings.columns import Integers
from alerts.engine.readings.sight import Sight
from alerts.engine.state.archived_ladders import KeptLadder, kept_ladder
from alerts.engine.state.partition_state import Orphan, PartitionState
from alerts.engine.state.remembered import circumstances
from alerts.engine.state.rung_digests import named_by_key, named_by_what_they_ask

VERSION = 2
_READABLE = (1, 2)
"""Version 1 knew single readings only: it has the ids of recent ones, and no ring."""

_AT_ONCE = 1_000
"""Patients: a copy of their slots is a megabyte or two."""


class ArrivalsRecord(msgspec.Struct, frozen=True):
    """``Arrivals``, with its rung by name."""

    day: str
    count: int
    rung: str
    rank: int
    excess: float
    sight: Sight


class VitalRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a vital; ``recent`` is of version 1.

    ``slot``: exactly as ``alerts.engine.state.memory`` lays it out. ``cleared``: digests of the
    rungs whose return condition the newest reading met. ``asked``: digests of the circumstances,
    in the order of their bits in the ring; None: nobody wrote them down.
    """

    newest_ms: int
    recent: bytes = b""
    arrivals: ArrivalsRecord | None = None
    slot: bytes = b""
    cleared: bytes = b""
    asked: bytes | None = None


class PatientRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A patient's state as of ``next_offset``."""

    topic_id: str
    next_offset: int
    vitals: dict[str, VitalRecord]
    ladders: dict[str, KeptLadder]
    version: int
    silence: KeptSilence = KeptSilence()
    known: bytes | None = None
    """Digests of the rungs under which the patient was judged, and of what they ask for.

    None: nobody wrote them down."""
    inactive: bytes = b""
    withdrawn: dict[str, int] = {}
    early: dict[str, dict[str, str]] = {}
    announced: dict[str, int] = {}
    orphans: list[Orphan] = []
    """What a version of the books has left out, and nobody was told yet."""
    sessions: dict[int, int] = {}
    dated: bytes = b""
    kept_vitals: list[str] | None = None
    """Of which readings were kept, if any came; None: nobody wrote it down."""


@dataclass(frozen=True, slots=True)
class Source:
    """Up to where readings.v1 has been judged."""

    topic_id: str
    next_offset: int


_encoder = msgspec.msgpack.Encoder()
_patient_decoder = msgspec.msgpack.Decoder(PatientRecord)


def encode_patient(state: PartitionState, row: int, source: Source) -> bytes:
    """Write a patient's state."""
    return next(encode_patients(state, [row], [source]))


def encode_patients(
    state: PartitionState, rows: Sequence[int], sources: Iterable[Source]
) -> Iterator[bytes]:
    """Write patients' states, many at once: of each column one look serves them all."""
    each = iter(sources)
    for begin in range(0, len(rows), _AT_ONCE):
        yield from _encoded(state, rows[begin : begin + _AT_ONCE], each)


def _encoded(
    state: PartitionState, rows: Sequence[int], sources: Iterator[Source]
) -> Iterator[bytes]:
    ladders = state.rule_set.ladders
    here = np.array(rows, np.int64)
    vitals = [_Vitals(state, vital, here) for vital in state.rule_set.vitals]
    known, inactive = _bytes_of(state.known[here]), _bytes_of(state.inactive[here])
    silences = state.absences.keep(rows)
    for place, (row, source) in enumerate(zip(rows, sources, strict=False)):
        yield _encoder.encode(
            PatientRecord(
                source.topic_id,
                source.next_offset,
                {one.name: one.kept(place, row) for one in vitals if one.slot[place] >= 0},
                {
                    ladder.name: kept_ladder(ladder, state.ladders[row, ladder.index])
                    for ladder in ladders
                    if (row, ladder.index) in state.ladders
                },
                VERSION,
                silences[place],
                known=named_by_what_they_ask(ladders, known[place]),
                inactive=named_by_key(ladders, inactive[place]),
                withdrawn=state.withdrawn.get(row, {}),
                early=state.early.get(row, {}),
                announced=state.announced.get(row, {}),
                orphans=state.orphans.get(row, []),
                sessions=state.sessions.get(row, {}),
                dated=state.dated.kept(row),
                kept_vitals=[
                    one.name
                    for one in vitals
                    if not one.began_late[place] and (row, one.index) not in state.unfilled
                ],
            )
        )


class _Vitals:
    """What the columns of one vital hold of some patients, by their places among them."""

    def __init__(self, state: PartitionState, vital: VitalLadders, rows: Integers) -> None:
        memory = state.memories[vital.index]
        self._state, self._ladders = state, vital.ladders
        self.name, self.index = vital.vital.name, vital.index
        self.slot: list[int] = memory.slot_of[rows].tolist()
        self.began_late: list[bool] = memory.began_late[rows].tolist()
        self._encoded = memory.encoded(rows)
        self._newest_ms: list[int] = state.newest_ms[rows, vital.index].tolist()
        self._asked = circumstances(state.kinds[vital.index].requirements)
        clear = state.clear[rows[:, None], columns_of(vital.ladders)]
        self._clear = _bytes_of(clear.astype(np.int64))

    def kept(self, place: int, row: int) -> VitalRecord:
        return VitalRecord(
            self._newest_ms[place],
            arrivals=_arrivals(self._state, row, self.index),
            slot=self._encoded[place],
            cleared=named_by_what_they_ask(self._ladders, self._clear[place]),
            asked=self._asked,
        )


def _bytes_of(table: Integers) -> list[bytes]:
    """Give each row of a table as bytes."""
    width, whole = table.itemsize * table.shape[1], table.tobytes()
    return [whole[place * width : (place + 1) * width] for place in range(len(table))]


def decode_patient(value: bytes) -> PatientRecord | None:
    """Read it; None if another version of this program wrote it."""
    try:
        record = _patient_decoder.decode(value)
    except msgspec.MsgspecError:
        return None
    return record if record.version in _READABLE else None


@lru_cache(maxsize=64)
def columns_of(ladders: tuple[Ladder, ...]) -> Integers:
    """Give the columns of ladders."""
    return np.array([ladder.index for ladder in ladders], np.int64)


def _arrivals(state: PartitionState, row: int, vital: int) -> ArrivalsRecord | None:
    arrivals = state.arrivals.get((row, vital))
    if arrivals is None:
        return None
    key = ""
    if arrivals.ladder >= 0:
        key = state.rule_set.ladders[arrivals.ladder].rungs[arrivals.rung].key
    return ArrivalsRecord(
        arrivals.day, arrivals.count, key, arrivals.rank, arrivals.excess, arrivals.sight
    )
