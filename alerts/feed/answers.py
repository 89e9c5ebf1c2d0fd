"""What a person may do to an alert, decided before anything is written."""

import json
from dataclasses import dataclass, replace
from typing import get_args
from urllib.parse import parse_qs

import msgspec

from alerts.desk.answers import HOUR_MS, shelf_ms_max
from alerts.desk.case import Case
from alerts.desk.fold import Desk
from alerts.desk.past import ANSWERED_WITHIN_MS
from schemas.alert import Action, Deed, Outcome
from schemas.errors import InvalidInput

BODY_BYTES_MAX = 16 * 1024
WHO_LENGTH_MAX = 80
_JOINERS = dict.fromkeys([0x200C, 0x200D, 0x200E, 0x200F])
"""Keyboards put them between Persian, Arabic and Indic letters and into emoji; nobody sees them."""
NOTE_LENGTH_MAX = 500


DEEDS: tuple[Deed, ...] = get_args(Deed)
OUTCOMES: dict[Outcome, str] = {
    "advised": "Spoke with the patient, gave advice",
    "medication-changed": "Medication was changed",
    "seen-in-person": "Seen in person",
    "emergency-services": "Emergency services were called",
    "repeat-normal": "A repeat was within limits",
    "not-reached": "The patient could not be reached",
    "measurement-error": "The measurement was wrong",
    "other": "Something else",
}
assert tuple(OUTCOMES) == get_args(Outcome)
_BOUND_TO_THE_SCREEN: frozenset[Deed] = frozenset({"acknowledge", "shelve", "resolve"})
"""What silences an alert is refused if it moved on since the person saw it."""
_OF_THE_WHOLE_CARD: frozenset[Deed] = frozenset({"acknowledge", "undo", "resolve"})
"""What is done to the alerts that stand on a card of their successor, too."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody does, what they add, and the last event that their screen showed."""

    kind: Deed
    who: str
    note: str = ""
    event_id: str = ""
    assignee: str = ""
    outcome: str = ""
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done: an HTTP status and one sentence for the person."""

    status: int
    sentence: str


def parse_answer(kind: Deed, content_type: str, body: bytes) -> Answer:
    """Read a JSON object or an HTML form; raises ``InvalidInput`` with a sentence."""
    fields = _fields(content_type.partition(";")[0].strip().lower(), body)
    who = _line(fields, "who", WHO_LENGTH_MAX)
    if not who:
        raise InvalidInput("no-name", "Say who you are: the name is missing.")
    return Answer(
        kind=kind,
        who=who,
        note=_line(fields, "note", NOTE_LENGTH_MAX),
        event_id=_line(fields, "event_id", WHO_LENGTH_MAX),
        assignee=_line(fields, "assignee", WHO_LENGTH_MAX),
        outcome=_line(fields, "outcome", WHO_LENGTH_MAX),
        hours=_line(fields, "hours", WHO_LENGTH_MAX),
    )


def typed(content_type: str, body: bytes) -> dict[str, str]:
    """Give what a form says, to show it again; nothing if it cannot be read."""
    try:
        fields = _fields(content_type.partition(";")[0].strip().lower(), body)
    except InvalidInput:
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def deed(desk: Desk, alert_id: str, answer: Answer, action_id: str, at_ms: int) -> Action | Refusal:
    """Turn an answer into the record to write, or say why not."""
    case = desk.case(alert_id)
    if case is None:
        return Refusal(404, "There is no such alert here: it may be finished. Load the page again.")
    if desk.is_past(alert_id, at_ms - ANSWERED_WITHIN_MS):
        return Refusal(
            409, "This alert was finished more than 30 days ago: nothing is added to it."
        )
    covered = desk.before(case) if answer.kind in _OF_THE_WHOLE_CARD else []
    action = Action(
        action_id=action_id,
        alert_ids=[alert_id, *(one.alert_id for one in covered)],
        kind=answer.kind,
        who=answer.who,
        at_ms=at_ms,
        patient_id=case.patient_id,
        note=answer.note,
        event_ids=[
            answer.event_id or case.latest.event_id,
            *(one.latest.event_id for one in covered),
        ],
    )
    seen = msgspec.structs.replace(action, kind="acknowledge")
    if answer.kind in _BOUND_TO_THE_SCREEN and not desk.answered_by(alert_id, seen):
        return Refusal(409, "This alert got worse or came back since you saw it: read it again.")
    critical = any(one.was_critical for one in (case, *covered))
    return _completed(replace(case, was_critical=critical), action, answer)


def _completed(case: Case, action: Action, answer: Answer) -> Action | Refusal:
    """Add what this kind of deed needs, or ask for it."""
    match answer.kind:
        case "shelve":
            return _shelve(case, action, answer.hours)
        case "resolve":
            return _resolve(case, action, answer.outcome)
        case "undo":
            return _undo(case, action)
        case "assign" if not answer.assignee:
            return Refusal(400, "Say whom the alert is for.")
        case "assign":
            return msgspec.structs.replace(action, assignee=answer.assignee)
        case "note" if not answer.note:
            return Refusal(400, "The note is empty.")
        case _:
            return action


def _shelve(case: Case, action: Action, hours: str) -> Action | Refusal:
    longest_ms = shelf_ms_max("critical" if case.was_critical else case.severity)
    try:
        until_ms = action.at_ms + int(float(hours.replace(",", ".")) * HOUR_MS)  # 1,5 is 1.5
    except (ValueError, OverflowError):
        until_ms = action.at_ms
    if until_ms <= action.at_ms:
        return Refusal(400, "Say for how many hours, such as 1.5.")
    if until_ms > action.at_ms + longest_ms:
        return Refusal(400, f"This alert may be shelved for up to {longest_ms // HOUR_MS} hours.")
    if not action.note:
        return Refusal(400, "Say why it is shelved.")
    return msgspec.structs.replace(action, until_ms=until_ms)


def _resolve(case: Case, action: Action, outcome: str) -> Action | Refusal:
    if not outcome and not case.was_critical:
        return action
    if outcome not in OUTCOMES:
        return Refusal(400, "Say what came of it: a critical alert is closed with an outcome.")
    return msgspec.structs.replace(action, outcome=outcome)


def _undo(case: Case, action: Action) -> Action | Refusal:
    undone = case.shelf if case.attention == "shelved" else case.answer
    if undone is None:
        return Refusal(409, "There is nothing to take back: somebody was quicker.")
    return msgspec.structs.replace(action, answers=undone.action_id)


def _fields(content_type: str, body: bytes) -> dict[str, object]:
    if len(body) > BODY_BYTES_MAX:
        raise InvalidInput("too-large", "That is too much text for one answer.")
    if content_type == "application/json":
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise InvalidInput("json", 'The body must be a JSON object such as {"who": "Anna"}.')
        return fields
    if content_type == "application/x-www-form-urlencoded":
        try:
            form = parse_qs(body.decode(), max_num_fields=16, errors="strict")
        except ValueError as error:
            raise InvalidInput("form", "The form could not be read.") from error
        return {name: values[0] for name, values in form.items()}
    raise InvalidInput("content-type", "Send a form or a JSON object.")


def _line(fields: dict[str, object], name: str, length_max: int) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise InvalidInput(name, f"{name} must be text.")
    line = " ".join(value.split())
    if len(line) > length_max:
        raise InvalidInput(name, f"{name} may have at most {length_max} characters.")
    if not line.translate(_JOINERS).isprintable():
        raise InvalidInput(name, f"{name} contains characters that cannot be shown.")
    return line
