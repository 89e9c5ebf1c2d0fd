"""What the oracle says."""

from dataclasses import dataclass, replace
from decimal import Decimal

from schemas.alert import ENDING
from tests.alerts.oracle_rules import SEVERITIES

Amount = tuple[Decimal, str]


@dataclass(frozen=True)
class Reading:
    reading_id: str
    at_ms: int
    values: frozenset[tuple[str, str]]
    flags: frozenset[str]


@dataclass(frozen=True)
class LimitTold:
    """``owner``: author, role, reason and validity of a limit that is the patient's own."""

    field: str
    relation: str
    amounts: frozenset[Amount]
    name: str
    owner: tuple[object, ...] | None


@dataclass(frozen=True)
class Because:
    """Why: the reading, the limits in force, what was counted, what held before."""

    reading: Reading
    quality: str
    limits: tuple[LimitTold, ...]
    counted: tuple[Reading, ...]
    held: frozenset[str]
    lowered: frozenset[str]
    confirm_by_ms: int | None = None


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
    because: Because | None = None
    """None where nothing but a date or a plan has spoken."""


def by_then(said: Said, deadline_ms: int | None) -> Said:
    """Add when the page comes, or the task is over."""
    assert said.because is not None
    return replace(said, because=replace(said.because, confirm_by_ms=deadline_ms))


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
        ends = one.event in ENDING
        if not ends or not any(item[2].event == "onset" for item in same):
            kept.append((place, ladder, one))
            continue
        worst = min(same, key=lambda item: SEVERITIES.index(item[2].severity))[2]
        kept = [item for item in kept if item not in same]
        severity = SEVERITIES[max(SEVERITIES.index(worst.severity), 2)]
        marks = tuple(mark for mark in worst.marks if mark != "awaiting-confirmation")
        over = replace(worst, event="resolved-before-seen", severity=severity, marks=marks)
        kept.append((place, ladder, by_then(over, None)))
    return kept
