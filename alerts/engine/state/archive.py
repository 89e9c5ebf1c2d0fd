"""A patient's state as alerts.state.v1 keeps it: private to the engine, versioned, MessagePack.

Each says up to which offset of which life of readings.v1 (``topic_id``) it holds: a restart skips
what is in it already. Rungs are kept by name (book/rule), so that a changed rule book finds its
own. ``alerts.engine.partitions.changelog`` says what is around it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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


class ArrivalsRecord(msgspec.Struct, frozen=True, gc=False):
    """``Arrivals``, with its rung by name."""

    day: str
    count: int
    rung: str
    rank: int
    excess: float
    sight: Sight


class VitalRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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


class PatientRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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
    filled_from_ms: dict[str, int] = {}
    dated: bytes = b""
    kept_vitals: list[str] | None = None
    """Of which readings were kept, if any came; None: nobody wrote it down."""


@dataclass(frozen=True, slots=True)
class Source:
    """Up to where readings.v1 has been judged."""

    topic_id: str
    next_offset: int


_NOTHING: dict[Any, Any] = {}
_encoder = msgspec.msgpack.Encoder()
_patient_decoder = msgspec.msgpack.Decoder(PatientRecord)


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
    vitals: list[dict[str, VitalRecord]] = [{} for _ in rows]
    for vital in state.rule_set.vitals:
        for place, kept in _kept_vital(state, vital, here):
            vitals[place][vital.vital.name] = kept
    known = _named(named_by_what_they_ask, ladders, state.known[here])
    inactive = _named(named_by_key, ladders, state.inactive[here])
    dated = state.dated.kept(here)
    silences, kept_vitals = state.absences.keep(rows), _kept_vitals(state, here)
    for place, (row, source) in enumerate(zip(rows, sources, strict=False)):
        yield _encoder.encode(
            PatientRecord(
                source.topic_id,
                source.next_offset,
                vitals[place],
                _kept_ladders(state, row) if row in state.laddered else {},
                VERSION,
                silences[place],
                known=known[place],
                inactive=inactive[place],
                withdrawn=state.withdrawn.get(row, _NOTHING),
                early=state.early.get(row, _NOTHING),
                announced=state.announced.get(row, _NOTHING),
                orphans=state.orphans.get(row, []),
                sessions=state.sessions.get(row, _NOTHING),
                filled_from_ms=state.filled_from_ms.get(row, _NOTHING),
                dated=dated[place],
                kept_vitals=kept_vitals[place],
            )
        )


def _kept_ladders(state: PartitionState, row: int) -> dict[str, KeptLadder]:
    return {
        ladder.name: kept_ladder(ladder, state.ladders[row, ladder.index])
        for ladder in state.rule_set.ladders
        if (row, ladder.index) in state.ladders
    }


def _kept_vitals(state: PartitionState, rows: Integers) -> list[list[str]]:
    """Name for each patient the vitals of which readings were kept: of most patients all."""
    names = [vital.vital.name for vital in state.rule_set.vitals]
    late = np.stack([memory.began_late[rows] for memory in state.memories], axis=1)
    if state.unfilled:
        for place, row in enumerate(rows.tolist()):
            late[place] |= [(row, vital) in state.unfilled for vital in range(len(names))]
    kept = [names] * len(rows)
    for place in np.flatnonzero(late.any(axis=1)).tolist():
        kept[place] = [name for name, one in zip(names, late[place], strict=True) if not one]
    return kept


def _kept_vital(
    state: PartitionState, vital: VitalLadders, rows: Integers
) -> Iterator[tuple[int, VitalRecord]]:
    """Write down what is known of a vital, for those who have a slot; each with its place."""
    memory = state.memories[vital.index]
    places = np.flatnonzero(memory.slot_of[rows] >= 0)
    if not len(places):
        return
    rows = rows[places]
    clear = state.clear[rows[:, None], columns_of(vital.ladders)].astype(np.int64)
    columns = zip(
        places.tolist(),
        rows.tolist(),
        state.newest_ms[rows, vital.index].tolist(),
        memory.encoded(rows),
        _named(named_by_what_they_ask, vital.ladders, clear),
        strict=True,
    )
    asked = circumstances(state.kinds[vital.index].requirements)
    for place, row, newest_ms, slot, cleared in columns:
        arrivals = _arrivals(state, row, vital.index) if state.arrivals else None
        yield place, VitalRecord(newest_ms, b"", arrivals, slot, cleared, asked)


def _named(
    name: Callable[[tuple[Ladder, ...], bytes], bytes], ladders: tuple[Ladder, ...], sets: Integers
) -> list[bytes]:
    """Name each row of sets of rungs: few of many are different, and only those are asked for."""
    width, whole = sets.itemsize * sets.shape[1], sets.tobytes()
    rows = [whole[place * width : (place + 1) * width] for place in range(len(sets))]
    names = {row: name(ladders, row) for row in set(rows)}
    return [names[row] for row in rows]


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
