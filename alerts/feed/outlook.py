"""What comes next for an alert if nobody does anything, in words: what the desk will do, and when.

The page reckons it as the desk does (``alerts/desk/timers.py``), from the same records.
"""

from dataclasses import dataclass

from alerts.desk.case import Case
from alerts.desk.fold import is_listed
from alerts.desk.staffing import Staffing
from alerts.desk.technical import is_technical
from alerts.desk.timers import Timer, timer
from schemas.alert import Action


@dataclass(frozen=True, slots=True)
class Outlook:
    """What happens at ``at_ms`` (UTC ms); empty if nothing does, or if the card says it elsewhere.

    ``due_ms``: when the work should be done, 0 for what is more urgent than any list.
    """

    due_ms: int
    what: str = ""
    at_ms: int = 0


def due_ms(case: Case, staffing: Staffing) -> int:
    """Work is due by the end of the shift in which it came up, or of the next one; 0 for no work.

    A repeat counts only in its time: the task leaves the list with it.
    """
    if not is_listed(case):
        return 0
    asked = case.demand
    by_ms = staffing.end_of_shift_ms(asked.at_ms)
    if asked.event == "repeat-asked" and asked.confirm_by_ms is not None:
        return min(by_ms, asked.confirm_by_ms)
    return by_ms


def outlook(case: Case, staffing: Staffing) -> Outlook:
    """Say it; of an event upon which the desk has not decided yet, only when its work is due."""
    by_ms = due_ms(case, staffing)
    if case.undecided:
        return Outlook(by_ms)
    due = timer(case, staffing, technical=is_technical(case.demand))
    match due:
        case Timer("expire", at_ms):
            return Outlook(by_ms, "Asks again, unless it is closed, at", at_ms)
        case Timer("step", at_ms):
            return Outlook(by_ms, "If nobody answers, the next person is called at", at_ms)
        case Timer("resume", at_ms) if (held := case.notices.withheld) is not None:
            return Outlook(by_ms, *_resumed(case, held, at_ms))
        case _:
            return Outlook(by_ms)


def _resumed(case: Case, held: Action, at_ms: int) -> tuple[str, int]:
    """Say until when nobody is told, and why."""
    match held.reason:
        case "awaiting-confirmation":
            by_ms = case.demand.confirm_by_ms
            said = "Nobody is called before a repeat confirms it, or none has come by"
            return said, at_ms if by_ms is None else by_ms
        case "off-hours":
            return "Nobody is called before the next shift, at", at_ms
        case "listing":
            return "The shift lead is told of it at", at_ms
        case _:
            return "Somebody was told not long ago; somebody is again at", at_ms
