"""One alert as the set of its records says it is: condition (the engine's) x attention (people's).

Nothing here depends on when or in which batch a record was read. Events of one alert come in log
order (one key, one partition); actions come by another topic and may arrive before the events that
they answer. What an action covers is named by the action itself (``Action.event_ids``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.alert import SEVERITIES, WORK_LIST, Action, Event, Severity, Transition

Kind = Literal["alert", "work"]
Condition = Literal["active", "returned"]
Attention = Literal["unacknowledged", "acknowledged", "resolved"]

_DEMANDING: frozenset[Event] = WORK_LIST | {"onset", "worsened"}
_MATCHING: frozenset[Event] = _DEMANDING | {"again"}
RECURS_AFTER_MS = 30 * 60 * 1000
"""A further match on a critical alert attaches silently for so long, then asks for attention."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the page shows of an alert, and why it asks for attention.

    ``demand`` is the event that asked for attention last; ``latest`` the last event of all;
    ``answer`` the acknowledgement (or closing) that covers the demand, if there is one.
    ``severity`` is, until acknowledged, the worst that nobody has acknowledged.
    """

    alert_id: str
    patient_id: str
    kind: Kind
    condition: Condition
    attention: Attention
    severity: Severity
    demand: Transition
    latest: Transition
    answer: Action | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: return alone never closes a critical alert."""
        if self.attention == "resolved":
            return True
        acknowledged = self.attention == "acknowledged"
        if self.kind == "work":
            return acknowledged
        return acknowledged and self.condition == "returned" and self.severity != "critical"


def judge(events: Sequence[Transition], actions: Iterable[Action]) -> Case:
    """Fold one alert's events, in log order and without duplicates, with its actions."""
    assert events, "an alert begins with an event"
    demand_index, condition = _demand(events)
    positions = {event.event_id: index for index, event in enumerate(events)}
    covered = [
        (_covered(action, events, positions), action)
        for action in actions
        if action.kind in ("acknowledge", "resolve")
    ]
    attention, answer = _attention([action for last, action in covered if last >= demand_index])
    first_unanswered = 1 + max((last for last, _ in covered), default=-1)
    return Case(
        alert_id=events[0].alert_id,
        patient_id=events[0].patient_id,
        kind="work" if all(event.event in WORK_LIST for event in events) else "alert",
        condition=condition,
        attention=attention,
        severity=_severity_now(events) if answer else _worst(events[first_unanswered:]),
        demand=events[demand_index],
        latest=events[-1],
        answer=answer,
    )


def _demand(events: Sequence[Transition]) -> tuple[int, Condition]:
    """Find the event that asked for attention last, and whether the condition holds."""
    demand_index = 0
    condition: Condition = "active"
    for index, event in enumerate(events):
        recurs = event.event == "again" and (
            condition == "returned"
            or (
                event.severity == "critical"
                and event.at_ms - events[demand_index].at_ms > RECURS_AFTER_MS
            )
        )
        if event.event in _DEMANDING or recurs:
            demand_index = index
        if event.event == "returned":
            condition = "returned"
        elif event.event in _MATCHING:
            condition = "active"
    return demand_index, condition


def _covered(action: Action, events: Sequence[Transition], positions: dict[str, int]) -> int:
    """Give the position of the last event that the action answers, -1 for none."""
    if action.event_ids:
        return max((positions.get(event_id, -1) for event_id in action.event_ids), default=-1)
    return max((i for i, event in enumerate(events) if event.at_ms <= action.at_ms), default=-1)


def _attention(answers: Sequence[Action]) -> tuple[Attention, Action | None]:
    """Whoever was first answered it; a closing outweighs an acknowledgement."""
    first = sorted(answers, key=lambda action: (action.at_ms, action.action_id))
    closing = next((action for action in first if action.kind == "resolve"), None)
    if closing is not None:
        return "resolved", closing
    return ("acknowledged", first[0]) if first else ("unacknowledged", None)


def _severity_now(events: Sequence[Transition]) -> Severity:
    """Give the severity of the rung that held last."""
    return next(
        (event.severity for event in reversed(events) if event.event != "returned"),
        events[-1].severity,
    )


def _worst(events: Sequence[Transition]) -> Severity:
    """Give the most severe of events that nobody has answered: there is at least the demand."""
    holding = [event for event in events if event.event != "returned"] or events
    return min((event.severity for event in holding), key=SEVERITIES.index)
