"""A cohort's log through the real engine."""

from collections.abc import Sequence

from alerts.engine.offline import Offline
from alerts.rules.book import Book
from schemas.alert import Transition
from simulators.cohort.generate import Cohort

_AT_ONCE = 1000


def judged(cohort: Cohort, books: Sequence[Book]) -> list[Transition]:
    """Judge a cohort by books, in the order of the log.

    Patients whose plans name none of them are judged by all.
    """
    engine = Offline(books)
    found = engine.take(cohort.patients)
    for begin in range(0, len(cohort.records), _AT_ONCE):
        found += engine.take(cohort.records[begin : begin + _AT_ONCE])
    return found
