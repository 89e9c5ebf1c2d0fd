"""What is expected of a patient, and what is known of homes; the oracle's words for silence."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from alerts.engine.absence.expectation import Expectation, Pause
from schemas.registry import PatientEntry
from tests.alerts.oracle_rules import HOUR, MINUTE, duration_ms


@dataclass(frozen=True)
class Absent:
    """A rule about what does not come."""

    book: str
    id: str
    ladder: str
    vital: str
    severity: str
    absent_for_ms: int
    at_once: bool

    @property
    def key(self) -> str:
        return f"{self.book}/{self.id}"


@dataclass
class Missed:
    """What was told: of which deadline, since when nothing came, why, behind which gateway."""

    rule: Absent
    due_ms: int
    since_ms: int
    cause: str
    gateway: str


@dataclass
class Home:
    """A gateway by its reports; ``since_ms``: when it last came or went."""

    online: bool
    since_ms: int
    reported_ms: int
    heard_ms: dict[str, int] = field(default_factory=dict)

    def away_since(self, at_ms: int) -> int | None:
        if not self.online:
            return self.since_ms
        return self.reported_ms if at_ms - self.reported_ms > HOUR else None


def read_absences(texts: Iterable[str]) -> list[Absent]:
    return [
        Absent(
            book["book"],
            rule["id"],
            rule["ladder"],
            rule["vital"],
            rule["severity"],
            duration_ms(rule["absent_for"]),
            rule.get("notify", False),
        )
        for book in map(tomllib.loads, texts)
        for rule in book["rule"]
        if "absent_for" in rule
    ]


def expectation(entry: PatientEntry, rule: Absent) -> Expectation:
    """What a care plan promises of a vital."""
    zones = sorted(entry.zones, key=lambda one: one.from_ms)
    schedules = [one for one in entry.schedules if one.vital == rule.vital]
    windows = [window for one in schedules for window in one.windows]
    pauses = sorted(entry.pauses, key=lambda pause: pause.from_ms)
    return Expectation(
        rule.absent_for_ms,
        entry.care_plan_from_ms,
        ZoneInfo(zones[-1].zone if zones else entry.zone),
        tuple(sorted({closes_min(opens, closes) for opens, closes in windows})),
        max((one.grace_min for one in schedules), default=0) * MINUTE,
        tuple(Pause(pause.from_ms, pause.until_ms) for pause in pauses),
        rule.at_once,
    )


def closes_min(opens: str, closes: str) -> int:
    begin, end = (
        60 * int(hours) + int(minutes) for hours, minutes in (opens.split(":"), closes.split(":"))
    )
    return end if end > begin else end + 24 * 60
