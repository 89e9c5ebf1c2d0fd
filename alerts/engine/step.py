"""The step: records of one partition in, transitions out. There is no ``now``; log time moves.

Invariant: however the log is cut into calls between records, the transitions are the same. Records
are judged in log order; inside a record readings go by (measurement time, number, reading_id). A
timer fires at its deadline, before the first record stamped later.

Most readings change nothing but what is remembered: they are handled as columns. Only readings of
which something may come are walked through one by one (``alerts.engine.judging.turns``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np

from alerts.engine.absence.contacts import Contacts
from alerts.engine.corrections.amendments import amend, complete_earlier
from alerts.engine.corrections.correct import correct
from alerts.engine.corrections.sessions import Begun, leave_followed, note_sessions
from alerts.engine.judging.activation import activate
from alerts.engine.judging.notices import expect_baselines, expect_limits, notify
from alerts.engine.judging.timers import expire_due
from alerts.engine.judging.turns import Turns
from alerts.engine.ladders.findings import Heard, everything
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Columns, Gatherer, Integers
from alerts.engine.readings.context import with_context
from alerts.engine.readings.identity import short_identity
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.transitions.found import Found
from schemas.alert import Transition
from schemas.kafka import (
    Corrections,
    PatientReadings,
    ReadingsRecord,
    StampedReading,
    Withdrawals,
)


@dataclass(slots=True)
class Outcome:
    """What a step gives: transitions in order, rows whose state moved, and figures for metrics."""

    transitions: list[Transition] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    ages_ms: list[int] = field(default_factory=list)
    duplicates: int = 0
    walked: int = 0
    corrected: int = 0


def step(state: PartitionState, records: Sequence[ReadingsRecord]) -> Outcome:
    """Judge records in log order and move the state."""
    outcome = Outcome()
    _tell(outcome, activate(state))
    for part in _parts(state, records):
        dated = notify(state, part[0].received_at_ms)
        if isinstance(part[0], PatientReadings):
            leave_followed(state, part[0])
        _judge(state, part, outcome, dated)
        correction = part[-1]
        if _says_of_readings(correction, state):
            found = sorted(amend(state, correction), key=lambda item: item.order)
            _tell(outcome, ((item.row, item.transition) for item in found))
            outcome.touched.add(state.rows[correction.patient_id])
        if isinstance(correction, Corrections | Withdrawals):
            outcome.transitions += correct(state, correction)
            outcome.corrected += len(correction.readings)
            row = state.rows.get(correction.patient_id)
            outcome.touched.update(() if row is None else (row,))
    return outcome


def _tell(outcome: Outcome, told: Iterator[tuple[int, Transition]]) -> None:
    for row, transition in told:
        outcome.transitions.append(transition)
        outcome.touched.add(row)


def _parts(
    state: PartitionState, records: Sequence[ReadingsRecord]
) -> Iterator[Sequence[ReadingsRecord]]:
    """Cut behind each correction: it meets the state that the records before it left.

    So does a context that completes a measurement of another record. And before each record by
    which a notice is due, or a reading turns out not to be its session's only one, for the same
    reason.
    """
    begun = Begun()
    begin, fed = 0, [index for index, kinds in enumerate(state.kinds) if kinds.baseline]
    asked, came = any(kinds.requirements for kinds in state.kinds), set[str]()
    for number, record in enumerate(records):
        apart = state.notices.any_before(record.received_at_ms)
        ends = isinstance(record, (Corrections, Withdrawals))
        if isinstance(record, PatientReadings):
            apart |= _brings_limits(state, record.patient_id)  # nothing is told before those
            apart |= begun.follows(state, record)
        if apart and number > begin:
            yield records[begin:number]
            begin = number
        if isinstance(record, PatientReadings):
            _expect(state, record, fed)
            if asked:
                ends = _amends(record) and complete_earlier(state, record, came)
                came.update([one.reading.reading_id for one in record.readings])  # perhaps again
        if ends:
            yield records[begin : number + 1]
            begin = number + 1
    if begin < len(records):
        yield records[begin:]


def _says_of_readings(record: ReadingsRecord, state: PartitionState) -> TypeGuard[PatientReadings]:
    """Tell whether a record says something of measurements for which rules ask."""
    return (
        isinstance(record, PatientReadings)
        and any(kinds.requirements for kinds in state.kinds)
        and _amends(record)
    )


def _amends(record: PatientReadings) -> bool:
    amends = [one.reading.amends for one in record.readings]  # any() would take twice as long
    return amends.count(None) < len(amends)


def _brings_limits(state: PartitionState, patient_id: str) -> bool:
    """Tell whether a patient who sends for the first time has limits that may end soon."""
    return patient_id not in state.rows and bool(state.plans.of(patient_id).limits)


def _expect(state: PartitionState, record: PatientReadings, fed: Sequence[int]) -> None:
    """Wait for the dates that a patient brings along who sends for the first time.

    ``fed``: the vitals that have a baseline.
    """
    new = record.patient_id not in state.rows
    row = state.row(record.patient_id)
    if new:
        expect_limits(state, row)
    for index in fed:
        if state.memories[index].slot_of[row] < 0:
            expect_baselines(state, row, record.received_at_ms, anew=False)
            break


def _judge(
    state: PartitionState,
    records: Sequence[ReadingsRecord],
    outcome: Outcome,
    dated: Sequence[Found],
) -> None:
    """Judge a part; of a correction only its stamp counts here. ``dated``: due before the part."""
    stamps = np.array([record.received_at_ms for record in records], dtype=np.int64)
    log_ms = np.maximum(np.maximum.accumulate(stamps), state.log_ms)
    parts = list(_gather(state, records, outcome.touched))
    contacts = state.absences.gather(
        [
            (state.row(record.patient_id) if isinstance(record, PatientReadings) else -1, record)
            for record in records
        ]
    )
    _judge_columns(state, parts, log_ms, outcome, contacts, dated=dated)


def step_columns(
    state: PartitionState,
    stamps: Integers,
    parts: Sequence[tuple[VitalLadders, Columns]],
    heard: Heard = everything,
) -> Outcome:
    """Judge records that are columns already; ``stamps``: when each record was received.

    The same as ``step`` for whoever has no objects to begin with: a back-test, a benchmark. Who
    counts only some of what is found says which: the state moves all the same.
    """
    outcome = Outcome()
    log_ms = np.maximum(np.maximum.accumulate(stamps), state.log_ms)
    _judge_columns(state, parts, log_ms, outcome, heard=heard)
    return outcome


def _judge_columns(  # noqa: PLR0913, PLR0917 - who hears of it, beside what is judged
    state: PartitionState,
    parts: Sequence[tuple[VitalLadders, Columns]],
    log_ms: Integers,
    outcome: Outcome,
    contacts: Contacts | None = None,
    heard: Heard = everything,
    dated: Sequence[Found] = (),
) -> None:
    found = [*dated, *state.absences.step(state.patients, contacts, log_ms, state.log_ms)]
    outcome.touched.update(state.absences.attendance.moved)
    for vital, columns in parts:
        turns = Turns(state, vital, columns, log_ms, heard)
        found += turns.take()
        outcome.touched.update(columns.row.tolist())
        if not vital.ladders:  # remembered for books to come, and judged by none
            continue
        outcome.duplicates += turns.duplicates
        outcome.walked += turns.walked
        outcome.ages_ms += columns.age_ms[columns.judged].tolist()
    found += expire_due(state, log_ms)
    state.log_ms = int(log_ms[-1])
    found.sort(key=lambda item: item.order)
    outcome.transitions += [item.transition for item in found]
    outcome.touched.update(item.row for item in found if item.row >= 0)


def _gather(
    state: PartitionState, records: Sequence[ReadingsRecord], touched: set[int]
) -> Iterator[tuple[VitalLadders, Columns]]:
    """Sort out measurements by vital: those since the care plan began, and what feeds baselines."""
    gatherers = {
        vital.vital.name: Gatherer(vital.vital, frozenset(vital.gated), kinds.requirements)
        for vital, kinds in zip(state.rule_set.vitals, state.kinds, strict=True)
    }
    fed = {
        vital.vital.name
        for vital, kinds in zip(state.rule_set.vitals, state.kinds, strict=True)
        if kinds.baseline
    }
    for entry, record in enumerate(records):
        if not isinstance(record, PatientReadings):
            continue
        row = state.rows[record.patient_id]
        from_ms = state.from_ms.item(row)
        readings = with_context(record.readings, state.early.get(row))
        only = note_sessions(state, row, record)
        touched.add(row)  # also by what failed, which is a contact and one of its session
        if len(readings) > 1:
            readings = sorted(readings, key=_order)
        for place, stamped in enumerate(readings):
            reading = stamped.reading
            gatherer = gatherers.get(reading.vital)
            judged = stamped.stamp.measured_at_ms >= from_ms
            if (
                gatherer is not None
                and reading.outcome == "measured"
                and (judged or reading.vital in fed)
            ):
                alone = bool(only) and short_identity(reading.reading_id) in only
                place_in = (entry, place, row, record.received_at_ms)
                gatherer.add(place_in, stamped, alone=alone, judged=judged)
    for vital in state.rule_set.vitals:
        gatherer = gatherers[vital.vital.name]
        if gatherer.sources:
            yield vital, gatherer.columns()


def _order(stamped: StampedReading) -> tuple[int, int, str]:
    return stamped.stamp.measured_at_ms, stamped.reading.seq, stamped.reading.reading_id
