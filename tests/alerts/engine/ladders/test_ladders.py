"""How rule books become ladders, and which of them a patient is under."""

from dataclasses import replace

import msgspec
import pytest

from alerts.engine.ladders.ladder import arrange, bits, mask
from alerts.engine.state.plans import Plans
from alerts.rules.book import Book
from alerts.rules.load import SHIPPED, load_books
from schemas.errors import MisconfiguredError
from schemas.registry import PatientEntry
from tests.alerts.readings import BASIC, NOON, basic


def standard() -> Book:
    return next(book for book in load_books(BASIC) if book.name == "adult-standard")


def test_the_most_severe_rung_comes_first_and_of_equals_the_first_written() -> None:
    rungs = {ladder.name: [rung.rule.id for rung in ladder.rungs] for ladder in basic().ladders}
    assert rungs == {
        "bp-high": ["bp-severe"],
        "bp-low": ["bp-low"],
        "glucose-high": ["glucose-hi", "glucose-above-250"],
        "glucose-low": ["glucose-lo", "glucose-below-54", "glucose-below-70"],
    }


def test_a_ladder_goes_across_books_and_each_book_brings_its_own_rungs_into_force() -> None:
    other = replace(standard(), name="other")
    rules = arrange([standard(), other])
    ladder = rules.ladders[0]
    assert [rung.key for rung in ladder.rungs] == [
        "adult-standard/bp-severe",
        "other/bp-severe",
    ]
    assert rules.in_force(["other"])[0] == 0b10
    assert rules.in_force(["adult-standard", "other"])[0] == 0b11
    assert rules.in_force([]) == [0, 0]


def test_books_that_contradict_each_other_are_refused() -> None:
    book = standard()
    settings = book.vitals["blood_pressure"]
    gated = replace(book, name="other", vitals={"blood_pressure": replace(settings, gated={})})
    with pytest.raises(MisconfiguredError, match="disagree on 'gated' or 'repeat_within'"):
        arrange([book, gated])
    fresher = replace(book, name="other", vitals={"blood_pressure": replace(settings, fresh_ms=1)})
    assert arrange([book, fresher]).ladders[0].rungs[1].fresh_ms == 1


def test_two_books_of_one_name_and_a_ladder_of_two_vitals_are_refused() -> None:
    with pytest.raises(MisconfiguredError, match="one name"):
        arrange([standard(), standard()])
    mixed = [
        replace(book, rules=tuple(replace(rule, ladder="all") for rule in book.rules))
        for book in load_books(BASIC)
    ]
    with pytest.raises(MisconfiguredError, match="Ladder all judges blood_pressure and glucose"):
        arrange(mixed)


def test_a_set_of_rungs_is_a_mask() -> None:
    assert mask([0, 2]) == 0b101
    assert list(bits(0b101)) == [0, 2]


def test_a_plan_that_names_an_unknown_book_says_so_and_uses_the_others() -> None:
    plans = Plans(basic())
    assert plans.put(PatientEntry("p1", "Robin", ["adult-diabetes", "none"])) == ["none"]
    assert plans.of("p1").in_force == tuple(basic().in_force(["adult-diabetes"]))


def test_a_patient_under_books_that_nobody_loaded_is_judged_by_every_book() -> None:
    plans = Plans(basic())
    assert plans.put(PatientEntry("p1", "Robin", ["none"])) == ["none"]
    assert plans.of("p1").in_force == tuple(basic().in_force(basic().books))


def test_a_patient_who_left_the_registry_is_judged_by_every_book() -> None:
    plans = Plans(basic())
    plans.put(PatientEntry("p1", "Robin", [], care_plan_from_ms=NOON))
    assert "p1" in plans
    assert plans.of("p1").in_force == (0, 0, 0, 0)
    plans.remove("p1")
    assert "p1" not in plans
    assert plans.of("p1").in_force == tuple(basic().in_force(basic().books))


def test_the_limits_of_adults_do_not_judge_a_child() -> None:
    plans = Plans(basic())
    for books in (["adult-standard"], ["none"]):
        plans.put(PatientEntry("p1", "Kim", books, under_13=True))
        assert not any(plans.of("p1").in_force)


def test_a_child_is_not_expected_to_measure_by_a_book_that_is_refused() -> None:
    plans = Plans(arrange(load_books(SHIPPED)))
    entry = PatientEntry("p1", "Kim", ["adult-standard"], care_plan_from_ms=NOON)
    plans.put(entry)
    assert any(plans.of("p1").expected)
    plans.put(msgspec.structs.replace(entry, under_13=True))
    assert not any(plans.of("p1").expected)
