"""What a notice says: how urgent it is, what to do, and where to look; nothing measured.

It leaves the clinic by channels that others run. So it holds a pseudonym, a severity, the title of
a rule and how its advice begins; values, times and the rest are on the page, behind its sign-in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from alerts.desk.case import Case
from alerts.desk.technical import is_of_the_desk, programme_of
from schemas.alert import Action

_WHY: dict[str, str] = {
    "onset": "new",
    "worsened": "got worse",
    "confirmed": "confirmed",
    "recurred": "came back",
    "reminder": "acknowledged, but nobody has closed it",
    "escalation": "nobody has acknowledged it",
    "listed": "on the work list, still open",
    "shelf-ended": "its shelf has ended and it still holds",
    "retracted": "taken back: the reading was corrected or is another patient's",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to people; ``key`` is the same whenever this very message is sent again.

    ``what``: what has happened, without a word of whom.
    """

    key: str
    severity: str
    reason: str
    subject: str
    text: str
    at_ms: int
    what: str = ""

    def as_json(self) -> bytes:
        """Give the body of a webhook."""
        return msgspec.json.encode(
            {
                "key": self.key,
                "severity": self.severity,
                "reason": self.reason,
                "subject": self.subject,
                "text": self.text,
                "at_ms": self.at_ms,
            }
        )


def notice_of(
    action: Action, case: Case, companions: Sequence[Case], pseudonym: str, page_url: str
) -> Notice:
    """Write what people are told."""
    severity = case.severity if action.reason != "listed" else "medium"
    why = _WHY.get(action.reason or "", "waiting")
    title = " ".join(case.raised.title.split())  # one line, whatever a rule calls itself
    subject = f"{severity.upper()}: {title}, {_who(case, pseudonym)}"
    lines = [f"{subject}: {why}."]
    if "delayed" in case.demand.marks:
        lines.append("The reading came late: call the patient.")
    elif case.condition == "active":
        lines += _to_do(case)
    if case.condition == "returned":
        lines.append("The last reading is back within limits.")
    if companions:
        more = f"{len(companions)} more alerts" if companions[1:] else "One more alert"
        lines.append(f"{more} of this patient {'wait' if companions[1:] else 'waits'}.")
    lines.append(f"Open {page_url} to see it and to acknowledge.")
    text = "\n".join(lines)
    return Notice(
        action.action_id, severity, action.reason or "", subject, text, action.at_ms, title
    )


def _who(case: Case, pseudonym: str) -> str:
    if case.patient_id:
        return f"patient {pseudonym}"
    if is_of_the_desk(case):
        programme = programme_of(case)
        return f"programme {programme}" if programme else "the clinic"
    return case.demand.subject or "the clinic"


def _to_do(case: Case) -> list[str]:
    """Give how the advice begins; of trouble of the desk itself also what it is."""
    said = [case.demand.reason] if is_of_the_desk(case) else []
    first, _, _ = " ".join(case.raised.advice.split()).partition(". ")
    return [*said, *([f"{first.removesuffix('.')}."] if first else [])]
