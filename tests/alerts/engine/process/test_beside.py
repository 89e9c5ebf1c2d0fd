"""What belongs to one book, day, unit or circumstance, and must not leak into another."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from alerts.engine.ladders.kinds import kinds_of
from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.readings.identity import long_identity, name_of
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import tenths_of
from alerts.engine.step import step
from alerts.rules.reader import read_book
from alerts.rules.values import Values
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from schemas.units import accepted
from schemas.vitals import VITALS
from tests.alerts.book_text import rule
from tests.alerts.engine.correcting import correction
from tests.alerts.engine.window_rules import GATED, LYING, ROBIN, rules, with_attributes
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    pressure,
    record,
)


def after(minutes: float, value: object, *flags: str) -> Measured:
    return pressure(NOON + int(minutes * MINUTE), value, 80, *flags)


def both_ways(
    log: Sequence[ReadingsRecord], rule_set: RuleSet, entry: PatientEntry = ROBIN
) -> list[tuple[str, str]]:
    """Judge as arrays and, everything sent twice, one by one: both say the same."""
    found = step(fresh_state(entry, rules=rule_set), list(log)).transitions
    twice = [one for each in log for one in (each, each)]
    assert step(fresh_state(entry, rules=rule_set), twice).transitions == found
    return [(one.event, one.rule) for one in found]


def two_books(first: str, second: str) -> RuleSet:
    named = GATED.replace('"edges"', '"other"')
    return arrange([read_book("a.toml", GATED + first), read_book("b.toml", named + second)])


# -- books -----------------------------------------------------------------------------------------


def test_a_window_of_a_book_that_is_not_the_patients_says_nothing() -> None:
    """They share a ladder, so their rungs are bits side by side."""
    mine = rule(
        "mine",
        "systolic >= 145 mmHg",
        "window = { matching = 3, of = 5 }",
        ladder="bp",
        severity="critical",
    )
    theirs = rule(
        "theirs", "systolic >= 140 mmHg", "window = { matching = 1, of = 1 }", ladder="bp"
    )
    rule_set = two_books(mine, theirs)
    log = at_once(after(0, 150), after(1, 150))
    assert both_ways(log, rule_set) == []
    assert both_ways([*log, *at_once(after(2, 150))], rule_set) == [("onset", "mine")]
    other = PatientEntry("p1", "Robin", ["other"])
    assert both_ways(log[:1], rule_set, other) == [("onset", "theirs")]


def test_flagged_matches_of_a_rule_that_went_are_forgotten_and_those_of_others_kept() -> None:
    rule_set = two_books(
        rule("severe", "systolic > 180 mmHg", ladder="bp", severity="critical"),
        rule("high", "systolic > 160 mmHg", ladder="bp"),
    )
    both = PatientEntry("p1", "Robin", ["edges", "other"])

    def third(first: PatientEntry) -> list[tuple[str, str]]:
        state = fresh_state(both, rules=rule_set)
        step(state, at_once(after(0, 190, "body-moved"), after(60, 191, "body-moved")))
        for entry in (first, both):
            state.plans.put(entry)
            state.replan("p1")
            step(state, [Tick(state.log_ms)])
        found = step(state, at_once(after(120, 192, "body-moved"))).transitions
        return [(one.event, one.rule) for one in found]

    kept = third(both)
    without_severe = third(PatientEntry("p1", "Robin", ["other"]))
    without_high = third(PatientEntry("p1", "Robin", ["edges"]))
    assert ("worsened", "severe") in kept
    assert ("worsened", "severe") not in without_severe, "two of its three are forgotten"
    assert ("repeat-asked", "severe") in without_severe
    assert ("worsened", "severe") in without_high or ("onset", "severe") in without_high


def test_a_missing_baseline_is_told_of_the_rule_that_needs_it() -> None:
    text = rule("severe", "systolic > 180 mmHg", ladder="bp", severity="critical") + rule(
        "rise",
        "systolic rise >= 20 mmHg",
        'baseline = { readings = 2, days = 10, before = "therapy" }',
        ladder="bp",
    )
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)
    state = fresh_state(entry, rules=rules(text))
    step(state, at_once(after(0, 120)))
    found = step(state, [Tick(NOON + 3 * DAY)]).transitions
    assert [(one.event, one.rule) for one in found] == [("inactive", "rise")]
    assert "compares with 2 readings of the 10 days before the therapy began" in found[0].reason


# -- days ------------------------------------------------------------------------------------------


def test_two_matches_of_one_day_are_not_two_days_whatever_lies_between() -> None:
    text = rule("days", "systolic >= 145 mmHg", "window = { matching = 2, of = 4, days = 2 }")
    same_day = at_once(after(0, 150), after(1, 120), after(2, 150))
    assert both_ways(same_day, rules(text)) == []
    next_day = at_once(pressure(NOON + DAY, 150))
    assert both_ways([*same_day, *next_day], rules(text)) == [("onset", "days")]


def test_days_before_a_plan_that_begins_later_now_count_no_more() -> None:
    text = rule(
        "mean", "systolic >= 135 mmHg", "window = { mean_days = 7, readings = 3, days = 3 }"
    )
    for twice in (False, True):
        state = fresh_state(ROBIN, rules=rules(text))
        days = at_once(*(pressure(NOON + n * DAY, 140) for n in range(3)))
        assert step(state, days).transitions == []
        state.plans.put(msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON + 2 * DAY))
        state.replan("p1")
        more = at_once(*(pressure(NOON + n * DAY, 140) for n in range(3, 6)))
        log = [one for each in more for one in ((each, each) if twice else (each,))]
        found = step(state, log).transitions
        assert [(one.event, (one.at_ms - NOON) // DAY) for one in found] == [("onset", 5)]


def sums_of(state: PartitionState) -> list[tuple[int, ...]]:
    (days,) = state.memories[0].days(np.array([0]))
    return sorted(
        (int(day["day"]), int(day["readings"]), int(day["total"][0]), int(day["count"][0]))
        for day in days
        if day["day"]
    )


def test_a_correction_of_a_day_that_is_kept_no_more_changes_no_other_day() -> None:
    text = rule(
        "mean", "systolic >= 135 mmHg", "window = { mean_days = 7, readings = 3, days = 3 }"
    )
    state = fresh_state(ROBIN, rules=rules(text))
    days = [pressure(NOON + n * DAY, 120 + n) for n in range(12)]
    step(state, at_once(*days))
    before = sums_of(state)
    step(state, [correction(days[0], pressure(NOON, 199), at_ms=NOON + 12 * DAY)])
    assert sums_of(state) == before
    step(state, [correction(days[11], pressure(days[11].at_ms, 141), at_ms=NOON + 12 * DAY)])
    assert sums_of(state)[:-1] == before[:-1]
    assert sums_of(state)[-1][1:] == (1, 1410, 1), "one that is kept is taken back and added anew"


# -- circumstances and units -----------------------------------------------------------------------


def test_a_mean_that_asks_for_circumstances_is_judged_at_a_reading_that_has_them() -> None:
    text = rule(
        "mean", "systolic >= 135 mmHg", "window = { mean_days = 2, readings = 2, days = 1 }", LYING
    )

    def story(**attributes: str) -> list[tuple[str, str]]:
        first = at_once(pressure(NOON - DAY, 140), after(0, 140))
        last = with_attributes(after(1, 140), **attributes)
        return both_ways([*first, last], rules(text))

    assert story(position="lying") == [("onset", "mean")]
    assert story(position="sitting") == []
    assert story() == []


@pytest.mark.parametrize(
    ("vital", "unit", "value", "tenths"),
    [
        ("body_temperature", "Cel", 38.0, 380),
        ("body_temperature", "[degF]", 100.4, 380),
        ("body_temperature", "[degF]", 98.6, 370),
        ("blood_pressure", "mm[Hg]", 120.0, 1200),
        ("blood_pressure", "kPa", 16.0, 1200),
        ("glucose", "mg/dL", 54.0, 540),
        ("glucose", "mmol/L", 3.0, 541),  # 54.0546 mg/dL
        ("blood_pressure", "mm[Hg]", 120.05, 1201),  # half up
        ("blood_pressure", "mm[Hg]", 120.04, 1200),
    ],
)
def test_values_are_added_up_in_tenths_of_one_unit(
    vital: str, unit: str, value: float, tenths: int
) -> None:
    known = VITALS[vital]
    width = len(known.quantities)
    number = np.full((1, width), np.nan)
    code = np.zeros((1, width), np.int8)
    number[0, 0], code[0, 0] = value, accepted(known.quantities[0]).index(unit)
    found = tenths_of(Values(number, code, np.zeros((1, width), np.int8)), known)
    assert found[0].tolist() == [tenths] + [0] * (width - 1)


def test_a_reading_id_is_two_numbers_and_back_and_one_that_is_not_ours_a_digest() -> None:
    ours = "0123456789abcdef" * 2
    assert long_identity(ours) == (0x0123456789ABCDEF, 0x0123456789ABCDEF)
    assert name_of(*long_identity(ours)) == ours
    high, low = long_identity("urn:uuid:7")
    assert (high, low) == long_identity("urn:uuid:7") != long_identity("urn:uuid:8")
    assert min(high.bit_length(), low.bit_length()) > 32, "all of its 128 bits are used"
    assert len(name_of(high, low)) == 32
    assert long_identity(ours.upper()) != long_identity(ours)


def test_what_is_told_of_dates_is_written_with_its_patient() -> None:
    """Else a restart would not know that it was told."""
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)
    text = rule(
        "rise",
        "systolic rise >= 20 mmHg",
        'baseline = { readings = 2, days = 10, before = "therapy" }',
    )
    state = fresh_state(entry, rules=rules(text))
    step(state, at_once(after(0, 120)))
    outcome = step(state, [Tick(NOON + 3 * DAY)])
    assert [one.event for one in outcome.transitions] == ["inactive"]
    assert {state.patients[row] for row in outcome.touched} == {"p1"}


def test_a_vital_knows_what_its_rules_ask_for() -> None:
    text = (
        rule("one", "systolic > 180 mmHg", LYING)
        + rule("two", "status is irregular-pulse").replace('band = ["5 mmHg"]\n', "")
        + rule("three", "systolic > 150 mmHg", "window = { matching = 2, of = 3 }")
        + rule("four", "systolic > 140 mmHg", "window = { mean_days = 2, readings = 2, days = 1 }")
    )
    vital = rules(text).vitals[0]
    kinds = kinds_of(vital)
    assert [one.rung.rule.id for one in kinds.single] == ["one", "two"]
    assert [one.rung.rule.id for one, _ in kinds.counted] == ["three"]
    assert [one.rung.rule.id for one, _ in kinds.means] == ["four"]
    assert kinds.flags == ("irregular-pulse",)
    by_name = {ladder.name: place for place, ladder in enumerate(vital.ladders)}
    assert kinds.windowed[by_name["three"]] == kinds.windowed[by_name["four"]] == 1
    assert kinds.windowed[by_name["one"]] == 0
    assert kinds.averaged.tolist() == [int(name == "four") for name in by_name]
    assert kinds.baseline is None


def test_a_mean_that_holds_is_silent_for_the_day_unless_it_was_told_as_less() -> None:
    """Delayed it was told one lower; the first fresh reading of the day says it as it is."""
    text = rule(
        "mean", "systolic >= 135 mmHg", "window = { mean_days = 2, readings = 2, days = 1 }"
    )
    first = [pressure(NOON - DAY, 140), pressure(NOON, 140)]
    late = record(NOON + 6 * HOUR, [pressure(NOON + MINUTE, 140)])
    fresh = at_once(pressure(NOON + 6 * HOUR + MINUTE, 140), pressure(NOON + 7 * HOUR, 140))
    found = step(
        fresh_state(ROBIN, rules=rules(text)), [*at_once(*first), late, *fresh]
    ).transitions
    assert [(one.event, one.severity) for one in found] == [
        ("onset", "medium"),
        ("worsened", "high"),
    ]
