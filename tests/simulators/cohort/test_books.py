"""The standard books on the repository's seeds: what must hold on every cohort is held here."""

import pytest

from alerts.rules.load import find_book, load_book
from simulators.cohort.evaluation import evaluate, together
from simulators.cohort.generate import generate
from simulators.cohort.judging import judged
from simulators.cohort.populations import POPULATIONS, PopulationName
from simulators.cohort.report import NEEDLESS_MOST_A_WEEK, SENSITIVITY_LEAST, figures

SEEDS, PATIENTS, DAYS = (1, 2), 60, 28


@pytest.mark.parametrize("population", POPULATIONS)
def test_a_standard_book_misses_nobody_and_pages_seldom_for_nothing(
    population: PopulationName,
) -> None:
    books = [load_book(find_book(name)) for name in POPULATIONS[population].books]
    several = []
    for seed in SEEDS:
        cohort = generate(population, seed, PATIENTS, DAYS)
        several.append(evaluate(cohort, books, judged(cohort, books)))
    found = figures(population, population, SEEDS, together(several))
    assert found.plain >= 5, "too few episodes to say anything"
    assert found.sensitivity >= SENSITIVITY_LEAST, found.missed
    assert found.needless <= NEEDLESS_MOST_A_WEEK, found.needless_by_rule
