"""Pauses that begin while a silence is open, and the hours in which the work list takes one."""

import pytest
from msgspec.structs import replace

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry, Pause
from tests.alerts.engine.absence.silence_book import BOOK
from tests.alerts.engine.histories import reborn
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, at_once, fresh_state, pressure, record

ROBIN = PatientEntry("p1", "Robin", ["silence"], care_plan_from_ms=NOON)
DUE = NOON + 3 * DAY
NIGHT, MORNING = NOON + 10 * HOUR, NOON + 20 * HOUR


def rules(*, notify: bool = False) -> RuleSet:
    return arrange([read_book("silence.toml", BOOK + ("notify = true\n" if notify else ""))])


def told(state: PartitionState, *log: ReadingsRecord) -> list[tuple[str, int]]:
    return [(one.event, one.at_ms) for one in step(state, log).transitions]


def silent(until_ms: int) -> PartitionState:
    """Somebody measured at noon, and nothing since."""
    state = fresh_state(ROBIN, rules=rules())
    told(state, *at_once(pressure(NOON, 120)))
    assert told(state, Tick(until_ms)) == [("onset", DUE)]
    return state


def replan(state: PartitionState, plan: PatientEntry) -> None:
    state.plans.put(plan)
    state.replan("p1")


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("in_ms", [0, HOUR])
def test_a_pause_ends_a_silence_that_was_told_before_it_and_one_behind_it_is_told_anew(
    restarts: bool, in_ms: int
) -> None:
    """Whoever is told of it enters a pause from now on: nobody heard of the silence after it."""
    now = DUE + HOUR
    state = silent(now)
    begins, until = now + in_ms, now + DAY
    plan = replace(ROBIN, pauses=[Pause(begins, until)])
    replan(state, plan)
    found = list[tuple[str, int]]()
    for minute in range(1, 5 * 24 * 60, 7):
        found += told(state, Tick(now + minute * MINUTE))
        if restarts and minute % 5 == 0:
            state = reborn(state, rules(), [plan])
    ended = begins if in_ms else now + MINUTE
    assert found == [("returned", ended), ("onset", until + 3 * DAY)]


def test_a_pause_after_which_a_silence_is_long_enough_ends_none() -> None:
    """Entered late: nothing came for as long since its end."""
    now = DUE + 5 * DAY
    state = silent(now)
    replan(state, replace(ROBIN, pauses=[Pause(DUE + HOUR, DUE + DAY)]))
    assert told(state, Tick(now + MINUTE), Tick(now + 9 * DAY)) == []


@pytest.mark.parametrize("notify", [False, True])
def test_a_silence_that_was_held_back_waits_for_the_patient_s_morning(notify: bool) -> None:
    """A plan that comes late, a gateway or a log that is back: nobody's work list at night."""
    state = fresh_state(replace(ROBIN, books=[]), rules=rules(notify=notify))
    state.row("p1")
    night, morning = NIGHT + 3 * DAY, MORNING + 3 * DAY
    told(state, Tick(night))
    replan(state, ROBIN)
    assert told(state, Tick(morning)) == ([("onset", night)] if notify else [])
    assert told(state, Tick(morning + 1)) == ([] if notify else [("onset", morning)])


def test_a_measurement_that_comes_at_night_after_its_own_time_ends_no_silence() -> None:
    """It was returned, and told anew in the morning."""
    night = NIGHT + 5 * DAY
    state = silent(night)
    late = record(night, [pressure(night - 3 * DAY, 120)])
    assert told(state, late, Tick(night + DAY)) == []
    not_so_late = record(night + DAY, [pressure(night - 2 * DAY + 1, 120)])
    assert told(state, not_so_late) == [("returned", night + DAY)]
