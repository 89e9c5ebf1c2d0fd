"""The step: records of one partition in, transitions out. There is no ``now``; log time moves.

Invariant: however the log is cut into calls between records, the transitions are the same. Records
are judged in log order; inside a record readings go by (measurement time, number, reading_id). A
timer fires at its deadline, before the first record stamped later.

Most readings are normal and find nothing open: they are handled as columns (``_settle_quiet``).
Only patients for whom a reading matches, something is open or waits, or an id may have come before
are walked through reading by reading (``alerts.engine.walk``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from alerts.engine.columns import Booleans, Columns, Gatherer, Identities, Integers
from alerts.engine.corrections import correct
from alerts.engine.ladders import VitalLadders
from alerts.engine.sheet import Sheet, evaluate
from alerts.engine.state import RECENT_MAX, PartitionState
from alerts.engine.timers import Found, expire_due
from alerts.engine.walk import Walk
from schemas.alert import Transition
from schemas.kafka import Corrections, PatientReadings, ReadingsRecord, StampedReading


@dataclass(slots=True)
class Outcome:
    """What a step gives: transitions in order, rows whose state moved, and figures for metrics."""

    transitions: list[Transition] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    ages_ms: list[int] = field(default_factory=list)
    duplicates: int = 0
    corrected: int = 0


def step(state: PartitionState, records: Sequence[ReadingsRecord]) -> Outcome:
    """Judge records in log order and move the state."""
    outcome = Outcome()
    for part in _parts(records):
        _judge(state, part, outcome)
        correction = part[-1]
        if isinstance(correction, Corrections):
            outcome.transitions += correct(state, correction)
            outcome.corrected += len(correction.readings)
            row = state.rows.get(correction.patient_id)
            outcome.touched.update(() if row is None else (row,))
    return outcome


def _parts(records: Sequence[ReadingsRecord]) -> Iterator[Sequence[ReadingsRecord]]:
    """Cut behind each correction: it meets the state that the records before it left."""
    begin = 0
    for number, record in enumerate(records, start=1):
        if isinstance(record, Corrections) or number == len(records):
            yield records[begin:number]
            begin = number


def _judge(state: PartitionState, records: Sequence[ReadingsRecord], outcome: Outcome) -> None:
    """Judge a part; of a correction only its stamp counts here."""
    stamps = np.array([record.received_at_ms for record in records], dtype=np.int64)
    log_ms = np.maximum(np.maximum.accumulate(stamps), state.log_ms)
    found: list[Found] = []
    for vital, columns in _gather(state, records):
        sheet = evaluate(vital, columns, state)
        loud = _loud(state, vital, columns, sheet)
        _settle_quiet(state, vital, columns, sheet.clear, np.flatnonzero(~loud))
        walk = Walk(state, vital, columns, sheet, log_ms)
        walk.through(np.flatnonzero(loud))
        found += walk.found
        outcome.duplicates += walk.duplicates
        outcome.ages_ms += columns.age_ms.tolist()
        outcome.touched.update(np.unique(columns.row).tolist())
    found += expire_due(state, log_ms)
    state.log_ms = int(log_ms[-1])
    found.sort(key=lambda item: item.order)
    outcome.transitions += [item.transition for item in found]
    outcome.touched.update(item.row for item in found)


def _gather(
    state: PartitionState, records: Sequence[ReadingsRecord]
) -> Iterator[tuple[VitalLadders, Columns]]:
    """Sort out what is judged: measurements of vitals with rules, since the care plan began."""
    gatherers = {
        vital.vital.name: Gatherer(vital.vital, frozenset(vital.gated))
        for vital in state.rule_set.vitals
    }
    for entry, record in enumerate(records):
        if not isinstance(record, PatientReadings):
            continue
        row = state.row(record.patient_id)
        from_ms = state.from_ms[row]
        for place, stamped in enumerate(sorted(record.readings, key=_order)):
            gatherer = gatherers.get(stamped.reading.vital)
            judged = stamped.reading.outcome == "measured" and (
                stamped.stamp.measured_at_ms >= from_ms
            )
            if gatherer and judged:
                gatherer.add((entry, place, row, record.received_at_ms), stamped)
    for vital in state.rule_set.vitals:
        gatherer = gatherers[vital.vital.name]
        if gatherer.sources:
            yield vital, gatherer.columns()


def _order(stamped: StampedReading) -> tuple[int, int, str]:
    return stamped.stamp.measured_at_ms, stamped.reading.seq, stamped.reading.reading_id


def _loud(state: PartitionState, vital: VitalLadders, columns: Columns, sheet: Sheet) -> Booleans:
    """Tell which readings belong to patients who need a walk."""
    recent = state.recent[columns.row, vital.index]
    loud = sheet.loud() | state.busy[columns.row, vital.index]
    loud |= (recent == columns.identity[:, None]).any(axis=1)
    _, place, count = np.unique(columns.identity, return_inverse=True, return_counts=True)
    loud |= count[place] > 1
    return np.isin(columns.row, columns.row[loud])


def _settle_quiet(
    state: PartitionState,
    vital: VitalLadders,
    columns: Columns,
    clear: Booleans,
    quiet: Integers,
) -> None:
    """Remember readings of which nothing can come: their ids, and the newest of each patient."""
    _remember(state, vital.index, columns.row[quiet], columns.identity[quiet])
    trusted = quiet[columns.trusted[quiet]]
    order = trusted[np.lexsort((trusted, columns.measured_ms[trusted], columns.row[trusted]))]
    rows = columns.row[order]
    newest = order[np.append(rows[1:] != rows[:-1], True)[: len(rows)]]
    newer = columns.measured_ms[newest] >= state.newest_ms[columns.row[newest], vital.index]
    newest = newest[newer]
    rows = columns.row[newest]
    state.newest_ms[rows, vital.index] = columns.measured_ms[newest]
    state.clear[np.ix_(rows, [ladder.index for ladder in vital.ladders])] = clear[newest]


def _remember(state: PartitionState, vital: int, row: Integers, identity: Identities) -> None:
    order = np.argsort(row, kind="stable")
    row, identity = row[order], identity[order]
    rows, first, count = np.unique(row, return_index=True, return_counts=True)
    nth = np.arange(len(row)) - np.repeat(first, count)
    place = (state.recent_count[row, vital] + nth) % RECENT_MAX
    kept = nth >= np.repeat(count, count) - RECENT_MAX  # the others would be overwritten anyway
    state.recent[row[kept], vital, place[kept]] = identity[kept]
    state.recent_count[rows, vital] += count
