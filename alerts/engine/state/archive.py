"""A patient's state as alerts.state.v1 keeps it: private to the engine, versioned, MessagePack.

Each says up to which offset of which life of readings.v1 (``topic_id``) it holds: a restart skips
what is in it already. Rungs are kept by name (book/rule), so that a changed rule book finds its
own. ``alerts.engine.partitions.changelog`` says what is around it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import msgspec
import numpy as np

from alerts.engine.absence.keep import KeptSilence, with_alert
from alerts.engine.ladders.ladder import INFO, Ladder, RuleSet, VitalLadders, mask
from alerts.engine.readings.columns import Integers
from alerts.engine.readings.sight import Sight
from alerts.engine.state.archived_ladders import KeptLadder, held_of, kept_ladder
from alerts.engine.state.partition_state import Arrivals, Orphan, PartitionState
from alerts.engine.state.remembered import circumstances, remark
from alerts.engine.state.rung_digests import among, asking, named_by_key, named_by_what_they_ask
from schemas.alert import SEVERITIES

VERSION = 2
_READABLE = (1, 2)
"""Version 1 knew single readings only: it has the ids of recent ones, and no ring."""

_AT_ONCE = 1_000
"""Patients: a copy of their slots is a megabyte or two."""

_Key = TypeVar("_Key")
_T = TypeVar("_T")


class _Arrivals(msgspec.Struct, frozen=True):
    day: str
    count: int
    rung: str
    rank: int
    excess: float
    sight: Sight


class _Vital(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a vital; ``recent`` is of version 1.

    ``slot``: exactly as ``alerts.engine.state.memory`` lays it out. ``cleared``: digests of the
    rungs whose return condition the newest reading met. ``asked``: digests of the circumstances,
    in the order of their bits in the ring; None: nobody wrote them down.
    """

    newest_ms: int
    recent: bytes = b""
    arrivals: _Arrivals | None = None
    slot: bytes = b""
    cleared: bytes = b""
    asked: bytes | None = None


class PatientRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A patient's state as of ``next_offset``."""

    topic_id: str
    next_offset: int
    vitals: dict[str, _Vital]
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
        clear = state.clear[rows[:, None], _places(vital.ladders)]
        self._clear = _bytes_of(clear.astype(np.int64))

    def kept(self, place: int, row: int) -> _Vital:
        return _Vital(
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


def restore_patient(state: PartitionState, patient_id: str, record: PatientRecord) -> None:
    """Put a patient's state back; rules that no longer exist are left out."""
    row = state.row(patient_id)
    for vital in state.rule_set.vitals:
        kept = record.vitals.get(vital.vital.name)
        if kept is not None:
            _restore_vital(state, row, vital, kept)
    _restore_ladders(state, row, record.ladders)
    state.absences.restore(row, record.silence)
    if record.known is not None:
        state.known[row] = asking(state.rule_set.ladders, record.known)
    if record.inactive:
        state.inactive[row] = among(state.rule_set.ladders, record.inactive)
    for vital in state.rule_set.vitals:
        kept_since = record.kept_vitals is None or vital.vital.name in record.kept_vitals
        state.memories[vital.index].began_late[row] = not kept_since and not vital.ladders
        if kept_since or not vital.ladders:
            state.unfilled.discard((row, vital.index))
        else:
            state.unfilled.add((row, vital.index))
    _put_few(state.withdrawn, row, record.withdrawn)
    _put_few(state.early, row, record.early)
    _put_few(state.announced, row, record.announced)
    _put_few(state.sessions, row, record.sessions)
    state.dated.restore(row, record.dated)
    state.orphans.pop(row, None)
    found = [*_orphans(state, record.ladders), *_silences(state, record.silence)]
    if record.orphans or found:
        state.orphans[row] = [*record.orphans, *found]


def _restore_vital(state: PartitionState, row: int, vital: VitalLadders, kept: _Vital) -> None:
    state.newest_ms[row, vital.index] = kept.newest_ms
    memory = state.memories[vital.index]
    if not memory.restore(row, kept.slot):
        memory.restore_recent(row, np.frombuffer(kept.recent, dtype="<u8"))
    if kept.asked is not None:
        asks = circumstances(state.kinds[vital.index].requirements)
        remark(memory, int(memory.slot_of[row]), kept.asked, asks)
    state.clear[row, _places(vital.ladders)] = asking(vital.ladders, kept.cleared)
    _restore_arrivals(state, row, vital.index, kept.arrivals)


def _orphans(state: PartitionState, kept: dict[str, KeptLadder]) -> Iterator[Orphan]:
    """Find open alerts of which no loaded book knows a rule any more."""
    if not kept:  # as of most patients
        return
    known = _keys(state.rule_set.ladders)
    for name, ladder in kept.items():
        if not known.get(name, frozenset()).issuperset(ladder.latched):
            # A former release did not write down who spoke.
            voice = ladder.voice or (INFO, ladder.latched[0])
            origin = ladder.onset_reading_id
            yield Orphan(name, origin, ladder.latched, voice, origin)


def _silences(state: PartitionState, kept: KeptSilence) -> Iterator[Orphan]:
    """Find alerts about silence of which a rule is gone; a former release left out their ladder."""
    alerts: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for key, told in kept.open.items():
        if told.ladder:
            rank = SEVERITIES.index(told.severity), key
            alerts[told.ladder, with_alert(key, told).alert].append(rank)
    for (ladder, alert), ranks in alerts.items():
        if any(key not in state.absences.keys for _, key in ranks):
            yield Orphan(ladder, alert, [key for _, key in ranks], min(ranks), "")


@lru_cache(maxsize=4)
def _keys(ladders: tuple[Ladder, ...]) -> dict[str, frozenset[str]]:
    return {ladder.name: frozenset(rung.key for rung in ladder.rungs) for ladder in ladders}


@lru_cache(maxsize=64)
def _places(ladders: tuple[Ladder, ...]) -> Integers:
    return np.array([ladder.index for ladder in ladders], np.int64)


def _arrivals(state: PartitionState, row: int, vital: int) -> _Arrivals | None:
    arrivals = state.arrivals.get((row, vital))
    if arrivals is None:
        return None
    key = ""
    if arrivals.ladder >= 0:
        key = state.rule_set.ladders[arrivals.ladder].rungs[arrivals.rung].key
    return _Arrivals(
        arrivals.day, arrivals.count, key, arrivals.rank, arrivals.excess, arrivals.sight
    )


def _restore_arrivals(state: PartitionState, row: int, vital: int, kept: _Arrivals | None) -> None:
    state.arrivals.pop((row, vital), None)
    if kept is None:
        return
    place = _find(state.rule_set, kept.rung)
    # Of a rule that is gone the count goes on: the next one is the worst, under another name.
    rank = kept.rank if place else INFO + 1
    state.arrivals[row, vital] = Arrivals(
        kept.day, kept.count, rank, kept.excess, *(place or (-1, -1)), kept.sight
    )


def _find(rules: RuleSet, key: str) -> tuple[int, int] | None:
    for ladder in rules.ladders:
        for place, rung in enumerate(ladder.rungs):
            if rung.key == key:
                return ladder.index, place
    return None


def _restore_ladders(state: PartitionState, row: int, kept: dict[str, KeptLadder]) -> None:
    """Put back the few ladders of which there is anything to remember."""
    for ladder in state.rule_set.ladders:
        if ladder.name in kept or (row, ladder.index) in state.ladders:
            _restore_ladder(state, row, ladder, kept.get(ladder.name, KeptLadder()))


def _restore_ladder(state: PartitionState, row: int, ladder: Ladder, kept: KeptLadder) -> None:
    if kept.clear:
        state.clear[row, ladder.index] = mask(range(len(ladder.rungs)))
    state.put_ladder((row, ladder.index), held_of(ladder, kept))


def _put_few(kept: dict[int, dict[_Key, _T]], row: int, said: dict[_Key, _T]) -> None:
    """Put back what few patients have any of."""
    kept.pop(row, None)
    if said:
        kept[row] = said
