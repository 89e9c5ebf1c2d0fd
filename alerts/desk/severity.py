"""How severe an alert is by its events, and from which of them on they count.

What was taken back (``retracted``, ``not-confirmed``) counts no more once the alert opens again: it
never was.
"""

from collections.abc import Sequence

from schemas.alert import ENDING, SEVERITIES, WORK_LIST, Event, Severity, Transition

OPENING: frozenset[Event] = frozenset({"onset", "worsened", "reopened"})
NEVER_WAS: frozenset[Event] = frozenset({"retracted", "not-confirmed"})


def begin_of(events: Sequence[Transition]) -> int:
    """Give the place of the first event that counts."""
    places = range(len(events))
    opened = max((one for one in places if events[one].event in OPENING), default=0)
    return 1 + max((one for one in places[:opened] if events[one].event in NEVER_WAS), default=-1)


def was_critical(events: Sequence[Transition]) -> bool:
    """Whether it was critical once, so that a person closes it with an outcome."""
    counting = events[begin_of(events) :]
    return any(one.severity == "critical" and one.event not in WORK_LIST for one in counting)


def severity_now(events: Sequence[Transition]) -> Severity:
    """Give the severity of the rung that held last."""
    return holding(events)[-1].severity


def worst(events: Sequence[Transition]) -> Severity:
    """Give the most severe of events that nobody has answered: there is at least the demand."""
    return min((event.severity for event in holding(events)), key=SEVERITIES.index)


def holding(events: Sequence[Transition]) -> Sequence[Transition]:
    """Leave out what only ends an alert, and tasks beside it; of tasks alone, nothing."""
    matching = [event for event in events if event.event not in ENDING]
    alert = [event for event in matching if event.event not in WORK_LIST]
    return alert or matching or events
