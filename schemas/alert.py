"""Records of alerts.v1 (what the rules found) and alerts.actions.v1 (what people did).

Both are keyed by patient_id.
Condition and attention are kept apart: the engine writes only the first topic, the desk and the
page only the second. The alert list is a fold over both; a table in PostgreSQL is a projection.
"""

from typing import Literal

import msgspec

from schemas.wire import MAJOR_VERSION

Severity = Literal["critical", "high", "medium", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "info")
"""Most severe first."""

Event = Literal[
    "onset",
    "again",
    "worsened",
    "eased",
    "returned",
    "corrected",
    "stale",
    "repeat-asked",
    "resolved-before-seen",
]
"""The last three are work-list items (``WORK_LIST``): they open no alert and never page.

``corrected``: a reading that an open alert rests on was decoded anew. It asks nobody for attention.
"""

WORK_LIST: frozenset[Event] = frozenset({"stale", "repeat-asked", "resolved-before-seen"})

Mark = Literal["delayed", "unverified", "flagged", "stale"]


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """The reading that an event rests on, as it was judged."""

    reading_id: str
    vital: str
    measured_at_ms: int
    time_quality: str
    quantities: dict[str, str]
    status: list[str] | None = None


class Transition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of alerts.v1, deterministic from the log: ``event_id`` names it for ever.

    ``at_ms`` is log time (the server's receipt stamp), never a wall clock. ``reason`` is a sentence
    that a nurse reads: what was measured, which limit of which rule it crossed.
    """

    event_id: str
    alert_id: str
    patient_id: str
    ladder: str
    rule: str
    event: Event
    severity: Severity
    at_ms: int
    title: str
    reason: str
    evidence: Evidence
    book: str
    book_sha256: str
    advice: str = ""
    source: str = ""
    marks: list[Mark] = []
    version: int = MAJOR_VERSION


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of alerts.actions.v1: a person did this to exactly these alerts.

    ``event_ids`` names the last event of each alert that was on the person's screen: what happened
    after it is not acknowledged. Without it the action covers the events stamped up to ``at_ms``.
    Either way the alert list follows from the records alone, however the two topics interleave.
    """

    action_id: str
    alert_ids: list[str]
    kind: Literal["acknowledge", "note", "resolve"]
    who: str
    at_ms: int
    patient_id: str
    note: str = ""
    event_ids: list[str] = []
    version: int = MAJOR_VERSION


TRANSITION_DECODER: msgspec.json.Decoder[Transition] = msgspec.json.Decoder(Transition)
ACTION_DECODER: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)
