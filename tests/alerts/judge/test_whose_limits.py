"""Whose book says what a patient's own limit may be: those that watch the patient."""

import pytest

from alerts.judge.plans import Admitted
from alerts.rules.reader import read_book
from schemas.registry import PatientEntry, PersonalLimit
from tests.alerts.book_text import PRESSURE, head, rule

GOAL = """
[limits.goal]
value = ["150 mmHg"]
allowed = [["120 mmHg"], ["200 mmHg"]]
relaxing = "up"
"""
BOOKS = [
    read_book("a.toml", head("with-goal", PRESSURE, GOAL) + rule("a", "systolic > limit.goal")),
    read_book("b.toml", head("without", PRESSURE) + rule("b", "systolic > 180 mmHg")),
]
OWN = PersonalLimit("goal", ["170 mmHg"], "Dr. Ito", "physician", "frail", 5, None, 1)
REFUSED = "Refused: patient p1, limit goal: no book given for the patient has it. The book's holds."


@pytest.mark.parametrize(
    ("books", "allowed"),
    [
        (["with-goal"], True),
        (["without"], False),
        (["without", "with-goal"], True),
        ([], True),
        (["nobody-gave-it"], True),
    ],
)
def test_a_limit_is_of_the_books_that_watch_its_patient(books: list[str], allowed: bool) -> None:
    """Who names none of the given books is watched by all of them."""
    entry, told = Admitted(BOOKS).take(PatientEntry("p1", "", books, limits=[OWN]))
    assert entry.limits == ([OWN] if allowed else [])
    assert told == ([] if allowed else [REFUSED])
