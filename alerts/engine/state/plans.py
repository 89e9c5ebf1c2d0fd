"""How each patient is watched: which books, since when, in which time zone."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

import msgspec

from alerts.engine.absence.expectation import Expectation
from alerts.engine.absence.rules import AbsenceRule, absence_rules, expectation, speaking
from alerts.engine.absence.surroundings import Surroundings
from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.ladders.personal import Personal, personal_limits
from alerts.engine.transitions.ladder_state import LONG_AGO_MS
from alerts.records import TIME_MS_MAX
from schemas.registry import PatientEntry
from schemas.time_zone import zone_named

ADULT = 13
"""Years from which the limits of adults hold (AAP 2017)."""


class Plan(msgspec.Struct, frozen=True):  # of a million patients: quick to make
    """A patient's care plan as the engine needs it: per ladder the rungs in force.

    ``zones``: since when the patient lives in which, the first one since ever. ``limits``: the
    patient's own; of two that hold the later one counts. ``expected``: by rule about absence, what
    the patient is to send.
    """

    in_force: tuple[int, ...]
    from_ms: int
    zones: tuple[tuple[int, tzinfo], ...]
    limits: tuple[Personal, ...] = ()
    therapy_ms: int | None = None
    expected: tuple[Expectation | None, ...] = ()

    def zone(self, at_ms: int) -> tzinfo:
        """Give the zone in force at an instant."""
        return next(zone for from_ms, zone in reversed(self.zones) if from_ms <= at_ms)


class Plans:
    """The registry's patients.

    A patient who is not in the registry, or under books of which none is loaded, is judged by every
    book: a needless alert is asked about, a missing one is not. A patient whose list of books is
    empty is not judged: somebody chose that.
    """

    def __init__(self, rule_set: RuleSet) -> None:
        """Start without patients."""
        self.absences = absence_rules(rule_set.books.values())
        self.surroundings = Surroundings()
        """What lies between the patients and here; like the plans, it comes by another topic."""
        self._rule_set = rule_set
        self._plans: dict[str, Plan] = {}
        self._in_force: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._speaking: dict[tuple[str, ...], tuple[AbsenceRule | None, ...]] = {}
        """By books, both: a million patients are under a few sets of them."""
        self._unknown = Plan(tuple(rule_set.in_force(rule_set.books)), 0, ((LONG_AGO_MS, UTC),))

    def __contains__(self, patient_id: str) -> bool:
        """Tell whether the registry has spoken of the patient."""
        return patient_id in self._plans

    def __iter__(self) -> Iterator[str]:
        """List the patients of whom the registry has spoken."""
        return iter(self._plans)

    def put(self, entry: PatientEntry) -> list[str]:
        """Take an entry; give the books that it names and nobody loaded."""
        unknown = [name for name in entry.books if name not in self._rule_set.books]
        lost = unknown and len(unknown) == len(entry.books)
        watching = self._rule_set.books if lost else entry.books
        too_old = self.refused(entry)
        books = tuple(name for name in watching if name not in too_old)
        if books not in self._in_force:
            self._in_force[books] = tuple(self._rule_set.in_force(books))
        named = tuple(name for name in entry.books if name not in too_old)
        if named not in self._speaking:
            self._speaking[named] = speaking(self.absences, named)
        from_ms = min(max(entry.care_plan_from_ms, -TIME_MS_MAX), TIME_MS_MAX)
        zones = _zones(entry)
        self._plans[entry.patient_id] = Plan(
            self._in_force[books],
            from_ms,
            zones,
            personal_limits(entry.limits),
            entry.therapy_start_ms,
            tuple(
                expectation(entry, rule, zones) if rule else None for rule in self._speaking[named]
            ),
        )
        return unknown

    def refused(self, entry: PatientEntry) -> list[str]:
        """Name the books whose limits are for older patients: they do not judge a child."""
        if not entry.under_13:
            return []
        return [name for name, book in self._rule_set.books.items() if book.from_age_years >= ADULT]

    def remove(self, patient_id: str) -> None:
        """Forget a patient."""
        self._plans.pop(patient_id, None)

    def of(self, patient_id: str) -> Plan:
        """Give the plan by which a patient is judged."""
        return self._plans.get(patient_id, self._unknown)


def local_day(plan: Plan, at_ms: int) -> str:
    """Give the patient's calendar day."""
    zone = plan.zone(at_ms)
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date().isoformat()


def _zones(entry: PatientEntry) -> tuple[tuple[int, tzinfo], ...]:
    periods = sorted(entry.zones, key=lambda period: period.from_ms)
    since = [(max(period.from_ms, LONG_AGO_MS), _zone(period.zone)) for period in periods]
    return ((LONG_AGO_MS, _zone(entry.zone)), *since)


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    return zone_named(name) or UTC
