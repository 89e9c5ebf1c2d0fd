"""Windows of one patient reading by reading: late ones, first days, and what is in force.

Every story is told as it came and with everything sent twice: then it is taken one by one.
"""

from collections.abc import Sequence

import msgspec
import pytest

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.memory import RING_MAX
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.cuts import judged
from tests.alerts.engine.window_rules import HEAD, HIGH_TWICE, RISE, ROBIN, rules, with_attributes
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    at_once,
    fresh_state,
    pressure,
    record,
)


def heard(
    log: Sequence[ReadingsRecord], rule_set: RuleSet, patient: PatientEntry = ROBIN
) -> list[Transition]:
    found = judged(log, patient, rules=rule_set)
    twice = [one for each in log for one in (each, each)]
    assert step(fresh_state(patient, rules=rule_set), twice).transitions == found
    return found


def told(
    log: Sequence[ReadingsRecord], *text: str, patient: PatientEntry = ROBIN
) -> list[tuple[str, str]]:
    return [(one.event, one.rule) for one in heard(log, rules(*text), patient)]


def late(at_ms: int, value: object, received_ms: int) -> ReadingsRecord:
    return record(received_ms, [pressure(at_ms, value)])


# -- N of M ----------------------------------------------------------------------------------------

PAIR = rule("pair", "systolic >= 145 mmHg", "window = { matching = 2, of = 2 }")


def minutes(*values: object) -> list[ReadingsRecord]:
    return at_once(*(pressure(NOON + n * MINUTE, value) for n, value in enumerate(values)))


def test_a_late_reading_completes_the_window_that_ends_at_the_next_match() -> None:
    log = [*minutes(150, 142), late(NOON - MINUTE, 151, NOON + 2 * MINUTE)]
    found = heard(log, rules(PAIR))
    assert [(one.event, one.evidence.measured_at_ms) for one in found] == [("onset", NOON)]
    assert [one.measured_at_ms for one in found[0].window] == [NOON - MINUTE, NOON]


def test_a_late_reading_that_does_not_match_says_nothing_of_those_before_it() -> None:
    log = minutes(150, 150, "NaN", "NaN", "NaN", 142)
    log.append(late(NOON + 3 * MINUTE + 1, 120, NOON + 6 * MINUTE))
    assert told(log, HIGH_TWICE) == [("onset", "high")]
    assert told(log, HIGH_TWICE.replace("of = 3", "of = 8")) == [("onset", "high")]


@pytest.mark.parametrize("after", [0.5, 1.5])
def test_a_late_reading_between_two_matches_says_nothing_of_them(after: float) -> None:
    """The second of them was told when it came."""
    log = [*minutes(150, 150, 142), late(NOON + int(after * MINUTE), 120, NOON + 3 * MINUTE)]
    assert told(log, HIGH_TWICE) == [("onset", "high")]


def test_a_late_reading_that_opens_nothing_new_is_not_told_of_every_later_match() -> None:
    """Two of three hold at each reading already."""
    log = [*minutes(150, 150, 150, 150), late(NOON + MINUTE + 1, 151, NOON + 5 * MINUTE)]
    assert told(log, HIGH_TWICE) == [("onset", "high"), *[("again", "high")] * 3]


def test_a_window_ends_at_the_first_reading_at_which_it_is_true_and_at_no_later_one() -> None:
    log = [*minutes(150, 142, 150, 150), late(NOON - MINUTE, 151, NOON + 5 * MINUTE)]
    found = heard(log, rules(HIGH_TWICE.replace("of = 3", "of = 2")))
    assert [(one.event, (one.evidence.measured_at_ms - NOON) // MINUTE) for one in found] == [
        ("onset", 3),
        ("again", 0),
    ]


def test_a_newest_reading_without_values_ends_no_window_that_a_late_one_completes() -> None:
    log = [*minutes(150, 120, 120), late(NOON - MINUTE, 151, NOON + 5 * MINUTE)]
    assert told(log, HIGH_TWICE) == [("resolved-before-seen", "high")]
    empty = at_once(pressure(NOON + 3 * MINUTE, "NaN", "NaN"))
    assert told([*log[:3], *empty, *log[3:]], HIGH_TWICE) == [("onset", "high")]


def test_a_reading_that_does_not_match_completes_no_window() -> None:
    """With the late one two of 12 hours are 6 hours apart still: nothing is high at the last."""
    apart = 'window = { matching = 2, of = 4, within = "12h", apart = "6h" }'
    log = at_once(
        *(pressure(NOON + n * HOUR, value) for n, value in ((0, 150), (7, 150), (13, 1e2)))
    )
    log.append(late(NOON + HOUR, 150, NOON + 13 * HOUR))
    assert told(log, rule("apart", "systolic >= 145 mmHg", apart)) == [
        ("onset", "apart"),
        ("returned", "apart"),
    ]


# -- means -----------------------------------------------------------------------------------------


def mean(readings: int, days: int, over: int = 7, limit: str = ">= 135 mmHg") -> str:
    window = f"window = {{ mean_days = {over}, readings = {readings}, days = {days} }}"
    return rule("mean", f"systolic {limit}", window)


def on(day: int, *values: object) -> list[ReadingsRecord]:
    return at_once(
        *(pressure(NOON + day * DAY + n * HOUR, value) for n, value in enumerate(values))
    )


def onset_days(log: Sequence[ReadingsRecord], *text: str) -> list[int]:
    found = heard(log, rules(*text))
    return [(one.evidence.measured_at_ms - NOON) // DAY for one in found if one.event == "onset"]


@pytest.mark.parametrize(("day", "expected"), [(1, [30]), (5, [30]), (0, [])])
def test_a_late_reading_in_a_gap_makes_the_first_day_one_that_goes_on(
    day: int, expected: list[int]
) -> None:
    """Day 29 began an episode, as nothing was known of the 28 days before it."""
    log = [*on(29, 140, 140), *on(30, 140, 140)]
    assert onset_days(log, mean(4, 2)) == []
    end_ms = log[-1].received_at_ms
    assert onset_days([*log, late(NOON + day * DAY, 140, end_ms)], mean(4, 2)) == expected


def test_a_late_reading_lies_in_its_own_day_whatever_comes_after() -> None:
    log = [*on(0, 140), *on(1, 140), *on(2, 140), late(NOON + DAY + HOUR, 140, NOON + 3 * DAY)]
    assert onset_days(log, mean(3, 2)) == [2]
    assert onset_days(log, mean(4, 2)) == []


def test_a_late_reading_older_than_all_that_are_known_is_in_the_mean_at_once() -> None:
    """Two a day for a week are more than are known one by one: it waited for the next reading."""
    newer = [one for day in range(2, 7) for one in on(day, 130, 130)]
    assert len(newer) == RING_MAX
    log = [*on(0, 130), *newer, late(NOON + DAY, 300, newer[-1].received_at_ms)]
    assert onset_days(log, mean(11, 3)) == [6]


@pytest.mark.parametrize(("value", "returns"), [(130, False), ("129.9", True)])
def test_a_mean_returns_when_it_is_below_its_limit_by_its_band(
    value: object, returns: bool
) -> None:
    log = [*on(0, 140), *on(1, 140, 140), *on(3, value, value)]
    events = told(log, mean(2, 1, over=2))
    assert events[0] == ("onset", "mean")
    assert (("returned", "mean") in events) is returns


def test_a_day_that_has_but_a_hi_is_no_day_of_a_mean() -> None:
    log = [*on(0, 140), *on(1, "HI"), *on(2, 140, 140)]
    assert onset_days(log, mean(2, 2)) == []
    assert onset_days(log, mean(2, 1)) == [2]
    assert onset_days([*log, *on(3, 140)], mean(2, 2)) == [3]


def test_a_mean_that_holds_a_hi_does_not_return_until_it_is_outside() -> None:
    log = [*on(0, 140), *on(1, 140, 140), *on(2, "HI"), *on(3, 100, 100)]
    assert told(log, mean(2, 1, over=2))[-1] != ("returned", "mean")
    assert told([*log, *on(4, 100)], mean(2, 1, over=2))[-1] == ("returned", "mean")


@pytest.mark.parametrize("plan_day", [0, 1])
def test_of_nine_days_the_first_is_forgotten_and_went_before_if_it_was_in_the_plan(
    plan_day: int,
) -> None:
    log = [one for day in range(9) for one in on(day, 140)]
    entry = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON + plan_day * DAY)
    events = told(log, mean(8, 8, over=8), patient=entry)
    assert events == ([("onset", "mean")] if plan_day == 0 else [])


def test_the_first_days_of_all_are_days_like_others() -> None:
    noon = 12 * HOUR
    days = [pressure(noon + n * DAY + k * HOUR, 140) for n in range(2) for k in range(2)]
    for over in (1, 2):
        found = heard(at_once(*days), rules(mean(2, 1, over=over)))
        assert [(one.event, one.at_ms) for one in found] == [("onset", noon + DAY + HOUR)]


@pytest.mark.parametrize(("position", "expected"), [("lying", 1), ("sitting", 0)])
def test_a_mean_is_asked_in_the_circumstances_of_the_reading_at_its_end(
    position: str, expected: int
) -> None:
    text = mean(3, 1).rstrip() + '\nrequires = { position = ["lying"] }\n'
    end = with_attributes(pressure(NOON + DAY + HOUR, 140), position=position)
    other = with_attributes(pressure(NOON + DAY - HOUR, 140), position="sitting")
    first = with_attributes(pressure(NOON + DAY, 140), position="sitting")
    in_order = [*on(0, 140), other, first, end]
    assert len(heard(in_order, rules(text))) == expected
    arrived = msgspec.structs.replace(other, received_at_ms=end.received_at_ms + MINUTE)
    assert len(heard([*on(0, 140), first, end, arrived], rules(text))) == expected


# -- what is in force ------------------------------------------------------------------------------


def test_rules_of_a_book_that_is_not_the_patient_s_are_true_of_nobody() -> None:
    texts = [
        HEAD + HIGH_TWICE + mean(3, 1),
        HEAD.replace('"edges"', '"other"')
        + rule("o-twice", "systolic >= 145 mmHg", "window = { matching = 2, of = 3 }")
        + mean(3, 1).replace('id = "mean"', 'id = "o-mean"').replace('"mean"', '"o"'),
    ]
    rule_set = arrange([read_book("books.toml", text) for text in texts])
    log = [
        *on(0, 140),
        *on(1, 150, 140),
        late(NOON + DAY - HOUR, 151, NOON + DAY + HOUR),
        *on(2, 150, 150),
    ]
    both = msgspec.structs.replace(ROBIN, books=["edges", "other"])
    assert {one.rule for one in heard(log, rule_set)} == {"high", "mean"}
    assert {one.rule for one in heard(log, rule_set, both)} == {"high", "mean", "o-twice", "o-mean"}


def test_readings_from_before_the_plan_feed_the_baseline_and_nothing_else() -> None:
    entry = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON, therapy_start_ms=NOON)
    before = at_once(pressure(NOON - 2 * HOUR, 120), pressure(NOON - HOUR, 150))
    after = at_once(pressure(NOON + HOUR, 155))
    assert told([*before, *after], RISE, HIGH_TWICE, patient=entry) == [("onset", "rise")]
    assert told([*before[1:], *after], RISE, HIGH_TWICE, patient=entry) == []
