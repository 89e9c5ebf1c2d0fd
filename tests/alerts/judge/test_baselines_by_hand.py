"""A rise over a patient's own baseline: logs by hand, and what is said of them.

The baseline is what was measured in the 14 days before therapy begins, at eight; it needs six.
"""

import pytest

from tests.alerts.judge.nights import (
    DAYS,
    HI,
    HOURS,
    NAN,
    Line,
    at,
    bp,
    changed,
    judged,
    plan,
    tick,
)

BOOK = ("oncology-antivegf",)
PLAN = plan(*BOOK, therapy_start=at(0))
SIX = [bp(-day * DAYS, 120, 70) for day in (6, 5, 4, 3, 2, 1)]
FIVE = SIX[1:]
HIGH = bp(60, 140, 70)
ONSET = ["medium onset bp-high"]
INACTIVE = ["medium inactive bp-high"]
NEXT_DAY_OVER = tick(2 * DAYS)
MISSED = ["medium onset absence-blood-pressure", "medium returned absence-blood-pressure"]

LOGS: dict[str, tuple[list[Line], list[str]]] = {
    "20 over the mean of six": ([PLAN, *SIX, HIGH], ONSET),
    "19 are none": ([PLAN, *SIX, bp(60, 139, 70)], []),
    "the mean arterial pressure alone": ([PLAN, *SIX, bp(60, 121, 93)], ONSET),
    "not 14 and a third": ([PLAN, *SIX, bp(60, 121, 91)], []),
    "it returns below 15": (
        [PLAN, *SIX, HIGH, bp(120, 135, 70), bp(180, 134, 70)],
        [*ONSET, "medium returned bp-high"],
    ),
    "with both known": (
        [PLAN, *SIX, HIGH, bp(120, NAN, 70), bp(180, 134, NAN)],
        ONSET,
    ),
    "five are too few, which is told when the next day is over": (
        [PLAN, *FIVE, HIGH, NEXT_DAY_OVER],
        INACTIVE,
    ),
    "not before": ([PLAN, *FIVE, HIGH, tick(2 * DAYS - 9 * HOURS)], []),
    "of six nobody is told": ([PLAN, *SIX, bp(60, 120), NEXT_DAY_OVER], []),
    "a flagged one is none": (
        [PLAN, *FIVE, bp(-9, 120, 70, status=["body-moved"]), HIGH, NEXT_DAY_OVER],
        INACTIVE,
    ),
    "nor HI": (
        [PLAN, *FIVE, bp(-9, HI, 70), HIGH, NEXT_DAY_OVER],
        ["critical onset bp-high", "critical returned bp-high", *INACTIVE],
    ),
    "nor one whose clock nobody trusts": (
        [PLAN, *FIVE, bp(-9, 120, 70, time_quality="untrusted"), HIGH, NEXT_DAY_OVER],
        INACTIVE,
    ),
    "one dated by its arrival is": (
        [PLAN, *FIVE, bp(-9, 120, 70, time_quality="receipt"), HIGH],
        ONSET,
    ),
    "the minute before therapy is in it": ([PLAN, *FIVE, bp(-1, 120, 70), HIGH], ONSET),
    "the minute at which it begins is not": (
        [PLAN, *FIVE, bp(0, 120, 70), HIGH, NEXT_DAY_OVER],
        INACTIVE,
    ),
    "14 days before is": ([PLAN, bp(-14 * DAYS, 120, 70), *FIVE, HIGH], [*MISSED, *ONSET]),
    "a minute earlier is not": (
        [PLAN, bp(-14 * DAYS - 1, 120, 70), *FIVE, HIGH, NEXT_DAY_OVER],
        [*MISSED, *INACTIVE],
    ),
    "what was measured before the care plan is": (
        [plan(*BOOK, therapy_start=at(0), care_plan_from=at(-60)), *SIX, HIGH],
        ONSET,
    ),
    "the sixth may come late": ([PLAN, *FIVE, bp(30, 120, 70, ago=60), HIGH], ONSET),
    "then it speaks of what comes after": (
        [PLAN, *FIVE, HIGH, bp(90, 120, 70, ago=120), bp(100, 140, 70)],
        ONSET,
    ),
    "also when it was said to be inactive": (
        [
            PLAN,
            *FIVE,
            HIGH,
            NEXT_DAY_OVER,
            bp(2 * DAYS + 1, 120, 70, ago=2 * DAYS + 9),
            bp(2 * DAYS + 60, 140, 70),
        ],
        [*INACTIVE, *ONSET],
    ),
    "a start that is entered afterwards finds what is kept": (
        [plan(*BOOK, therapy_start=at(30 * DAYS)), *SIX, bp(30, 120, 70), PLAN, HIGH],
        ONSET,
    ),
    "one that is moved makes it anew": (
        [
            PLAN,
            *SIX,
            plan(*BOOK, therapy_start=at(2 * DAYS)),
            bp(60, 150, 70),
            bp(2 * DAYS + 60, 143, 70),
            bp(2 * DAYS + 90, 145, 70),
        ],
        ONSET,
    ),
    "without a start it is inactive": (
        [plan(*BOOK), bp(0, 140, 70), NEXT_DAY_OVER],
        INACTIVE,
    ),
    "a correction moves it": (
        [
            PLAN,
            *SIX,
            changed("corrections", 10, SIX[5], quantities=bp(0, 114, 70)["quantities"]),
            bp(60, 139, 70),
        ],
        ONSET,
    ),
    "what rests on one that was withdrawn is retracted": (
        [PLAN, *SIX, HIGH, changed("withdrawals", 70, SIX[5]), bp(80, 141, 70), NEXT_DAY_OVER],
        [*ONSET, "medium retracted bp-high", *INACTIVE],
    ),
    "of yesterday it is old": (
        [PLAN, *SIX, bp(2 * DAYS, 140, 70, ago=26 * HOURS)],
        ["medium stale bp-high [stale]"],
    ),
}


@pytest.mark.parametrize("sentence", LOGS)
def test_what_is_said_of(sentence: str) -> None:
    log, told = LOGS[sentence]
    assert judged(log, BOOK) == told
    assert judged(log, BOOK, cut=1) == told
