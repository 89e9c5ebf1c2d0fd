"""The standard books on the repository's seeds: what must hold on every cohort is held here."""

import functools
from pathlib import Path

import pytest

from alerts.rules.load import find_book, load_book
from simulators.cohort.evaluation import evaluate, together
from simulators.cohort.generate import generate
from simulators.cohort.judging import judged
from simulators.cohort.populations import POPULATIONS, PopulationName
from simulators.cohort.report import (
    NEEDLESS_MOST_A_WEEK,
    SENSITIVITY_LEAST,
    Figures,
    figures,
    markdown,
)

pytestmark = pytest.mark.timeout(300)

SEEDS, PATIENTS, DAYS = (1, 2), 60, 28
MANUAL = Path(__file__).parents[3] / "docs" / "cohort.md"


@functools.cache
def measured(population: PopulationName) -> Figures:
    books = [load_book(find_book(name)) for name in POPULATIONS[population].books]
    several = []
    for seed in SEEDS:
        cohort = generate(population, seed, PATIENTS, DAYS)
        several.append(evaluate(cohort, books, judged(cohort, books)))
    return figures(books[0].name, population, SEEDS, together(several))


@pytest.mark.parametrize("population", POPULATIONS)
def test_a_standard_book_misses_nobody_and_pages_seldom_for_nothing(
    population: PopulationName,
) -> None:
    found = measured(population)
    assert found.plain >= 5, "too few episodes to say anything"
    assert found.sensitivity >= SENSITIVITY_LEAST, found.missed
    assert found.needless <= NEEDLESS_MOST_A_WEEK, found.needless_by_rule


@pytest.mark.parametrize("population", POPULATIONS)
def test_whoever_was_measured_and_not_told_of_has_a_reason_outside_the_book(
    population: PopulationName,
) -> None:
    every = measured(population).classes[0]
    assert every.episodes == measured(population).measured
    assert every.missed.get("unexplained", 0) == 0


def test_the_manual_shows_these_figures() -> None:
    """If this fails: `vitalwire simulate evaluate --markdown`, each table between its marks."""
    text = MANUAL.read_text(encoding="utf-8")
    shown = [part.split("<!-- end -->")[0] for part in text.split("<!-- table -->\n")[1:]]
    assert "\n".join(shown) == markdown([measured(population) for population in POPULATIONS])
