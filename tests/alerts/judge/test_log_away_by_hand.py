"""A log that itself was away: logs by hand, and when a patient's silence is told all the same.

Someone who gave birth is missed a day after her plan began, at any hour: at half past eight.
"""

from collections.abc import Iterator

import pytest

from alerts.engine.absence.gaps import LOG_GAP_MS
from tests.alerts.judge.nights import (
    DAYS,
    Line,
    at,
    bp,
    minutes_after_eight,
    plan,
    tick,
    transitions,
)

BOOK = ("pregnancy-postpartum",)
DUE = 30
PLAN = plan(*BOOK, care_plan_from=at(DUE - DAYS))


def there(*stays: tuple[int, int]) -> list[Line]:
    """Ticks of a log that is there from one minute until another, both included."""
    return [tick(minutes) for begin, end in stays for minutes in range(begin, end + 1)]


def again(first: int, length: int, away: int, times: int) -> Iterator[tuple[int, int]]:
    """Stays of one length, and absences of another between them."""
    for number in range(times):
        begin = first + number * (length + away)
        yield begin, begin + length


def reports(*stays: tuple[int, int]) -> list[Line]:
    """A home's, every ten minutes while the log is there."""
    return [
        {"gateway_id": "home-1", "received_at": at(minutes), "health": {"state": "online"}}
        for begin, end in stays
        for minutes in range(begin, end + 1, 10)
    ]


BEFORE = (-10, 20)
LOGS: dict[str, tuple[list[Line], list[tuple[float, str]]]] = {
    "a log that was not away tells it when it is due": (
        there((-10, 60)),
        [(DUE, "onset")],
    ),
    "five minutes are no absence": (
        there((-10, DUE - 2), (DUE + 3, 60)),
        [(DUE, "onset")],
    ),
    "what was due meanwhile is told two hours after it is back": (
        there(BEFORE, (40, 300)),
        [(160, "onset")],
    ),
    "what becomes due in these two hours too, however often it was away before": (
        there((-90, -60), (-40, -20), (0, 300)),
        [(120, "onset")],
    ),
    "what becomes due behind them at once": (
        there((-200, -150), (-100, 300)),
        [(DUE, "onset")],
    ),
    "there for half an hour each hour it has had its two hours after four of them": (
        there(BEFORE, *again(60, 30, 30, 20)),
        [(270, "onset")],
    ),
    "and the minute more of each that it was there": (
        there(BEFORE, *again(60, 31, 29, 20)),
        [(60 + 3 * 60 + 27, "onset")],
    ),
    "away for six minutes every two hours it has them a minute after the second time": (
        there(BEFORE, *again(40, 119, 6, 9)),
        [(40 + 119 + 6 + 1, "onset")],
    ),
    "one record every seven minutes is five minutes each": (
        there(BEFORE, *again(40, 0, 7, 200)),
        [(40 + 23 * 7 + 5, "onset")],
    ),
    "what waited for two hours has two hours, though it was there before": (
        there(BEFORE, (40, 130), (250, 600)),
        [(250 + 120, "onset")],
    ),
    "what waited for a minute less has what is left": (
        there(BEFORE, (40, 130), (249, 600)),
        [(249 + 30, "onset")],
    ),
    "and also if it went again within them": (
        there(BEFORE, (40, 130), (250, 270), (290, 600)),
        [(290 + 120, "onset")],
    ),
    "away for three hours again and again it has four in all": (
        there(BEFORE, *again(40, 60, 180, 9)),
        [(40 + 3 * 240 + 60, "onset")],
    ),
    "who is due in the third of its stays has two hours from the fourth on": (
        there((-150, -120), *again(-90, 30, 30, 20)),
        [(90 + 3 * 60 + 30, "onset")],
    ),
    "a measurement that waited ends it before it is told": (
        [*there(BEFORE, (60, 90), (120, 140)), bp(141, 120, ago=100), *there((180, 900))],
        [],
    ),
    "and one that comes later returns it": (
        [*there(BEFORE, *again(60, 31, 29, 6)), bp(500, 120)],
        [(267, "onset"), (500, "returned")],
    ),
}


HOME = bp(DUE - DAYS, 120, gateway_id="home-1")
"""The last contact: by a gateway."""


def with_gateway(*stays: tuple[int, int]) -> list[Line]:
    """What a gateway says comes by the same way, while the log is there."""
    lines = [*there(*stays), *reports(*stays)]
    return [HOME, *sorted(lines, key=lambda line: str(line["received_at"]))]


LOGS |= {
    "a gateway that only the log made late is given its hours with the log": (
        with_gateway((DUE - DAYS + 10, 20), (40, 300)),
        [(160, "onset")],
    ),
    "nor hides both being away for hours again and again it for ever": (
        with_gateway((DUE - DAYS + 10, 20), *again(170, 90, 150, 12)),
        [(770, "onset")],
    ),
}


def told(log: list[Line], cut: int) -> list[tuple[float, str]]:
    return [
        (minutes_after_eight(one.at_ms), one.event)
        for one in transitions([PLAN, *log], BOOK, cut, LOG_GAP_MS)
        if one.ladder == "absence-blood-pressure" and one.event != "cause"
    ]


@pytest.mark.parametrize("sentence", LOGS)
def test_when_silence_is_told(sentence: str) -> None:
    log, expected = LOGS[sentence]
    assert told(log, 5000) == expected
    assert told(log, 1) == expected
