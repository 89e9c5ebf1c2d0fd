"""What is over for good: a desk that never heard of it decides the same.

Nobody is told of it again, and nothing else that is decided looks at it. The engine says no more of
what ended four weeks ago (``alerts/engine/transitions/ended.py``), a cool-down is over by then
(``verdicts.COOLDOWN_MS_MAX``), and the page takes no answer to it (``ANSWERED_WITHIN_MS``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.desk.case import Case
from alerts.desk.staffing import DAY_MS
from alerts.desk.technical import is_of_the_desk
from schemas.alert import Action, Transition

ANSWERED_WITHIN_MS = 30 * DAY_MS
"""Since the last record of an alert that is finished: by the page's clock."""
PAST_AFTER_MS = 31 * DAY_MS
"""A day more: clocks of two machines differ, and an answer may be long on its way."""


@dataclass(frozen=True, slots=True)
class History:
    """All that was said of one alert, in the order in which it came, and what it comes to."""

    events: Sequence[Transition]
    actions: Sequence[Action]
    case: Case

    @property
    def first_ms(self) -> int:
        """Give when the first of it was said."""
        return min(self._times)

    @property
    def last_ms(self) -> int:
        """Give when the last of it was said."""
        return max(self._times)

    @property
    def _times(self) -> list[int]:
        return [*(one.at_ms for one in self.events), *(one.at_ms for one in self.actions)]


def is_past(history: History, until_ms: int) -> bool:
    """Whether it is over for good, if nothing was said of it after ``until_ms``."""
    return history.last_ms <= until_ms and is_over(history)


def is_over(history: History) -> bool:
    """Whether nothing is left to do, and the engine does not go on with it."""
    case = history.case
    return case.settled and _says_no_more(history) and not _is_to_be_told_of(case)


def _says_no_more(history: History) -> bool:
    """Whether it ended, or is no more than a task or trouble of a day, which do not end.

    A person may close what still holds: the engine goes on with it. So it may with ``standing``,
    which is a task until it gets worse.
    """
    case = history.case
    if case.ended is not None or is_of_the_desk(case):
        return True
    return case.kind == "work" and all(one.event != "standing" for one in history.events)


def _is_to_be_told_of(case: Case) -> bool:
    """Whether somebody is still to hear that it was taken back."""
    return (
        case.condition == "retracted"
        and bool(case.notices.told)
        and not case.notices.retraction_done
    )
