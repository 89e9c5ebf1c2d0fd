"""Baselines to the millisecond: fed as readings come, and filled anew when their time changes."""

import msgspec
import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.state.memory import RING_MAX
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from tests.alerts.book_text import head, rule
from tests.alerts.engine.correcting import correction
from tests.alerts.engine.cuts import judged
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.window_rules import RISE, ROBIN, rules
from tests.alerts.readings import (
    DAY,
    HOUR,
    NOON,
    Measured,
    at_once,
    fresh_state,
    pressure,
    quantity,
    record,
)


def planned(state: PartitionState, therapy_ms: int | None) -> PartitionState:
    """From here on the therapy began then."""
    state.plans.put(msgspec.structs.replace(ROBIN, therapy_start_ms=therapy_ms))
    state.replan("p1")
    return state


def told(*measured: Measured, last: object, therapy_ms: int = NOON) -> list[str]:
    """Measure, then enter the therapy: the ring fills the baseline."""
    state = fresh_state(ROBIN, rules=rules(RISE))
    step(state, at_once(*measured))
    planned(state, therapy_ms)
    found = step(state, at_once(pressure(NOON + 5 * HOUR, last))).transitions
    return [one.event for one in found if one.event != "inactive"]


@pytest.mark.parametrize(
    ("edge_ms", "inside"),
    [(-10 * DAY - 1, False), (-10 * DAY, True), (-1, True), (0, False)],
)
def test_a_baseline_that_is_filled_anew_is_of_the_ten_days_before(
    edge_ms: int, inside: bool
) -> None:
    """With the reading of 150 in it, it is 135 on average: 154 is no rise of 20."""
    known = [pressure(NOON - HOUR, 120), pressure(NOON - 2 * HOUR, 120 + 1)]
    edge = pressure(NOON + edge_ms, 150)
    measured = sorted([*known, edge], key=lambda one: one.at_ms)
    assert told(*measured, last="140.5") == ([] if inside else ["onset"])


@pytest.mark.parametrize(("edge_ms", "inside"), [(-1, False), (0, True)])
def test_many_readings_in_a_row_may_begin_with_the_first_of_a_baseline(
    edge_ms: int, *, inside: bool
) -> None:
    one = rule(
        "rise",
        "systolic rise >= 20 mmHg",
        'baseline = { readings = 1, days = 10, before = "therapy" }',
    )
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)
    old, first = pressure(NOON - 11 * DAY, 200), pressure(NOON - 10 * DAY + edge_ms, 120)
    after = [pressure(NOON + n * HOUR, 140) for n in range(1, 10)]
    found = judged(at_once(old, first, *after), entry, rules=rules(one))
    assert [each.event for each in found][:1] == (["onset"] if inside else [])


@pytest.mark.parametrize("value", ["HI", "NaN"])
def test_what_is_no_number_is_in_no_baseline(value: str) -> None:
    known = pressure(NOON - 3 * HOUR, 120), pressure(NOON - 2 * HOUR, 120)
    odd = pressure(NOON - HOUR, value)
    assert told(*known, odd, last=140) == ["onset"]
    assert told(known[0], odd, last=140) == [], "one reading is too few"


def test_a_baseline_is_full_at_255_readings() -> None:
    many = [pressure(NOON - (300 - n) * HOUR // 2, 120 if n < 255 else 130) for n in range(300)]
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)
    found = judged(at_once(*many, pressure(NOON + HOUR, 140)), entry, rules=rules(RISE))
    assert [one.event for one in found] == ["onset"]


def test_who_entered_the_therapy_late_is_not_told_that_a_baseline_is_missing() -> None:
    """The readings were there: at the date on which it should be known they are counted."""
    state = fresh_state(ROBIN, rules=rules(RISE))
    step(state, at_once(pressure(NOON, 120), pressure(NOON + HOUR, 120)))
    planned(state, NOON + 2 * HOUR)
    assert step(state, [Tick(NOON + n * DAY) for n in range(1, 5)]).transitions == []
    one = fresh_state(ROBIN, rules=rules(RISE))
    step(one, at_once(pressure(NOON, 120)))
    planned(one, NOON + 2 * HOUR)
    found = step(one, [Tick(NOON + n * DAY) for n in range(1, 5)]).transitions
    assert [each.event for each in found] == ["inactive"]


def test_what_was_measured_before_the_therapy_has_not_risen_under_it() -> None:
    """It is part of the baseline; that it lay 20 above the others was an alert of the treatment."""
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)
    known = [pressure(NOON - n * HOUR, 120) for n in (5, 4, 3, 2)]
    high = pressure(NOON - 1, 150)
    assert judged(at_once(*known, high), entry, rules=rules(RISE)) == []
    late = [*at_once(*known, pressure(NOON + HOUR, 120)), *at_once(high)]
    assert judged(late, entry, rules=rules(RISE)) == []
    assert [
        one.event for one in judged(at_once(*known, pressure(NOON, 150)), entry, rules=rules(RISE))
    ] == ["onset"]


@pytest.mark.parametrize(("last", "risen"), [(139, []), (140, ["onset"])])
def test_what_only_fed_a_baseline_is_in_no_other_one(last: int, risen: list[str]) -> None:
    """Measured before the plan it is in no ring: nobody knows it once the therapy moves."""
    entry = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON, therapy_start_ms=NOON)
    state = fresh_state(entry, rules=rules(RISE))
    step(state, at_once(pressure(NOON - 2 * HOUR, 200), pressure(NOON - HOUR, 200)))
    state.plans.put(msgspec.structs.replace(entry, therapy_start_ms=NOON + DAY))
    state.replan("p1")
    own = [pressure(NOON + HOUR, 120), pressure(NOON + 2 * HOUR, 120)]
    found = step(state, at_once(*own, pressure(NOON + DAY + HOUR, last))).transitions
    assert [one.event for one in found] == risen


@pytest.mark.parametrize(("now", "risen"), [(120, ["onset"]), (220, [])])
def test_the_oldest_that_a_ring_knows_moves_the_baseline_that_it_filled(
    now: int, risen: list[str]
) -> None:
    """With 220 in it ten readings are 130 on average, and 140 is no rise of 20."""
    first, *ring = [pressure(NOON - (20 - n) * HOUR, 120 if n else 220) for n in range(RING_MAX)]
    state = fresh_state(ROBIN, rules=rules(RISE))
    step(state, at_once(first, *ring))
    planned(state, NOON)
    step(state, at_once(pressure(NOON + HOUR, 125)))
    step(state, [correction(first, pressure(first.at_ms, now), NOON + HOUR)])
    found = step(state, at_once(pressure(NOON + 2 * HOUR, 140))).transitions
    assert [one.event for one in found] == risen


def test_the_only_reading_that_is_known_when_the_therapy_is_entered_is_in_its_baseline() -> None:
    state = fresh_state(ROBIN, rules=rules(RISE))
    step(state, at_once(pressure(NOON, 120)))
    planned(state, NOON + 2 * HOUR)
    found = step(state, at_once(pressure(NOON + HOUR, 120), pressure(NOON + 3 * HOUR, 140)))
    assert [one.event for one in found.transitions] == ["onset"]


def test_who_has_risen_already_when_the_therapy_is_entered_is_work() -> None:
    state = fresh_state(msgspec.structs.replace(ROBIN, books=[]), rules=rules(RISE))
    measured = [(-2 * HOUR, 120), (-HOUR, 120), (HOUR, 140)]
    step(state, at_once(*(pressure(NOON + at_ms, value) for at_ms, value in measured)))
    planned(state, NOON)
    found = step(state, [Tick(NOON + 2 * HOUR)]).transitions
    assert [(one.event, one.rule) for one in found] == [("standing", "rise")]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("now", [200, "HI"])
def test_what_was_forgotten_when_the_therapy_was_entered_moves_no_baseline(
    now: object, restarted: bool
) -> None:
    """It is in no sum: taken out of one, it left 255 readings of less than none."""
    first, *ring = [pressure(NOON - (20 - n) * HOUR, 120) for n in range(1 + RING_MAX)]
    state = fresh_state(ROBIN, rules=rules(RISE))
    step(state, at_once(first, *ring))
    planned(state, NOON)
    step(state, at_once(pressure(NOON + HOUR, 120)))
    if restarted:
        entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)
        state = reborn(state, rules(RISE), [entry])
    misread = correction(first, pressure(first.at_ms, now), NOON + HOUR)
    older = pressure(first.at_ms - HOUR, 200)
    assert step(state, [misread, record(NOON + HOUR, [older])]).transitions == []
    found = step(state, at_once(pressure(NOON + 2 * HOUR, 139), pressure(NOON + 3 * HOUR, 140)))
    assert [one.evidence.quantities["systolic"] for one in found.transitions] == ["140 mmHg"]


TEMPERATURE = """\
[vitals.body_temperature]
fresh = "4h"
units = ["°F"]
"""
FEVER = head("fever", TEMPERATURE) + rule(
    "risen",
    "temperature rise >= 1.8 °F",
    'baseline = { readings = 1, days = 10, before = "therapy" }',
    'band = ["0.9 °F"]',
    vital="body_temperature",
)


@pytest.mark.parametrize(
    ("value", "unit", "risen"),
    [("37.5", "Cel", True), ("37.4", "Cel", False), ("99.5", "[degF]", True)],
)
def test_a_rise_of_a_temperature_is_a_difference_and_has_no_zero(
    value: str, unit: str, risen: bool
) -> None:
    """1.8 °F more is 1 °C more, and not -16.8 °C."""

    def temperature(at_ms: int, text: str, of: str) -> Measured:
        return Measured("body_temperature", {"temperature": quantity(text, of)}, at_ms)

    entry = PatientEntry("p1", "Robin", ["fever"], therapy_start_ms=NOON)
    log = at_once(temperature(NOON - HOUR, "36.5", "Cel"), temperature(NOON + HOUR, value, unit))
    found = judged(log, entry, rules=arrange([read_book("fever.toml", FEVER)]))
    assert [one.event for one in found] == (["onset"] if risen else [])
