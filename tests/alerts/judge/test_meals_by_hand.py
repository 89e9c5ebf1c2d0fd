"""What a meter says of a measurement in another record, before it or after it, by hand.

A book whose rules ask for a meal: the others say nothing of it.
"""

import pytest

from alerts.rules.book import Book
from alerts.rules.reader import read_book
from tests.alerts.book_text import GLUCOSE, head, rule
from tests.alerts.judge import nights
from tests.alerts.judge.nights import (
    HI,
    HOURS,
    Line,
    amount,
    at,
    changed,
    minutes_after_eight,
    plan,
    sugar,
    tick,
    together,
    transitions,
)

FASTING, MEAL = "fasting", "postprandial"
HIGH = "glucose > (130 mg/dL, 7.2 mmol/L)"
OF_FASTING = 'requires = { meal = ["fasting"] }'
TWICE = 'window = { matching = 2, of = 3, within = "24h" }'
RULES = (
    rule("fasting", HIGH, OF_FASTING, ladder="fasting", severity="medium", vital="glucose"),
    rule("twice", HIGH, OF_FASTING, TWICE, ladder="fasting", severity="high", vital="glucose"),
    rule(
        "meal",
        "glucose > (200 mg/dL, 11.1 mmol/L)",
        'requires = { meal = ["postprandial"] }',
        severity="medium",
        vital="glucose",
    ),
)


def one(minutes: float, value: object, meal: str = "", **more: object) -> Line:
    """A measurement that is called after its minute."""
    said = {"attributes": {"meal": meal}} if meal else {}
    named = {"reading_id": f"at {minutes}"}
    return {**sugar(minutes, value), **named, **said, **more}


def of(minutes: float, about: float, meal: str = FASTING) -> Line:
    """What is said later, or before, of a measurement."""
    return {
        "patient_id": "p1",
        "received_at": at(minutes),
        "reading_id": f"{meal} of {about} at {minutes}",
        "vital": "glucose_context",
        "measured_at": at(minutes),
        "quantities": {},
        "amends": f"at {about}",
        "attributes": {"meal": meal},
    }


def corrected(minutes: float, was: Line, value: int) -> Line:
    return changed("corrections", minutes, was, quantities={"glucose": amount(value, "mg/dL")})


OPEN = one(0, 140, FASTING)
ONSET = "0 medium onset fasting"
LOGS: dict[str, tuple[list[Line], list[str]]] = {
    "in one record": ([together(one(0, 140), of(0, 0))], [ONSET]),
    "a minute later it opens then": ([one(0, 140), of(1, 0)], ["1 medium onset fasting"]),
    "once": ([one(0, 140), of(1, 0), of(2, 0)], ["1 medium onset fasting"]),
    "another meal opens nothing": ([one(0, 140), of(1, 0, MEAL)], []),
    "two that contradict each other both count": (
        [one(0, 210), of(1, 0), of(2, 0, MEAL)],
        ["1 medium onset fasting", "2 medium onset meal"],
    ),
    "before it waits for its measurement": ([of(0, 5), one(5, 140)], ["5 medium onset fasting"]),
    "of what never comes it says nothing": ([of(0, 7), tick(9)], []),
    "with a second delivery": (
        [one(0, 140), together(one(0, 140, received_at=at(5)), of(5, 0))],
        ["5 medium onset fasting"],
    ),
    "an older one may open": (
        [one(0, 140), one(20, 150), of(30, 0)],
        ["30 medium onset fasting"],
    ),
    "not if the newest is back": (
        [one(0, 140), one(20, 100, FASTING), of(30, 0)],
        ["30 medium resolved-before-seen fasting"],
    ),
    "after an hour it is old": (
        [one(0, 140), one(20, 150), of(90, 0)],
        ["90 medium stale fasting [stale]"],
    ),
    "or delayed, if there is no newer one": (
        [one(0, 140), of(120, 0)],
        ["120 info onset fasting [delayed]"],
    ),
    "for a day": ([one(0, 140), of(30 * HOURS, 0)], ["1800 medium stale fasting [stale]"]),
    "the second of two in a day is high": (
        [one(0, 140), one(30, 150), of(35, 30), of(36, 0)],
        ["35 medium onset fasting", "36 high worsened twice"],
    ),
    "two hours later it would be medium as what is open": (
        [one(0, 140), one(600, 150, FASTING), of(725, 0)],
        ["600 medium onset fasting", "725 medium stale fasting [stale]"],
    ),
    "it ends what it would have ended": (
        [OPEN, one(60, 110), of(61, 60)],
        [ONSET, "61 medium returned fasting"],
    ),
    "while it is fresh": ([OPEN, one(60, 110), of(200, 60)], [ONSET]),
    "not what matched again since": (
        [OPEN, one(10, 110), one(20, 150, FASTING), of(30, 10)],
        [ONSET, "20 high worsened twice"],
    ),
    "without it nothing ends": ([OPEN, one(60, 110)], [ONSET]),
    "of a measurement that was withdrawn it says nothing": (
        [one(0, 140), changed("withdrawals", 5, one(0, 140)), of(6, 0)],
        [],
    ),
    "a withdrawal takes what it opened": (
        [one(0, 140), of(1, 0), changed("withdrawals", 5, one(0, 140))],
        ["1 medium onset fasting", "5 medium retracted fasting"],
    ),
    "a correction is judged by it": (
        [one(0, 120), of(1, 0), corrected(5, one(0, 120), 140)],
        ["5 medium corrected-match fasting"],
    ),
    "and it judges what was corrected": (
        [one(0, 120), corrected(5, one(0, 120), 140), of(6, 0)],
        ["6 medium onset fasting"],
    ),
    "HI is higher than any limit": ([one(0, HI), of(1, 0)], ["1 medium onset fasting"]),
    "a control solution is nobody's": (
        [one(0, 140, outcome="control-solution"), of(1, 0)],
        [],
    ),
    "what was measured before the plan is not judged": (
        [plan("meals", care_plan_from=at(10)), one(0, 140), one(11, 100), of(12, 0)],
        [],
    ),
    "nor who has no books any more": ([one(0, 140), plan(), of(1, 0)], []),
}


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    meals = read_book("meals", head("meals", GLUCOSE) + "".join(RULES))
    monkeypatch.setattr(nights, "books_of", lambda _names: [meals])
    return meals


@pytest.mark.parametrize("sentence", LOGS)
@pytest.mark.usefixtures("book")
def test_what_is_said_of(sentence: str) -> None:
    log, told = LOGS[sentence]
    for cut in (5000, 1):
        assert [
            f"{minutes_after_eight(found.at_ms):.0f} {found.severity} {found.event} {found.rule}"
            + "".join(f" [{mark}]" for mark in found.marks)
            for found in transitions(log, ("meals",), cut)
        ] == told
