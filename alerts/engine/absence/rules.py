"""The rules about readings that do not come, and what they expect of a patient by the care plan."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from alerts.engine.absence.expectation import Expectation, Pause
from alerts.records import TIME_MS_MAX
from alerts.rules.book import Absence, Book
from schemas.alert import SEVERITIES
from schemas.day_time import DAY_MIN, minute_of_day
from schemas.registry import PatientEntry

_MIN_MS = 60_000

Zones = tuple[tuple[int, tzinfo], ...]
"""Since when a patient lives in which, the first one since ever."""


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """A rule with the book that it comes from."""

    rule: Absence
    book: Book

    @property
    def key(self) -> str:
        """Name the rule for ever: state is kept by it."""
        return f"{self.book.name}/{self.rule.id}"

    def covers(self, other: "AbsenceRule") -> bool:
        """Tell whether this rule has told whatever the other one could tell; one of two equal."""
        mine, others = self.rank, other.rank
        same = self.rule.ladder == other.rule.ladder
        never_behind = all(a <= b for a, b in zip(mine, others, strict=True))
        return same and never_behind and (mine != others or self.key < other.key)

    @property
    def rank(self) -> tuple[int, int, bool]:
        """How soon, how severely and at which hours it speaks: the least first."""
        rule = self.rule
        return rule.absent_for_ms, SEVERITIES.index(rule.severity), not rule.notify


def absence_rules(books: Iterable[Book]) -> tuple[AbsenceRule, ...]:
    """Give the rules about absence of all books, in their order."""
    return tuple(AbsenceRule(rule, book) for book in books for rule in book.absences)


def speaking(
    rules: Sequence[AbsenceRule], books: Collection[str]
) -> tuple[AbsenceRule | None, ...]:
    """Give by rule whether it speaks for a patient under these books; None: it does not.

    One problem is one alert, whatever the number of books that ask for it: what another rule of
    the ladder tells no later, and as severely, is told by that one.
    """
    named = [rule for rule in rules if rule.book.name in books]
    covered = {rule.key for rule in named if any(other.covers(rule) for other in named)}
    return tuple(rule if rule in named and rule.key not in covered else None for rule in rules)


def expectation(patient: PatientEntry, rule: AbsenceRule, zones: Zones) -> Expectation:
    """Give what a patient's plan promises, for a rule that speaks."""
    closes_min, grace_ms = _scheduled(patient, rule.rule.vital) if patient.schedules else ((), 0)
    return Expectation(
        absent_for_ms=rule.rule.absent_for_ms,
        from_ms=min(max(patient.care_plan_from_ms, 0), TIME_MS_MAX),
        zones=zones,
        closes_min=closes_min,
        grace_ms=grace_ms,
        pauses=_paused(patient) if patient.pauses else (),
        at_once=rule.rule.notify,
    )


def _scheduled(patient: PatientEntry, vital: str) -> tuple[tuple[int, ...], int]:
    """Give the minutes at which windows close, and the grace behind them in ms.

    What is no time of day is left out: a plan that nobody can read must not stop an engine, which
    watches the others too. Without any window silence is due the sooner.
    """
    schedules = [one for one in patient.schedules if one.vital == vital]
    found = {_closes_min(*window) for schedule in schedules for window in schedule.windows}
    grace_min = max((schedule.grace_min for schedule in schedules), default=0)
    closes_min = sorted(minute for minute in found if minute is not None)
    return tuple(closes_min), min(max(grace_min, 0), DAY_MIN) * _MIN_MS


def _paused(patient: PatientEntry) -> tuple[Pause, ...]:
    """Give the pauses in order; one until 9999-12-31 is without end: no calendar goes on."""
    pauses = sorted(patient.pauses, key=lambda pause: pause.from_ms)
    return tuple(Pause(pause.from_ms, _ends_ms(pause.until_ms)) for pause in pauses)


def _ends_ms(until_ms: int | None) -> int | None:
    return None if until_ms is None or until_ms > TIME_MS_MAX else until_ms


def _closes_min(opens: str, closes: str) -> int | None:
    """Give the minute at which a window closes; one that spans midnight closes the day after."""
    opens_min, closes_min = minute_of_day(opens), minute_of_day(closes)
    if opens_min is None or closes_min is None:
        return None
    return closes_min if closes_min > opens_min else closes_min + DAY_MIN
