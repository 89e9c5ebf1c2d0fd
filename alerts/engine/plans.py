"""How each patient is watched: which books, since when, in which time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.engine.ladders import RuleSet
from alerts.records import TIME_MS_MAX
from schemas.registry import PatientEntry


@dataclass(frozen=True, slots=True)
class Plan:
    """A patient's care plan as the engine needs it: per ladder the rungs in force."""

    in_force: tuple[int, ...]
    from_ms: int
    zone: tzinfo


class Plans:
    """The registry's patients.

    A patient who is not in the registry, or under books of which none is loaded, is judged by every
    book: a needless alert is asked about, a missing one is not. A patient whose list of books is
    empty is not judged: somebody chose that.
    """

    def __init__(self, rule_set: RuleSet) -> None:
        """Start without patients."""
        self._rule_set = rule_set
        self._plans: dict[str, Plan] = {}
        self._unknown = Plan(tuple(rule_set.in_force(rule_set.books)), 0, UTC)

    def __contains__(self, patient_id: str) -> bool:
        """Tell whether the registry has spoken of the patient."""
        return patient_id in self._plans

    def put(self, entry: PatientEntry) -> list[str]:
        """Take an entry; give the books that it names and nobody loaded."""
        unknown = [name for name in entry.books if name not in self._rule_set.books]
        lost = unknown and len(unknown) == len(entry.books)
        in_force = self._rule_set.in_force(self._rule_set.books if lost else entry.books)
        from_ms = min(max(entry.care_plan_from_ms, -TIME_MS_MAX), TIME_MS_MAX)
        self._plans[entry.patient_id] = Plan(tuple(in_force), from_ms, _zone(entry.zone))
        return unknown

    def remove(self, patient_id: str) -> None:
        """Forget a patient."""
        self._plans.pop(patient_id, None)

    def of(self, patient_id: str) -> Plan:
        """Give the plan by which a patient is judged."""
        return self._plans.get(patient_id, self._unknown)


def local_day(plan: Plan, at_ms: int) -> str:
    """Give the patient's calendar day."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(plan.zone).date().isoformat()


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder
        return UTC
