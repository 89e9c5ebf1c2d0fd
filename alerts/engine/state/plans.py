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

    ``zones``: since when the patient's days are those of which, the first one since ever; one that
    is entered after it began moves no reading to another day. ``limits``: the patient's own; of two
    that hold the later one counts. ``expected``: by rule about absence, what the patient is to
    send; ``speaking``: which of these rules ask for anything.
    """

    in_force: tuple[int, ...]
    from_ms: int
    zones: tuple[tuple[int, tzinfo], ...]
    limits: tuple[Personal, ...] = ()
    therapy_ms: int | None = None
    expected: tuple[Expectation | None, ...] = ()
    speaking: tuple[bool, ...] = ()

    def zone(self, at_ms: int) -> tzinfo:
        """Give the zone in force at an instant."""
        return next(zone for from_ms, zone in reversed(self.zones) if from_ms <= at_ms)


class _Watched(msgspec.Struct, frozen=True):
    """What a list of books means: those that nobody loaded, and the rules that hold.

    ``speaking``: by rule about absence whether it speaks, see there.
    """

    unknown: list[str]
    in_force: tuple[int, ...]
    speaking: tuple[AbsenceRule | None, ...]
    asks: tuple[bool, ...]
    """The same, for columns."""


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
        self._watched: dict[tuple[tuple[str, ...], bool], _Watched] = {}
        """By books and whether of a child: a million patients are under a few sets of them."""
        self._unknown = Plan(
            tuple(rule_set.in_force(rule_set.books)),
            0,
            ((LONG_AGO_MS, UTC),),
            speaking=(False,) * len(self.absences),
        )

    def __contains__(self, patient_id: str) -> bool:
        """Tell whether the registry has spoken of the patient."""
        return patient_id in self._plans

    def unknown(self, patient_ids: set[str]) -> set[str]:
        """Give those of whom the registry has not spoken."""
        return patient_ids.difference(self._plans)  # `- keys()` would walk a million plans

    def __len__(self) -> int:
        """Count those of whom the registry has spoken."""
        return len(self._plans)

    def __iter__(self) -> Iterator[str]:
        """List the patients of whom the registry has spoken."""
        return iter(self._plans)

    def put(self, entry: PatientEntry) -> list[str]:
        """Take an entry; give the books that it names and nobody loaded."""
        books = tuple(entry.books)
        watched = self._watched.get((books, entry.under_13))
        if watched is None:
            watched = self._watched[books, entry.under_13] = self._watch(entry)
        zones = days = _zones(entry.zone)
        if entry.zones:
            zones, days = (*zones, *_moves(entry)), (*days, *_known_moves(entry))
        therapy_ms = entry.therapy_start_ms
        self._plans[entry.patient_id] = Plan(
            watched.in_force,
            _bounded_ms(entry.care_plan_from_ms),
            days,
            personal_limits(entry.limits) if entry.limits else (),
            None if therapy_ms is None else _bounded_ms(therapy_ms),
            tuple([expectation(entry, one, zones) if one else None for one in watched.speaking]),
            watched.asks,
        )
        return watched.unknown

    def _watch(self, entry: PatientEntry) -> _Watched:
        """Find out what the entry's books mean for whoever is under them."""
        unknown = [name for name in entry.books if name not in self._rule_set.books]
        lost = unknown and len(unknown) == len(entry.books)
        watching = self._rule_set.books if lost else entry.books
        too_old = self.refused(entry)
        in_force = self._rule_set.in_force([name for name in watching if name not in too_old])
        named = [name for name in entry.books if name not in too_old]
        found = speaking(self.absences, named)
        return _Watched(unknown, tuple(in_force), found, tuple(one is not None for one in found))

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


def _bounded_ms(at_ms: int) -> int:
    """Keep what a plan says within the calendar."""
    return min(max(at_ms, -TIME_MS_MAX), TIME_MS_MAX)


def _moves(entry: PatientEntry) -> Iterator[tuple[int, tzinfo]]:
    """Give since when the patient lives elsewhere, and where."""
    for period in sorted(entry.zones, key=lambda one: one.order):
        yield max(period.from_ms, LONG_AGO_MS), _zone(period.zone)


def _known_moves(entry: PatientEntry) -> Iterator[tuple[int, tzinfo]]:
    """Give since when it is known that the patient lives elsewhere, and where."""
    for at_ms in sorted({max(one.from_ms, one.entered_at_ms) for one in entry.zones}):
        known = [one for one in entry.zones if max(one.from_ms, one.entered_at_ms) <= at_ms]
        yield max(at_ms, LONG_AGO_MS), _zone(max(known, key=lambda one: one.order).zone)


@lru_cache(maxsize=1024)
def _zones(name: str) -> tuple[tuple[int, tzinfo], ...]:
    """Give the zone of who never moved."""
    return ((LONG_AGO_MS, _zone(name)),)


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    return zone_named(name) or UTC
