"""A cohort's log through the real engine."""

from collections.abc import Sequence

from alerts.engine.ladders import arrange
from alerts.engine.plans import Plans
from alerts.engine.state import PartitionState
from alerts.engine.step import step
from alerts.rules.book import Book
from schemas.alert import Transition
from simulators.cohort.generate import Cohort

_AT_ONCE = 1000


def judged(cohort: Cohort, books: Sequence[Book]) -> list[Transition]:
    """Judge a cohort by books, whatever its patients' plans name; in the order of the log."""
    rule_set = arrange(books)
    plans = Plans(rule_set)
    for entry in cohort.patients:
        plans.put(entry)
    state = PartitionState(rule_set, plans)
    found: list[Transition] = []
    for begin in range(0, len(cohort.records), _AT_ONCE):
        found += step(state, cohort.records[begin : begin + _AT_ONCE]).transitions
    return found
