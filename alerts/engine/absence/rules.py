"""The rules about readings that do not come, and what they expect of a patient by the care plan."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from alerts.engine.absence.expectation import DAY_MIN, Expectation, Pause
from alerts.rules.book import Absence, Book
from schemas.alert import SEVERITIES
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
        from_ms=patient.care_plan_from_ms,
        zones=zones,
        closes_min=closes_min,
        grace_ms=grace_ms,
        pauses=_paused(patient) if patient.pauses else (),
        at_once=rule.rule.notify,
    )


def _scheduled(patient: PatientEntry, vital: str) -> tuple[tuple[int, ...], int]:
    """Give the minutes at which windows close, and the grace behind them in ms."""
    schedules = [one for one in patient.schedules if one.vital == vital]
    closes_min = {_closes_min(*window) for schedule in schedules for window in schedule.windows}
    grace_min = max((schedule.grace_min for schedule in schedules), default=0)
    return tuple(sorted(closes_min)), grace_min * _MIN_MS


def _paused(patient: PatientEntry) -> tuple[Pause, ...]:
    pauses = sorted(patient.pauses, key=lambda pause: pause.from_ms)
    return tuple(Pause(pause.from_ms, pause.until_ms) for pause in pauses)


def _closes_min(opens: str, closes: str) -> int:
    """Give the minute at which a window closes; one that spans midnight closes the day after."""
    opens_min, closes_min = _minute(opens), _minute(closes)
    return closes_min if closes_min > opens_min else closes_min + DAY_MIN


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
