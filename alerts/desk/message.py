"""What a notice says: enough to know how urgent it is and where to look, and nothing measured.

It leaves the clinic by channels that others run. So it holds a pseudonym, a severity and the title
of a rule; values, times and the rest are on the page, behind its sign-in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from alerts.desk.case import Case
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
    """A message to people; ``key`` is the same whenever this very message is sent again."""

    key: str
    severity: str
    reason: str
    subject: str
    text: str
    at_ms: int

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
    who = f"patient {pseudonym}" if case.patient_id else (case.demand.subject or "the clinic")
    why = _WHY.get(action.reason or "", "waiting")
    title = " ".join(case.raised.title.split())  # one line, whatever a rule calls itself
    subject = f"{severity.upper()}: {title}, {who}"
    lines = [f"{subject}: {why}."]
    if "delayed" in case.demand.marks:
        lines.append("The reading came late: call the patient.")
    if case.condition == "returned":
        lines.append("The last reading is back within limits.")
    if companions:
        lines.append(f"{len(companions)} more of this patient's alerts wait.")
    lines.append(f"Open {page_url} to see it and to acknowledge.")
    return Notice(
        action.action_id, severity, action.reason or "", subject, "\n".join(lines), action.at_ms
    )
