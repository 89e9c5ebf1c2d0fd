"""Cuffs whose clock no session can read: whether their stamps are believed, by hand.

Sentences of the specification about the last five sessions, and what a reading may do that is dated
by its arrival. Someone lives in Berlin; each session's freshest stamp lay ``lags`` minutes behind.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.alerts.judge.nights import DAYS, EIGHT, HOURS, Line, at, bp, judged, plan, tick, together

BOOK = ("adult-standard",)
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
PLAN = plan(*BOOK, zone="Europe/Berlin")
WRONG = (11,) * 5
DELAYED, ARRIVED = (
    ["high onset bp-high [delayed]"],
    ["critical onset bp-high [awaiting-confirmation]"],
)
LOW = ["high onset bp-low [awaiting-confirmation]", "high confirmed bp-low"]


def stamp(minutes: float, zone: ZoneInfo) -> str:
    return (EIGHT + timedelta(minutes=minutes)).astimezone(zone).replace(tzinfo=None).isoformat()


def cuff(  # noqa: PLR0913 - each of them is what a sentence is about
    received: float,
    *lags: float,
    ago: float = 5 * HOURS,
    systolic: int = 190,
    newest: bool = True,
    visit: str = "",
    zone: ZoneInfo = BERLIN,
    **said: object,
) -> Line:
    """One that came in a session whose last ones, half a day apart, showed these lags."""
    captured = [received - 12 * HOURS * number for number in reversed(range(len(lags)))]
    seen = [
        {"captured_ms": (EIGHT.timestamp() + 60 * then) * 1000, "local": stamp(then - lag, zone)}
        for then, lag in zip(captured, lags, strict=True)
    ]
    time = {"local": stamp(received - ago, zone), "coincidences": seen, **said}
    line = bp(received, systolic) | {"session_newest": newest, "device_time": time}
    line |= {"session_id": visit} if visit else {}
    return {key: value for key, value in line.items() if key != "measured_at"}


def arrived(received: float, systolic: int, *, newest: bool = True, visit: str = "") -> Line:
    return cuff(received, *WRONG, systolic=systolic, newest=newest, visit=visit)


def now(received: float, systolic: int) -> Line:
    return cuff(received, 0, ago=0, systolic=systolic)


LOGS: dict[str, tuple[list[Line], list[str]]] = {
    "one session whose stamp was right is enough": ([PLAN, cuff(0, 0)], DELAYED),
    "ten minutes in one of five are": ([PLAN, cuff(0, 11, 11, 10, 11, 11)], DELAYED),
    "eleven in all are not: it was measured when it came": ([PLAN, cuff(0, *WRONG)], ARRIVED),
    "a sixth session is too long ago": ([PLAN, cuff(0, 0, *WRONG)], ARRIVED),
    "nobody has seen any": ([PLAN, cuff(0)], ARRIVED),
    "ten minutes ahead are as good": ([PLAN, cuff(0, -10)], DELAYED),
    "eleven ahead are not": ([PLAN, cuff(0, -11)], ARRIVED),
    "one that was ahead was moved since": ([PLAN, cuff(0, 0, -11, 0, 0)], ARRIVED),
    "a clock that was read needs none": ([PLAN, cuff(0, *WRONG, age_ms=5 * 3_600_000)], DELAYED),
    "a stamp that the cuff doubts": ([PLAN, cuff(0, 0, fault=True)], ARRIVED),
    "or we": ([PLAN, cuff(0, 0, screens=["clock-moved"])], ARRIVED),
    "one of later than now": ([PLAN, cuff(0, 0, ago=-11)], ARRIVED),
    "of nobody knows where": ([cuff(0, 0)], ARRIVED),
    "a clock that stayed in New York": ([PLAN, cuff(0, *[0] * 5, zone=NEW_YORK)], ARRIVED),
    "the meter's own offset counts": (
        [PLAN, cuff(0, 0, offset_min=2 * HOURS)],
        ["critical onset bp-high"],
    ),
    "four hours are fresh": ([PLAN, cuff(0, 0, ago=4 * HOURS)], ["critical onset bp-high"]),
    "a day and two hours are stale": (
        [PLAN, cuff(0, 0, ago=26 * HOURS)],
        ["medium stale bp-high [stale]"],
    ),
    "no stamp and not the newest is stale": (
        [PLAN, cuff(0, *WRONG, newest=False)],
        ["medium stale bp-high [stale]"],
    ),
    "what is dated by its arrival confirms": (
        [PLAN, now(0, 181), arrived(5, 185)],
        [*ARRIVED, "critical confirmed bp-high"],
    ),
    "it ends no critical alert": (
        [PLAN, now(0, 225), arrived(60, 130)],
        ["critical onset bp-high"],
    ),
    "nor the wait for a page": (
        [PLAN, now(0, 181), arrived(5, 130), tick(11)],
        [*ARRIVED, "critical confirmed bp-high"],
    ),
    "but another": (
        [PLAN, now(0, 85), tick(12), arrived(60, 130)],
        [*LOW, "high returned bp-low"],
    ),
    "not if it was not the newest": (
        [PLAN, now(0, 85), tick(12), arrived(60, 130, newest=False)],
        LOW,
    ),
    "it counts in windows": (
        [PLAN, arrived(0, 150), arrived(600, 150), arrived(DAYS, 150)],
        ["medium onset bp-high"],
    ),
    "if nothing else came in its visit before": (
        [
            PLAN,
            arrived(0, 150),
            arrived(600, 150),
            arrived(DAYS - 1, 120, newest=False, visit="one"),
            arrived(DAYS, 150, visit="one"),
        ],
        [],
    ),
    "or with it": (
        [
            PLAN,
            arrived(0, 150),
            arrived(600, 150),
            together(
                arrived(DAYS, 120, newest=False, visit="one"), arrived(DAYS, 150, visit="one")
            ),
        ],
        [],
    ),
    "it is contact": (
        [plan(*BOOK, care_plan_from=at(0)), arrived(2 * DAYS, 120), tick(4 * DAYS)],
        [],
    ),
}


@pytest.mark.parametrize("sentence", LOGS)
def test_what_is_said_of(sentence: str) -> None:
    log, told = LOGS[sentence]
    assert judged(log, BOOK) == told
    assert judged(log, BOOK, cut=1) == told
