"""Readings as columns: judged as the records are that they were made of."""

import numpy as np

from alerts.engine.ladders.findings import Finding
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Columns, Gatherer
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step, step_columns
from tests.alerts.engine.cuts import remembered
from tests.alerts.readings import MINUTE, NOON, Measured, at_once, fresh_state, pressure, stamped

MEASURED = [
    pressure(NOON + n * MINUTE, value) for n, value in enumerate((120, 200, 205, 120, 85, 130))
]


FOUND = ("onset", "again", "returned", "onset", "returned")


def laid_out(state: PartitionState, *measured: Measured) -> tuple[VitalLadders, Columns]:
    vital = next(one for one in state.rule_set.vitals if one.vital.name == "blood_pressure")
    gatherer = Gatherer(vital.vital, frozenset(vital.gated))
    for number, one in enumerate(measured):
        place = (number, 0, state.row("p1"), one.at_ms)
        gatherer.add(place, stamped(one, one.at_ms), alone=True, judged=True)
    return vital, gatherer.columns()


def test_columns_say_the_same_and_leave_the_same() -> None:
    records, columns = fresh_state(), fresh_state()
    expected = step(records, at_once(*MEASURED))
    stamps = np.array([one.at_ms for one in MEASURED])
    found = step_columns(columns, stamps, [laid_out(columns, *MEASURED)])
    assert found.transitions == expected.transitions
    assert found.ages_ms == expected.ages_ms == [0] * len(MEASURED)
    assert found.touched == {0}
    assert remembered(columns)[:8] == remembered(records)[:8]
    assert columns.log_ms == records.log_ms == MEASURED[-1].at_ms


def test_time_does_not_go_back_in_columns_either() -> None:
    state = fresh_state()
    state.log_ms = NOON + 9 * MINUTE
    found = step_columns(state, np.array([NOON]), [laid_out(state, pressure(NOON, 200))])
    assert [one.at_ms for one in found.transitions] == [NOON + 9 * MINUTE]


def test_only_what_somebody_wants_to_hear_is_told_and_the_state_moves_all_the_same() -> None:
    def onsets(finding: Finding) -> bool:
        return finding.event == "onset"

    some, every = fresh_state(), fresh_state()
    stamps = np.array([one.at_ms for one in MEASURED])
    found = step_columns(some, stamps, [laid_out(some, *MEASURED)], onsets)
    whole = step_columns(every, stamps, [laid_out(every, *MEASURED)])
    assert [one.event for one in whole.transitions] == [*FOUND]
    assert [one.event for one in found.transitions] == ["onset", "onset"]
    assert remembered(some) == remembered(every)
