"""Whether an event tells anybody: a named reason for each, by a table.

Of the events of one record at most one notifies: ``alerts/desk/core.py`` chooses the most severe of
those that may. Back-tests ask the same table of what they replay (``alerts/backtest/heard.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.desk.case import RECURS_AFTER_MS, Case, matches_critical
from alerts.desk.filed import whose
from schemas.alert import SEVERITIES, WORK_LIST, Sent, Severity, Transition, Withheld

CONFIRMATION_GRACE_MS = 90_000
"""The engine says ``confirmed`` at its first record after the deadline, and marks a tick at least
every 60 s; if it says nothing for so long, the page comes all the same."""
COOLDOWN_MS_MAX = 30 * 24 * 60 * 60 * 1000
"""A longer one ends then: a notice of a month ago is past (``alerts/desk/past.py``)."""

CLOSED_FOR_MS = 8 * 60 * 60 * 1000
"""So long after somebody closed a high alert that holds, a further match attaches silently."""
SEEN_WITHIN_MS = 24 * 60 * 60 * 1000
"""What ended longer ago is work, as a reading that comes so late is."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Somebody is told, for this reason."""

    reason: Sent


@dataclass(frozen=True, slots=True)
class Withhold:
    """Nobody is told, for this reason; until ``until_ms``, if that is given."""

    reason: Withheld
    until_ms: int | None = None


Verdict = Tell | Withhold


@dataclass(frozen=True, slots=True)
class Standing:
    """What of an alert bears on one of its events.

    ``severity``: of the alert. ``overtaken``: a later event asks more, and is decided next.
    ``chained``: somebody was told since it asked for attention last; ``told``: ever; ``last_ms``:
    when for the last time. ``reopens``: the event is a further match that asks anew. ``ended``: by
    what its condition is over. ``answered``: somebody acknowledged or closed what it asks for now;
    ``closed_ms``: when, if it was closed. An alert
    that attached to another's notice was told with it; one of which nobody was ever told, as
    somebody was quicker or nobody was there to decide, counts from when it asked.
    """

    severity: Severity
    overtaken: bool
    chained: bool
    told: bool
    last_ms: int | None
    reopens: bool
    ended: Transition | None
    shelved: bool
    answered: bool
    closed_ms: int | None


def standing(case: Case, event: Transition) -> Standing:
    """Read it from what is known of the alert."""
    waiting, notices = case.undecided, case.notices
    told_ms = [notices.last_ms, notices.attached.at_ms if notices.attached else None]
    later = waiting[waiting.index(event) + 1 :] if event in waiting else ()
    return Standing(
        severity=case.severity,
        overtaken=case.demand in later,
        chained=bool(notices.chain),
        told=bool(notices.told),
        last_ms=max((one for one in told_ms if one is not None), default=case.asked_ms),
        reopens=event.event_id in case.reopening,
        ended=case.ended,
        shelved=case.attention == "shelved",
        answered=case.answer is not None,
        closed_ms=case.answer.at_ms if case.answer and case.answer.kind == "resolve" else None,
    )


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event on which the desk decides, and what it knows then.

    ``last_ms``, ``last_severity``: the last notification about this patient's ladder, of this alert
    or of one before it. ``succeeds``: an earlier alert of the ladder returned and is not closed.
    """

    event: Transition
    alert: Standing
    now_ms: int
    last_ms: int | None
    last_severity: Severity | None
    succeeds: bool

    @property
    def steps_up(self) -> bool:
        """A step up breaks cool-down and shelf."""
        return self.event.event == "worsened" or (
            self.last_severity is not None
            and SEVERITIES.index(self.event.severity) < SEVERITIES.index(self.last_severity)
        )


def verdict(occasion: Occasion) -> Verdict:
    """Decide on one event: the first row of the table that answers, else somebody is told."""
    answers = (row(occasion) for row in WITHHOLDING)
    return next((one for one in answers if one is not None), None) or telling(occasion)


def _of_the_work_list(on: Occasion) -> Withhold | None:
    if "standing" in on.event.marks:
        return Withhold("work-list")
    match on.event.event:
        case "stale":
            return Withhold("stale")
        case "resolved-before-seen":
            return Withhold("resolved-before-seen")
        case event:
            return Withhold("work-list") if event in WORK_LIST else None


def _overtaken(on: Occasion) -> Withhold | None:
    """What came after it asks more, and is decided next: a log that is read after an outage."""
    overtaken = on.event.event != "confirmed" and on.alert.overtaken
    return Withhold("attached") if overtaken else None


def _attached(on: Occasion) -> Withhold | None:
    """A further match of what is known; after return, or long after, it recurs."""
    if on.event.event == "confirmed" and on.alert.chained:  # nobody waited any longer for it
        return Withhold("attached")
    if on.event.event != "again" or on.alert.reopens:
        return None
    return None if _recurs(on) else Withhold("attached")


def _recurs(on: Occasion) -> bool:
    """Whether a further match asks anew: a critical one, or one of what a person took for done."""
    if matches_critical(on.event):
        last_ms = on.alert.last_ms
        return last_ms is not None and on.now_ms - last_ms > RECURS_AFTER_MS
    closed_ms = on.alert.closed_ms
    high = (on.event.severity, on.event.matched) == ("high", None)
    return high and closed_ms is not None and on.now_ms - closed_ms > CLOSED_FOR_MS


def _not_notifying(on: Occasion) -> Withhold | None:
    silent = not on.event.notify or on.alert.severity == "info"
    return Withhold("not-notifying") if silent else None


def _over(on: Occasion) -> Withhold | None:
    """It ended before anybody was told: a log that is read after an outage, two records at once."""
    end = on.alert.ended
    return None if end is None or _pages_though_over(on, end) else Withhold("resolved-before-seen")


def _pages_though_over(on: Occasion, end: Transition) -> bool:
    """A critical alert is closed by a person, so one hears of it; not of what never was.

    What begins and ends in one record is resolved before seen, unless somebody is called for it.
    """
    return (
        on.alert.severity == "critical"
        and end.event == "returned"
        and (on.alert.told or end.at_ms > on.event.at_ms)
        and on.now_ms - end.at_ms <= SEEN_WITHIN_MS
    )


def _awaiting(on: Occasion) -> Withhold | None:
    if "awaiting-confirmation" not in on.event.marks:
        return None
    by_ms = on.event.confirm_by_ms if on.event.confirm_by_ms is not None else on.now_ms
    return Withhold("awaiting-confirmation", max(by_ms, on.now_ms) + CONFIRMATION_GRACE_MS)


def _shelved(on: Occasion) -> Withhold | None:
    return Withhold("shelved") if on.alert.shelved else None


def _acknowledged(on: Occasion) -> Withhold | None:
    """Somebody answered what is being confirmed, or was quicker than the desk."""
    if on.event.event == "again" or not on.alert.answered:
        return None
    return Withhold("acknowledged")


def _cooling(on: Occasion) -> Withhold | None:
    """Cool-down survives return; it delays and never discards."""
    if not on.event.cooldown_ms or on.last_ms is None or on.steps_up:
        return None
    until_ms = on.last_ms + min(on.event.cooldown_ms, COOLDOWN_MS_MAX)
    return Withhold("cool-down", until_ms) if on.now_ms < until_ms else None


WITHHOLDING: tuple[Callable[[Occasion], Withhold | None], ...] = (
    _of_the_work_list,
    _overtaken,
    _attached,
    _not_notifying,
    _over,
    _awaiting,
    _shelved,
    _acknowledged,
    _cooling,
)


def telling(on: Occasion) -> Tell:
    """Say for which reason somebody is told of an event, now or when the night is over."""
    match on.event.event:
        case "again":
            return Tell("recurred")
        case "onset" if on.succeeds:
            return Tell("recurred")
        case "reopened" if on.alert.told:
            return Tell("recurred")
        case "worsened":
            return Tell("worsened")
        case "confirmed":
            return Tell("confirmed")
        case _:
            return Tell("onset")


def tells_of(later: Transition, earlier: Transition) -> bool:
    """Whether who is told of a later alert knows of the one before it: it is no milder."""
    same = (whose(later), later.ladder) == (whose(earlier), earlier.ladder)
    no_milder = SEVERITIES.index(later.severity) <= SEVERITIES.index(earlier.severity)
    return same and no_milder and later.at_ms > earlier.at_ms
