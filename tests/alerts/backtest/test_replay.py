"""History through the engine: the same transitions by columns as record by record."""

from pathlib import Path

import pandas as pd
import pytest

from alerts.backtest.history import History, history
from alerts.backtest.replay import kept, play, watched
from alerts.rules.book import Book
from alerts.rules.load import find_book, load_book
from schemas.alert import Transition
from schemas.registry import PatientEntry
from simulators.cohort.generate import Cohort, generate
from simulators.cohort.judging import judged
from simulators.cohort.populations import POPULATIONS, PopulationName
from simulators.cohort.tables import reading_columns

SAME = ("event_id", "alert_id", "event", "severity", "rule", "at_ms", "reason", "marks")


def book(name: str) -> Book:
    return load_book(find_book(name))


def past_of(cohort: Cohort) -> History:
    return history(pd.DataFrame(reading_columns(cohort.records)))


def parts(transitions: list[Transition]) -> list[tuple[object, ...]]:
    """Compare without deadlines of absence: the two logs end at different times."""
    return [
        tuple(str(getattr(one, name)) for name in SAME)
        for one in transitions
        if not one.ladder.startswith("absence-")
    ]


@pytest.mark.parametrize("population", POPULATIONS)
def test_columns_say_what_records_say(population: PopulationName) -> None:
    cohort = generate(population, 5, 10, 21)
    books = [book(name) for name in POPULATIONS[population].books]
    played = play(past_of(cohort), books, cohort.patients)
    found = parts(played.transitions)
    assert found
    assert sorted(found) == sorted(parts(list(kept(judged(cohort, books)))))
    assert played.patient_days > 150


def test_progress_is_told_and_ends_with_everything() -> None:
    past = past_of(generate("adult-standard", 1, 3, 14))
    heard: list[int] = []
    play(past, [book("adult-standard")], progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == len(past)


def test_care_plans_choose_who_is_judged_by_what() -> None:
    tested = [book("adult-standard")]
    entries = {
        "a": PatientEntry("a", "A", ["adult-standard", "adult-diabetes"]),
        "b": PatientEntry("b", "B", ["adult-diabetes"]),
    }
    chosen = {one.patient_id: one.books for one in watched(["a", "b", "c"], tested, entries)}
    assert chosen == {"a": ["adult-standard"], "b": [], "c": ["adult-standard"]}


def test_a_book_that_no_care_plan_names_is_new_and_judges_everybody(tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    text = find_book("adult-standard").read_text(encoding="utf-8")
    draft.write_text(text.replace('book = "adult-standard"', 'book = "draft"'), encoding="utf-8")
    entries = {"b": PatientEntry("b", "B", ["adult-diabetes"])}
    chosen = {one.patient_id: one.books for one in watched(["b"], [load_book(draft)], entries)}
    assert chosen == {"b": ["draft"]}
