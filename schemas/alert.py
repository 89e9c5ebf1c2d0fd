"""Records of alerts.v1 (what the rules found) and alerts.actions.v1 (what people and desk did).

Both are keyed by patient_id.
Condition and attention are kept apart: the engine writes only the first topic, the desk and the
page only the second. The alert list is a fold over both; a table in PostgreSQL is a projection.
"""

from typing import Literal, get_args

import msgspec

from schemas.wire import MAJOR_VERSION

Severity = Literal["critical", "high", "medium", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "info")
"""Most severe first."""

WorkListEvent = Literal[
    "standing",
    "inactive",
    "warming",
    "limit-expiring",
    "corrected-match",
    "wrongly-ended",
    "stale",
    "repeat-asked",
    "resolved-before-seen",
]
"""Items of the work list: they open no alert and never page.

``standing``: the condition was true already when its rule came into force for the patient, or when
the reading was old; what it does next is an alert's. ``inactive``: the rule has no baseline;
``warming``: its windows are not filled yet. ``limit-expiring``: a personal limit ends within days.
``corrected-match``: a correction says what would have been an alert. ``wrongly-ended``: it says
that an alert was ended by mistake, too long ago to open it again.
"""

WORK_LIST: frozenset[WorkListEvent] = frozenset(get_args(WorkListEvent))

Event = Literal[
    "onset",
    "again",
    "worsened",
    "confirmed",
    "eased",
    "returned",
    "not-confirmed",
    "reopened",
    "retracted",
    "retired",
    "corrected",
    "cause",
    WorkListEvent,
]
"""What happened to an alert; also what is the work list's.

``confirmed``: what was marked ``awaiting-confirmation`` pages now, for a repeat said the same or
none came in time. ``not-confirmed``: a repeat was back within limits, and nobody was paged.
``reopened``: a reading that had ended it says otherwise now, or is another patient's.
``retracted``: the reading that it rests on says otherwise now, or is another patient's.
``retired``: its rule is no longer in force. ``corrected``: a reading that it rests on was decoded
anew; ``cause``: it is known better why no reading comes. These two ask nobody for attention.
"""


ENDING: frozenset[Event] = frozenset({"returned", "not-confirmed", "retracted", "retired"})
"""Each ends an alert: the condition is over, or never was."""

Mark = Literal["delayed", "unverified", "flagged", "stale", "awaiting-confirmation", "standing"]
"""``awaiting-confirmation``: on the feed at once; the page waits for ``confirmed``."""

Cause = Literal["not-measured", "device-silent", "gateway-offline", "pipeline-late"]
"""Why no reading comes."""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """The reading that an event rests on, as it was judged.

    An event that rests on none (an absence, a limit that ends) has an empty ``reading_id``.
    ``status`` None: the device says nothing of itself; ``not_assessed``: what it cannot notice, so
    that its absence from ``status`` says nothing.
    """

    reading_id: str
    vital: str
    measured_at_ms: int
    time_quality: str
    quantities: dict[str, str]
    status: list[str] | None = None
    not_assessed: list[str] = []


class LimitInForce(msgspec.Struct, frozen=True, omit_defaults=True):
    """A limit by which a reading was judged: ``field`` ``relation`` one of ``amounts``.

    ``amounts``: the limit in each unit in which it is stated, the one of the reading's unit first.
    ``name``: of a limit that a care plan may replace; ``author`` is given if one did, with the
    author's role, the reason, and from when until when (UTC ms) it is valid.
    """

    field: str
    relation: str
    amounts: list[str]
    name: str = ""
    author: str = ""
    role: str = ""
    reason: str = ""
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None


class Transition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of alerts.v1, deterministic from the log: ``event_id`` names it for ever.

    ``at_ms`` is log time (the server's receipt stamp), never a wall clock. ``reason`` is a sentence
    that a nurse reads: what was measured, which limit of which rule it crossed.

    ``limits``, ``window`` and ``held_before`` explain it: the limits in force and whose they are,
    the readings that were counted or averaged (oldest first), and the rules (``book/rule``) that
    held before; of these ``lowered_before`` counted one severity lower.

    For the desk: ``notify`` false: never more than the work list; ``cooldown_ms``: how long after a
    notification the rule is silent; ``confirm_by_ms``: when the page comes without a
    repeat, or until when ``repeat-asked`` asks for one.
    ``matched``: how severe the reading itself is, where that is less than ``severity``: the alert
    is still open by a rule that it does not match. ``subject`` names what an alert is about that
    belongs to no patient (``device/...``, ``gateway/...``): ``patient_id`` is then empty, and the
    subject is the record's key.
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
    limits: list[LimitInForce] = []
    window: list[Evidence] = []
    held_before: list[str] = []
    lowered_before: list[str] = []
    notify: bool = True
    cooldown_ms: int = 0
    confirm_by_ms: int | None = None
    matched: Severity | None = None
    subject: str = ""
    cause: Cause | None = None
    version: int = MAJOR_VERSION


CANARY = "canary/"
"""The subject of what was found in a canary begins so: it is about nobody, and nobody is told."""

Deed = Literal["acknowledge", "undo", "note", "assign", "shelve", "resolve"]
"""What a person does to an alert."""

Decision = Literal[
    "notify", "withhold", "delivered", "undelivered", "expire", "technical", "canary"
]
"""What the desk decides, or learns of a delivery; written before it takes effect.

``notify``: tell ``to``; the ``action_id`` is the idempotency key of the delivery. ``withhold``:
tell nobody, until ``until_ms`` if that is given. ``expire``: what ``answers`` names counts no
longer. A task whose time is over the desk closes by
``resolve``, as a person would. ``technical``: the desk itself has trouble, told in ``note``.
``canary``: what was decided, in ``reason``, on the event that ``answers`` names; it is the
watcher's, and about no alert.
"""

Sent = Literal[
    "onset",
    "worsened",
    "confirmed",
    "recurred",
    "reminder",
    "escalation",
    "listed",
    "shelf-ended",
    "retracted",
]
Withheld = Literal[
    "attached",
    "cool-down",
    "shelved",
    "stale",
    "resolved-before-seen",
    "awaiting-confirmation",
    "not-notifying",
    "work-list",
    "off-hours",
    "listing",
    "acknowledged",
]
Expired = Literal["no-outcome", "no-reading", "shelf-ended"]

Outcome = Literal[
    "advised",
    "medication-changed",
    "seen-in-person",
    "emergency-services",
    "repeat-normal",
    "not-reached",
    "measurement-error",
    "other",
]
"""How a person closes an alert."""


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of alerts.actions.v1: a person, or the desk, did this to exactly these alerts.

    ``event_ids`` names the last event of each alert that was on the person's screen: what happened
    after it is not acknowledged. Without it the action covers the events stamped up to ``at_ms``.
    Either way the alert list follows from the records alone, however the two topics interleave.

    ``answers`` is the ``action_id`` that this one undoes, expires or reports on. ``reason`` names
    why the desk notified, withheld or expired; ``step`` counts along the chain from 0, round after
    round; ``to`` are names in the rota, never addresses. ``until_ms``: end of a shelf or of what is
    withheld. ``writer``: the desk that wrote a notice; whoever's is first in the log sends it.
    ``key`` of the log: patient_id, or what the alert is about that belongs to no patient.
    """

    action_id: str
    alert_ids: list[str]
    kind: Deed | Decision
    who: str
    at_ms: int
    patient_id: str
    note: str = ""
    event_ids: list[str] = []
    answers: str = ""
    reason: Sent | Withheld | Expired | None = None
    step: int = 0
    to: list[str] = []
    until_ms: int | None = None
    outcome: Outcome | None = None
    assignee: str = ""
    writer: str = ""
    version: int = MAJOR_VERSION


TRANSITION_DECODER: msgspec.json.Decoder[Transition] = msgspec.json.Decoder(Transition)
ACTION_DECODER: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)
