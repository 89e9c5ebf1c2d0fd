"""Which rungs each kept reading ends: of every kind, with its band, at the very limits."""

from dataclasses import replace

import msgspec
import pytest

from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.engine.windows.endings import endings
from tests.alerts.book_text import rule
from tests.alerts.engine.window_rules import ROBIN, rules
from tests.alerts.readings import DAY, HOUR, NOON, Measured, at_once, fresh_state, pressure

MEAN = "window = { mean_days = 2, readings = 3, days = 1 }"
RULES = (
    rule("plain", "systolic > 180 mmHg", ladder="a", severity="critical"),
    rule("lesser", "systolic > 130 mmHg", ladder="a"),
    rule("twice", "systolic >= 145 mmHg", "window = { matching = 2, of = 3 }", ladder="b"),
    rule("mean", "systolic >= 135 mmHg", MEAN, ladder="c"),
    rule(
        "rise",
        "systolic rise >= 20 mmHg",
        'baseline = { readings = 2, days = 10, before = "therapy" }',
        ladder="d",
    ),
)
THERAPY = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)


def after(hours: float, value: object) -> Measured:
    return pressure(NOON + int(hours * HOUR), value)


def lived(*measured: Measured, rule_set: RuleSet | None = None) -> PartitionState:
    state = fresh_state(THERAPY, rules=rule_set or rules(*RULES))
    step(state, at_once(*measured))
    return state


def ended(state: PartitionState) -> list[list[str]]:
    """By reading, oldest first, the rules that it ends."""
    vital = state.rule_set.vitals[0]
    return [
        [
            rung.rule.id
            for ladder, rungs in zip(vital.ladders, one.rungs, strict=True)
            for place, rung in enumerate(ladder.rungs)
            if rungs >> place & 1
        ]
        for one in endings(state, vital, 0)
    ]


BEFORE = after(-24, 120), after(-2, 120), after(-1, 121)
"""A first day of the episode, which is in no mean; 120.3 on average before the therapy."""


def test_each_reading_ends_what_it_is_definitely_back_from() -> None:
    state = lived(*BEFORE, after(1, 150), after(2, 176), after(3, 120))
    assert ended(state) == [
        ["plain", "lesser", "twice"],  # of the baseline itself, which nothing had risen over yet
        ["plain", "lesser", "twice"],
        ["plain", "lesser", "twice"],
        ["plain"],  # the first that is high: it ends no count; 29.7 above the baseline
        [],  # inside the band of 180, and the second that is high
        ["plain", "lesser", "rise"],  # two of three are high yet; 137.4 on average
    ]


@pytest.mark.parametrize(("last", "expected"), [(93, False), (92, True)])
def test_a_mean_ends_at_the_newest_reading_alone_and_by_its_band(last: int, expected: bool) -> None:
    """Of the day 120, 121, 150, 176, 120 are known: 687; by 780 in six it is 130.0 on average."""
    state = lived(*BEFORE, after(1, 150), after(2, 176), after(3, 120), after(4, last))
    assert ["mean" in rungs for rungs in ended(state)] == [False] * 6 + [expected]


def test_a_mean_of_too_few_readings_ends_nothing() -> None:
    assert "mean" not in ended(lived(*BEFORE))[-1]
    assert "mean" in ended(lived(*BEFORE, after(1, 90)))[-1]


def test_with_hi_or_lo_nothing_ends_and_no_mean_that_holds_one() -> None:
    state = lived(*BEFORE, after(1, 90), after(2, "LO"))
    assert ended(state)[-1] == []
    later = lived(*BEFORE, after(1, 90), after(2, "LO"), after(3, 90))
    assert ended(later)[-1] == ["plain", "lesser", "twice", "rise"], "the mean holds a LO"


def test_a_rise_over_too_few_readings_ends_nothing() -> None:
    assert "rise" not in ended(lived(after(-1, 120), after(1, 120)))[-1]
    assert "rise" in ended(lived(after(-2, 120), after(-1, 120), after(1, 120)))[-1]


@pytest.mark.parametrize(("value", "expected"), [("135.3", True), ("135.4", False)])
def test_a_rise_ends_by_its_band(value: str, expected: bool) -> None:
    """120.3333 before: 15 above it is 135.3333."""
    assert ("rise" in ended(lived(*BEFORE, after(1, value)))[-1]) is expected


def test_a_therapy_that_is_entered_later_makes_the_baseline_another() -> None:
    state = lived(*BEFORE, after(1, 150), after(2, 150), after(3, 147))
    assert "rise" not in ended(state)[-1]
    state.plans.put(msgspec.structs.replace(ROBIN, therapy_start_ms=NOON + 150 * HOUR // 60))
    state.replan("p1")
    assert "rise" in ended(state)[-1], "132.2 on average now"


def test_a_time_of_receipt_is_not_sure() -> None:
    receipt = replace(after(1, 120), time="receipt", session="other")
    state = lived(*BEFORE, receipt)
    vital = state.rule_set.vitals[0]
    assert [one.sure for one in endings(state, vital, 0)] == [True, True, True, False]
    ids = [one.sight.reading_id for one in endings(state, vital, 0)]
    assert ids == [one.reading_id for one in (*BEFORE, receipt)]


def test_of_whom_no_reading_is_kept_nothing_is_asked() -> None:
    state = fresh_state(THERAPY, rules=rules(*RULES))
    state.row("p1")
    vital = state.rule_set.vitals[0]
    assert endings(state, vital, 0) == []
    gated = replace(after(1, "NaN"), quantities={})
    step(state, at_once(gated))
    assert endings(state, vital, 0) == []


def test_without_rises_and_windows_one_reading_decides() -> None:
    state = lived(*BEFORE, rule_set=rules(*RULES[:2]))
    assert ended(state) == [["plain", "lesser"]] * 3


def test_a_day_that_is_kept_no_more_still_went_before() -> None:
    """Nine days: the first began the episode and is forgotten; the second counts all the same."""
    text = rule("long", "systolic >= 135 mmHg", MEAN.replace("mean_days = 2", "mean_days = 8"))
    several = [pressure(NOON + day * DAY, 100) for day in range(9)]
    state = fresh_state(ROBIN, rules=rules(text.replace("readings = 3", "readings = 8")))
    step(state, at_once(*several))
    assert ended(state)[-1] == ["long"]
