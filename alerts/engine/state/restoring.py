"""Puts patients back as ``alerts.engine.state.archive`` wrote them: many at once, column by column.

Rungs are found by name; rules that no longer exist are left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import product
from typing import TypeVar

import numpy as np

from alerts.engine.absence.keep import KeptSilence, with_alert
from alerts.engine.ladders.ladder import INFO, Ladder, RuleSet, VitalLadders, mask
from alerts.engine.readings.columns import Integers, stacked
from alerts.engine.state.archive import ArrivalsRecord, PatientRecord, VitalRecord, columns_of
from alerts.engine.state.archived_ladders import KeptLadder, held_of
from alerts.engine.state.partition_state import Arrivals, Orphan, PartitionState
from alerts.engine.state.remembered import circumstances, remark
from alerts.engine.state.rung_digests import among, asking
from schemas.alert import SEVERITIES

_Key = TypeVar("_Key")
_T = TypeVar("_T")


def restore_patients(state: PartitionState, patients: Mapping[str, PatientRecord]) -> Integers:
    """Put patients' states back, and give their rows."""
    if not patients:
        return np.empty(0, np.int64)
    known = len(state.patients)
    rows, records = state.rows_of(list(patients)), list(patients.values())
    found: dict[str, tuple[list[int], list[VitalRecord]]] = defaultdict(lambda: ([], []))
    for place, record in enumerate(records):
        for name, kept in record.vitals.items():
            places, several = found[name]
            places.append(place)
            several.append(kept)
    for vital in state.rule_set.vitals:
        if vital.vital.name in found:
            places, several = found[vital.vital.name]
            _restore_vital(state, rows[places], vital, several)
    _restore_beginnings(state, rows, records)
    _restore_rungs(state, rows, records)
    numbers: list[int] = rows.tolist()
    state.absences.restore(numbers, [record.silence for record in records])
    state.dated.restore(rows, [record.dated for record in records])
    for row, record in zip(numbers, records, strict=True):
        if row < known or _has_what_few_have(record):
            _restore_few(state, row, record)
    return rows


def _restore_vital(
    state: PartitionState, rows: Integers, vital: VitalLadders, several: Sequence[VitalRecord]
) -> None:
    state.newest_ms[rows, vital.index] = [kept.newest_ms for kept in several]
    _restore_slots(state, rows, vital, several)
    cleared = (kept.cleared for kept in several)
    state.clear[rows[:, None], columns_of(vital.ladders)] = stacked(
        cleared, partial(asking, vital.ladders)
    )
    for row, kept in zip(rows.tolist(), several, strict=True):
        if kept.arrivals is not None or state.arrivals:
            _restore_arrivals(state, row, vital.index, kept.arrivals)


def _restore_slots(
    state: PartitionState, rows: Integers, vital: VitalLadders, several: Sequence[VitalRecord]
) -> None:
    memory = state.memories[vital.index]
    known = memory.restore(rows, [kept.slot for kept in several])
    for place in np.flatnonzero(~known).tolist():
        recent = np.frombuffer(several[place].recent, dtype="<u8")
        memory.restore_recent(int(rows[place]), recent)
    asks = circumstances(state.kinds[vital.index].requirements)
    if {kept.asked for kept in several} <= {None, asks}:  # as of all but a former release
        return
    for row, kept in zip(rows.tolist(), several, strict=True):
        if kept.asked is not None:
            remark(memory, int(memory.slot_of[row]), kept.asked, asks)


def _restore_beginnings(
    state: PartitionState, rows: Integers, records: Sequence[PatientRecord]
) -> None:
    """Tell whose readings of a vital nobody kept from the beginning on."""
    names = [vital.vital.name for vital in state.rule_set.vitals]

    def late_of(kept: tuple[str, ...] | None) -> list[bool]:
        return [kept is not None and name not in kept for name in names]

    kept = (
        one.kept_vitals if one.kept_vitals is None else tuple(one.kept_vitals) for one in records
    )
    late = stacked(kept, late_of)
    told = np.array([bool(vital.ladders) for vital in state.rule_set.vitals])
    for vital, memory in enumerate(state.memories):
        memory.began_late[rows] = late[:, vital] & ~told[vital]
    if state.unfilled:
        every = product(rows.tolist(), range(len(names)))
        state.unfilled.difference_update(every)
    place, unfilled = np.nonzero(late & told)
    state.unfilled.update(zip(rows[place].tolist(), unfilled.tolist(), strict=True))


def _restore_rungs(state: PartitionState, rows: Integers, records: Sequence[PatientRecord]) -> None:
    """Put back under which rungs patients were judged, and of which they were told."""
    ladders = state.rule_set.ladders
    known = [place for place, record in enumerate(records) if record.known is not None]
    if known:
        names = (records[place].known or b"" for place in known)
        state.known[rows[known]] = stacked(names, partial(asking, ladders))
    told = [place for place, record in enumerate(records) if record.inactive]
    if told:
        names = (records[place].inactive for place in told)
        state.inactive[rows[told]] = stacked(names, partial(among, ladders))


def _has_what_few_have(record: PatientRecord) -> bool:
    return bool(
        record.ladders
        or record.sessions
        or record.withdrawn
        or record.early
        or record.announced
        or record.filled_from_ms
        or record.orphans
        or record.silence.open
    )


def _restore_few(state: PartitionState, row: int, record: PatientRecord) -> None:
    _restore_ladders(state, row, record.ladders)
    _put_few(state.withdrawn, row, record.withdrawn)
    _put_few(state.early, row, record.early)
    _put_few(state.announced, row, record.announced)
    _put_few(state.sessions, row, record.sessions)
    state.filled_from_ms.pop(row, None)
    state.fill_from(row, record.filled_from_ms)
    state.orphans.pop(row, None)
    found = [*_orphans(state, record.ladders), *_silences(state, record.silence)]
    if record.orphans or found:
        state.orphans[row] = [*record.orphans, *found]


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
    """Find alerts about silence of which a rule is gone, or waits for another vital by now.

    A former release left out their ladder.
    """
    ladders = dict(zip(state.absences.keys, state.absences.attendance.rungs.ladders, strict=True))
    alerts: dict[tuple[str, str], list[tuple[int, bool, str]]] = defaultdict(list)
    for key, told in kept.open.items():
        if told.ladder:
            rank = SEVERITIES.index(told.severity), not told.notify, key
            alerts[told.ladder, with_alert(key, told).alert].append(rank)
    for (ladder, alert), ranks in alerts.items():
        if any(ladders.get(key) != ladder for _, _, key in ranks):
            severity, _, spoke = min(ranks)
            yield Orphan(ladder, alert, [key for _, _, key in ranks], (severity, spoke), "")


@lru_cache(maxsize=4)
def _keys(ladders: tuple[Ladder, ...]) -> dict[str, frozenset[str]]:
    return {ladder.name: frozenset(rung.key for rung in ladder.rungs) for ladder in ladders}


def _restore_arrivals(
    state: PartitionState, row: int, vital: int, kept: ArrivalsRecord | None
) -> None:
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
