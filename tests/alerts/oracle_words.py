"""What the oracle remembers and says."""

from dataclasses import dataclass, field
from typing import Any

from schemas.kafka import StampedReading
from schemas.registry import PatientEntry
from tests.alerts.oracle_rules import SEVERITIES, OracleRule, beyond, holds

GATED = {"body-moved", "cuff-too-loose", "improper-position"}


@dataclass(frozen=True)
class Said:
    """What a transition says, as far as the two must agree."""

    event: str
    patient_id: str
    ladder: str
    rule: str
    severity: str
    at_ms: int
    alert_id: str
    reading_id: str
    marks: tuple[str, ...]


@dataclass
class Waiting:
    case: "Case"
    rules: set[str]
    deadline_ms: int
    delayed: bool

    @property
    def reading(self) -> StampedReading:
        return self.case.stamped


@dataclass
class Problem:
    """One patient's ladder."""

    holding: set[str] = field(default_factory=set)
    lowered: set[str] = field(default_factory=set)
    last_match_ms: float = float("-inf")
    origin: str = ""
    waiting: list[Waiting] = field(default_factory=list)
    flagged: list[tuple[int, set[str]]] = field(default_factory=list)
    clear: bool = False


@dataclass
class Patient:
    entry: PatientEntry
    newest_ms: dict[str, float] = field(default_factory=dict)
    recent: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    arrivals: dict[str, dict[str, Any]] = field(default_factory=dict)

    def problem(self, ladder: str) -> Problem:
        return self.problems.setdefault(ladder, Problem())


@dataclass
class Case:
    """One reading before one ladder; ``ages``: fresh, delayed or stale, for each rule."""

    patient: Patient
    ladder: str
    stamped: StampedReading
    rules: dict[str, OracleRule]
    ages: dict[str, str]
    matched: set[str]
    """Rules in force that match and for which the reading is not stale."""

    @property
    def problem(self) -> Problem:
        return self.patient.problem(self.ladder)

    @property
    def at_ms(self) -> int:
        return self.stamped.stamp.measured_at_ms

    @property
    def flagged(self) -> bool:
        return bool(GATED & set(self.stamped.reading.status or []))

    def holds(self, name: str, *, widened: bool = False) -> bool | None:
        rule = self.rules[name]
        return holds(rule.when, self.stamped.reading.quantities, rule.band if widened else None)


def may_return(stamped: StampedReading) -> bool:
    """Unflagged, uncensored, and its time is known."""
    values = stamped.reading.quantities.values()
    return (
        not GATED & set(stamped.reading.status or [])
        and not any(beyond(value) for value in values)
        and stamped.stamp.quality != "untrusted"
    )


def compare_voices(
    before: tuple[int, str] | None, after: tuple[int, str] | None, *, again: bool
) -> str | None:
    if before is None:
        return None if after is None else "onset"
    if after is None:
        return "returned"
    if after[0] != before[0]:
        return "worsened" if after[0] < before[0] else "eased"
    return "again" if again else None


def over_before_seen(said: list[tuple[int, str, Said]]) -> list[tuple[int, str, Said]]:
    """Within one record, what began and ended is one item of the work list."""
    kept: list[tuple[int, str, Said]] = []
    for place, ladder, one in said:
        same = [
            item
            for item in kept
            if item[2].alert_id == one.alert_id and item[2].event != "repeat-asked"
        ]
        if one.event != "returned" or not any(item[2].event == "onset" for item in same):
            kept.append((place, ladder, one))
            continue
        worst = min(same, key=lambda item: SEVERITIES.index(item[2].severity))[2]
        kept = [item for item in kept if item not in same]
        severity = SEVERITIES[max(SEVERITIES.index(worst.severity), 2)]
        over = Said(**(vars(worst) | {"event": "resolved-before-seen", "severity": severity}))
        kept.append((place, ladder, over))
    return kept
