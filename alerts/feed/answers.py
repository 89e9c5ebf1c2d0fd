"""What a person may do to an alert, decided before anything is written."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qs

from alerts.desk.fold import Desk
from schemas.alert import Action
from schemas.errors import InvalidInput

BODY_BYTES_MAX = 16 * 1024
WHO_LENGTH_MAX = 80
NOTE_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """Who acknowledges, what they add, and the last event that their screen showed."""

    who: str
    note: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done: an HTTP status and one sentence for the person."""

    status: int
    sentence: str


def parse_answer(content_type: str, body: bytes) -> Answer:
    """Read a JSON object or an HTML form; raises ``InvalidInput`` with a sentence."""
    fields = _fields(content_type.partition(";")[0].strip().lower(), body)
    who = _line(fields, "who", WHO_LENGTH_MAX)
    if not who:
        raise InvalidInput("no-name", "Say who acknowledges: the name is missing.")
    return Answer(
        who=who,
        note=_line(fields, "note", NOTE_LENGTH_MAX),
        event_id=_line(fields, "event_id", WHO_LENGTH_MAX),
    )


def acknowledge(
    desk: Desk, alert_id: str, answer: Answer, action_id: str, at_ms: int
) -> Action | Refusal:
    """Turn an answer into the record to write, or say why not."""
    case = desk.case(alert_id)
    if case is None:
        return Refusal(404, "There is no such alert here.")
    action = Action(
        action_id=action_id,
        alert_ids=[alert_id],
        kind="acknowledge",
        who=answer.who,
        at_ms=at_ms,
        patient_id=case.patient_id,
        note=answer.note,
        event_ids=[answer.event_id or case.latest.event_id],
    )
    if not desk.answered_by(alert_id, action):
        return Refusal(409, "This alert got worse or came back since you saw it: read it again.")
    return action


def _fields(content_type: str, body: bytes) -> dict[str, object]:
    if len(body) > BODY_BYTES_MAX:
        raise InvalidInput("too-large", "That is too much text for an acknowledgement.")
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
    if not line.isprintable():
        raise InvalidInput(name, f"{name} contains characters that cannot be shown.")
    return line
