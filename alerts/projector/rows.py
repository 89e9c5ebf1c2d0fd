"""Records and alerts as rows of vitalwire.alert_events and vitalwire.alerts."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from alerts.desk.case import Case
from schemas.alert import Action, Transition


@dataclass(frozen=True, slots=True)
class Found:
    """A record and where the log has it."""

    record: Transition | Action
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of alert_events; ``record`` is the record's JSON."""

    event_id: str
    alert_id: str
    patient_id: str
    topic: str
    partition: int
    log_offset: int
    kind: str
    at: datetime
    who: str | None
    record: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A row of alerts."""

    alert_id: str
    patient_id: str
    kind: str
    ladder: str
    rule: str
    severity: str
    condition: str
    attention: str
    title: str
    reason: str
    reading_id: UUID | None
    measured_at: datetime
    opened_at: datetime
    changed_at: datetime
    answered_by: str | None
    answered_at: datetime | None


def event_rows(found: Found) -> Iterator[EventRow]:
    """Give a row for each alert that a record is about."""
    record = found.record
    kind: str
    if isinstance(record, Transition):
        alert_ids, event_id, kind, who = [record.alert_id], record.event_id, record.event, None
    else:
        alert_ids, event_id, kind = record.alert_ids, record.action_id, record.kind
        who = storable(record.who)
    text = storable(msgspec.json.encode(record).decode().replace("\\u0000", "\\ufffd"))
    for alert_id in dict.fromkeys(alert_ids):
        yield EventRow(
            event_id=storable(event_id),
            alert_id=storable(alert_id),
            patient_id=storable(record.patient_id),
            topic=found.topic,
            partition=found.partition,
            log_offset=found.offset,
            kind=kind,
            at=instant(record.at_ms),
            who=who,
            record=text,
        )


def alert_row(case: Case, opened_at_ms: int) -> AlertRow:
    """Give an alert as it stands."""
    raised, answer = case.raised, case.answer
    reading_id = None
    with suppress(ValueError):
        reading_id = UUID(hex=raised.evidence.reading_id)
    return AlertRow(
        alert_id=storable(case.alert_id),
        patient_id=storable(case.patient_id),
        kind=case.kind,
        ladder=storable(raised.ladder),
        rule=storable(raised.rule),
        severity=case.severity,
        condition=case.condition,
        attention=case.attention,
        title=storable(raised.title),
        reason=storable(raised.reason),
        reading_id=reading_id,
        measured_at=instant(raised.evidence.measured_at_ms),
        opened_at=instant(opened_at_ms),
        changed_at=instant(max(case.latest.at_ms, answer.at_ms if answer else 0)),
        answered_by=storable(answer.who) if answer else None,
        answered_at=instant(answer.at_ms) if answer else None,
    )


def instant(at_ms: int) -> datetime:
    """Give UTC milliseconds as PostgreSQL takes them."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def storable(text: str) -> str:
    """Replace the one character that no text in PostgreSQL may hold: it must not stop a batch."""
    return text.replace("\0", "\ufffd")
