"""The four standard books say what design and sources say: severity, window, confirmation."""

import pytest

from alerts.rules.book import Baseline, Matching, Mean, Rule
from alerts.rules.load import load_books
from schemas.alert import Severity
from schemas.registry import SHIPPED_BOOKS

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
BOOKS = {book.name: book for book in load_books()}
RULES = {(name, rule.id): rule for name, book in BOOKS.items() for rule in book.rules}

STANDARD, DIABETES = "adult-standard", "adult-diabetes"
PREGNANCY, ONCOLOGY = "pregnancy-postpartum", "oncology-antivegf"

EXPECTED: dict[tuple[str, str], tuple[str, Severity, object, int]] = {
    # ladder, severity, window or baseline, minutes for a confirming repeat
    (STANDARD, "bp-extreme"): ("bp-high", "critical", None, 0),
    (STANDARD, "bp-diastolic-hi"): ("bp-high", "critical", None, 0),
    (STANDARD, "bp-severe"): ("bp-high", "critical", None, 10),
    (STANDARD, "bp-often-high"): ("bp-high", "medium", Matching(3, 5, days=2), 0),
    (STANDARD, "bp-mean-high"): ("bp-high", "medium", Mean(7, 12, 3), 0),
    (STANDARD, "bp-lo"): ("bp-low", "high", None, 0),
    (STANDARD, "bp-low"): ("bp-low", "high", None, 10),
    (STANDARD, "pulse-lo"): ("pulse-low", "high", None, 0),
    (STANDARD, "pulse-slow"): ("pulse-low", "high", None, 10),
    (STANDARD, "pulse-hi"): ("pulse-high", "high", None, 0),
    (STANDARD, "pulse-fast"): ("pulse-high", "high", None, 10),
    (STANDARD, "pulse-irregular"): ("pulse-irregular", "medium", Matching(2, 3), 0),
    (DIABETES, "glucose-lo"): ("glucose-low", "critical", None, 0),
    (DIABETES, "glucose-below-54"): ("glucose-low", "critical", None, 0),
    (DIABETES, "glucose-low-twice"): ("glucose-low", "high", Matching(2, 8, DAY), 0),
    (DIABETES, "glucose-below-70"): ("glucose-low", "medium", None, 0),
    (DIABETES, "glucose-hi"): ("glucose-high", "critical", None, 0),
    (DIABETES, "glucose-very-high-twice"): ("glucose-high", "high", Matching(2, 3, DAY), 0),
    (DIABETES, "glucose-above-250"): ("glucose-high", "medium", None, 0),
    (DIABETES, "glucose-above-180"): ("glucose-high", "info", None, 0),
    (PREGNANCY, "pregnancy-bp-extreme"): ("bp-high", "critical", None, 0),
    (PREGNANCY, "pregnancy-diastolic-hi"): ("bp-high", "critical", None, 0),
    (PREGNANCY, "pregnancy-bp-severe"): ("bp-high", "critical", None, 15),
    (PREGNANCY, "pregnancy-bp-high-twice"): (
        "bp-high",
        "high",
        Matching(2, 3, 7 * DAY, apart_ms=15 * MINUTE),
        0,
    ),
    (ONCOLOGY, "antivegf-bp-extreme"): ("bp-high", "critical", None, 0),
    (ONCOLOGY, "antivegf-diastolic-hi"): ("bp-high", "critical", None, 0),
    (ONCOLOGY, "antivegf-bp-severe"): ("bp-high", "critical", None, 10),
    (ONCOLOGY, "antivegf-bp-grade-3"): ("bp-high", "high", Matching(2, 3), 0),
    (ONCOLOGY, "antivegf-bp-rise"): ("bp-high", "medium", Baseline(6, 14, "therapy"), 0),
}
NUMBERS = {
    # every limit as written: field, comparison, the book's value in each unit that it states
    (STANDARD, "bp-extreme"): ["systolic >= 220 mmHg"],
    (STANDARD, "bp-diastolic-hi"): ["diastolic is HI"],
    (STANDARD, "bp-severe"): ["systolic > 180 mmHg", "diastolic > 120 mmHg"],
    (STANDARD, "bp-often-high"): ["systolic >= 145 mmHg", "diastolic >= 90 mmHg"],
    (STANDARD, "bp-mean-high"): ["systolic >= 135 mmHg", "diastolic >= 85 mmHg"],
    (STANDARD, "bp-lo"): ["systolic is LO"],
    (STANDARD, "bp-low"): ["systolic <= 90 mmHg"],
    (STANDARD, "pulse-lo"): ["pulse is LO"],
    (STANDARD, "pulse-slow"): ["pulse <= 40 /min"],
    (STANDARD, "pulse-hi"): ["pulse is HI"],
    (STANDARD, "pulse-fast"): ["pulse >= 131 /min"],
    (STANDARD, "pulse-irregular"): ["irregular-pulse"],
    (DIABETES, "glucose-lo"): ["glucose is LO"],
    (DIABETES, "glucose-below-54"): ["glucose < 54 mg/dL, 3.0 mmol/L"],
    (DIABETES, "glucose-low-twice"): ["glucose < 70 mg/dL, 3.9 mmol/L"],
    (DIABETES, "glucose-below-70"): ["glucose < 70 mg/dL, 3.9 mmol/L"],
    (DIABETES, "glucose-hi"): ["glucose is HI"],
    (DIABETES, "glucose-very-high-twice"): ["glucose > 250 mg/dL, 13.9 mmol/L"],
    (DIABETES, "glucose-above-250"): ["glucose > 250 mg/dL, 13.9 mmol/L"],
    (DIABETES, "glucose-above-180"): ["glucose > 180 mg/dL, 10.0 mmol/L"],
    (PREGNANCY, "pregnancy-bp-extreme"): ["systolic >= 220 mmHg"],
    (PREGNANCY, "pregnancy-diastolic-hi"): ["diastolic is HI"],
    (PREGNANCY, "pregnancy-bp-severe"): ["systolic >= 160 mmHg", "diastolic >= 110 mmHg"],
    (PREGNANCY, "pregnancy-bp-high-twice"): ["systolic >= 140 mmHg", "diastolic >= 90 mmHg"],
    (ONCOLOGY, "antivegf-bp-extreme"): ["systolic >= 220 mmHg"],
    (ONCOLOGY, "antivegf-diastolic-hi"): ["diastolic is HI"],
    (ONCOLOGY, "antivegf-bp-severe"): ["systolic >= 180 mmHg", "diastolic >= 110 mmHg"],
    (ONCOLOGY, "antivegf-bp-grade-3"): ["systolic >= 160 mmHg", "diastolic >= 100 mmHg"],
    (ONCOLOGY, "antivegf-bp-rise"): ["systolic rise >= 20 mmHg", "map rise >= 15 mmHg"],
}


def test_there_is_no_rule_that_the_tables_do_not_know() -> None:
    assert RULES.keys() == EXPECTED.keys() == NUMBERS.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_severity_window_and_confirmation(name: tuple[str, str]) -> None:
    rule = RULES[name]
    ladder, severity, over, minutes = EXPECTED[name]
    assert (rule.ladder, rule.severity, rule.window or rule.baseline) == (ladder, severity, over)
    assert rule.confirm_within_ms == minutes * MINUTE
    assert rule.notify


@pytest.mark.parametrize("name", NUMBERS)
def test_the_numbers(name: tuple[str, str]) -> None:
    assert described(RULES[name]) == NUMBERS[name]


def described(rule: Rule) -> list[str]:
    """Spell out every comparison with the number that is in force for everybody."""
    return [test.described() for test in rule.condition.tests()]


@pytest.mark.parametrize(
    ("vital", "book"),
    [(vital, name) for name, book in BOOKS.items() for vital in book.vitals],
)
def test_what_a_device_can_only_call_hi_or_lo_waits_for_no_repeat(vital: str, book: str) -> None:
    rules = [rule for rule in BOOKS[book].rules if rule.vital == vital]
    patient = {one for rule in rules if rule.confirm_within_ms for one in described(rule)}
    sides = {(text.split()[0], "LO" if "<" in text else "HI") for text in patient}
    own = {text for rule in rules if not rule.confirm_within_ms for text in described(rule)}
    assert {
        f"{field} is {side}" for field, side in sides if f"{field} >= 220 mmHg" not in own
    } <= own


def test_who_does_not_measure_is_work_except_after_a_birth() -> None:
    absences = {name: book.absences for name, book in BOOKS.items()}
    assert {name: len(found) for name, found in absences.items()} == dict.fromkeys(BOOKS, 1)
    (after_birth,) = absences.pop(PREGNANCY)
    assert (after_birth.absent_for_ms, after_birth.severity, after_birth.notify) == (
        DAY,
        "high",
        True,
    )
    for (absence,) in absences.values():
        assert (absence.absent_for_ms, absence.severity, absence.notify) == (
            3 * DAY,
            "medium",
            False,
        )


def test_level_two_hypoglycaemia_is_never_put_off() -> None:
    for rule in (RULES[DIABETES, "glucose-lo"], RULES[DIABETES, "glucose-below-54"]):
        assert rule.keeps_severity_when_delayed
    (limit,) = [one for one in BOOKS[DIABETES].limits if one.name == "very-low-glucose"]
    assert limit.lowest == limit.value


def test_a_rule_is_known_by_its_id_alone() -> None:
    every = [rule.id for book in BOOKS.values() for rule in book.rules]
    every += [absence.id for book in BOOKS.values() for absence in book.absences]
    assert len(set(every)) == len(every)


def test_no_book_watches_children() -> None:
    assert {book.from_age_years for book in BOOKS.values()} == {13}


def test_the_registry_knows_the_books_that_come_along() -> None:
    assert tuple(sorted(BOOKS)) == SHIPPED_BOOKS
