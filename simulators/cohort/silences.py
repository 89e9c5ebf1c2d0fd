"""Pages because nothing was measured, held against who truly measured when.

Nobody measures after the last day of a cohort: what is due then says nothing of any patient, and is
left out.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.rules.book import Book
from schemas.alert import Transition
from simulators.cohort.generate import Cohort

LADDER = "absence-"
"""How ladders about silence begin."""

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Silence:
    """A page about silence. ``since_ms``: the patient's last attempt, or the start of the plan.

    ``until_ms``: the next attempt after the page; None: there was none. ``on_its_way``: the patient
    had measured less than the rule's time ago, and the clinic did not have it.
    """

    at_ms: int
    since_ms: int
    until_ms: int | None
    on_its_way: bool

    @property
    def hours(self) -> float:
        """How long it was in all."""
        if self.until_ms is None:
            return float("inf")
        return (self.until_ms - self.since_ms) / _HOUR_MS


def silences(cohort: Cohort, books: Sequence[Book], pages: Sequence[Transition]) -> list[Silence]:
    """Hold the pages that are about silence against all attempts, failed ones too."""
    absent_for_ms = {one.id: one.absent_for_ms for book in books for one in book.absences}
    attempts: dict[str, list[int]] = {one.patient_id: [] for one in cohort.patients}
    for one in sorted(cohort.measured, key=lambda one: one.at_ms):
        if one.own:
            attempts[one.patient_id].append(one.at_ms)
    begins = {one.patient_id: one.care_plan_from_ms or 0 for one in cohort.patients}
    return [
        _silence(page, attempts[page.patient_id], begins, absent_for_ms)
        for page in pages
        if page.ladder.startswith(LADDER)
        and page.at_ms < begins[page.patient_id] + cohort.days * _DAY_MS
    ]


def _silence(
    page: Transition,
    attempts: Sequence[int],
    begins: Mapping[str, int],
    absent_for_ms: Mapping[str, int],
) -> Silence:
    place = bisect_right(attempts, page.at_ms)
    since_ms = attempts[place - 1] if place else begins[page.patient_id]
    return Silence(
        page.at_ms,
        since_ms,
        attempts[place] if place < len(attempts) else None,
        page.at_ms - since_ms < absent_for_ms[page.rule],
    )
