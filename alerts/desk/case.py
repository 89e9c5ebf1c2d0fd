"""One alert as the set of its records says it is: condition (the engine's) x attention (people's).

Nothing here depends on when or in which batch a record was read. Events of one alert come in log
order (one key, one partition); actions come by another topic and may arrive before the events that
they answer. What an action covers is named by the action itself (``Action.event_ids``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from alerts.desk.answers import Answers, Withdrawn, answers_to, covered_position, positions_of
from alerts.desk.notices import Notices, Places, decided_reasons, notices_of
from alerts.desk.severity import (
    NEVER_WAS,
    OPENING,
    begin_of,
    holding,
    severity_now,
    was_critical,
    worst,
)
from schemas.alert import ENDING, SEVERITIES, WORK_LIST, Action, Event, Severity, Transition

Kind = Literal["alert", "work"]
Condition = Literal["active", "returned", "not-confirmed", "retracted", "retired"]
Attention = Literal["unacknowledged", "acknowledged", "shelved", "resolved"]

_MATCHING: frozenset[Event] = WORK_LIST | OPENING | {"again"}
_ENDS: dict[Event, Condition] = {
    "returned": "returned",
    "not-confirmed": "not-confirmed",
    "retracted": "retracted",
    "retired": "retired",
}
assert set(_ENDS) == ENDING
_BEGIN_NOTHING: frozenset[Event] = ENDING - {"retracted"} | {"corrected", "cause"}
RECURS_AFTER_MS = 30 * 60 * 1000
"""A further match on a critical alert attaches silently for so long, then asks for attention."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the page shows of an alert, and why it asks for attention.

    ``demand`` is the event that asked for attention last; ``latest`` the last event of all;
    ``answer`` the acknowledgement (or closing) that covers the demand, if there is one;
    ``withdrawn`` the last answer or shelf that was taken back, or ran out.
    ``severity`` is, until acknowledged, the worst that nobody has acknowledged, and ``raised`` the
    event that was so severe: what eased and rose again, less far, does not hide it.
    ``opened_ms``: when it began, which may be long before; ``waits_since_ms``: since when nobody
    has answered it, or when it asked last if somebody has; ``asked_ms``: when it asked last, as far
    as the desk has decided. ``confirmed``: the event by which
    ``raised`` was confirmed, or nobody said otherwise in time.
    ``was_critical``: it was critical once, so that a person closes it. ``ended``: the event that
    ended it, if one did; ``reopening``: ids of further matches that ask anew. ``undecided``: events
    of which the desk has not said yet whether anybody is told; ``told``: those of which somebody
    was. ``beside``: further matches as severe as ``raised`` that nobody has answered, oldest first.
    ``refused``: ids of closings that lack the outcome that a critical alert asks for.
    """

    alert_id: str
    patient_id: str
    kind: Kind
    condition: Condition
    attention: Attention
    severity: Severity
    opened_ms: int
    waits_since_ms: int
    asked_ms: int
    raised: Transition
    confirmed: Transition | None
    demand: Transition
    latest: Transition
    beside: tuple[Transition, ...]
    answer: Action | None
    withdrawn: Withdrawn | None
    was_critical: bool
    ended: Transition | None
    shelf: Action | None
    assignee: str
    notes: tuple[Action, ...]
    undecided: tuple[Transition, ...]
    told: tuple[Transition, ...]
    reopening: frozenset[str]
    notices: Notices
    refused: frozenset[str]

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: return alone never closes a critical alert."""
        if self.attention == "resolved" or self.condition == "retired":
            return True
        if self.kind == "alert" and self.severity == "info" and not self.was_critical:
            return True  # info is for the record
        if self.attention != "acknowledged":
            return False
        if self.kind == "work" or self.never_was:
            return True
        return self.condition == "returned" and not self.was_critical

    @property
    def never_was(self) -> bool:
        """Whether it is said by now that there was nothing."""
        return self.ended is not None and self.ended.event in NEVER_WAS


def begins(event: Transition) -> bool:
    """Whether it makes an alert, of which nothing else is known: it asks somebody, or warns.

    Who was told of what is retracted now was told something wrong.
    """
    return event.event not in _BEGIN_NOTHING


def judge(events: Sequence[Transition], actions: Iterable[Action]) -> Case:
    """Fold one alert's events, in log order and without duplicates, with its actions."""
    assert events, "an alert begins with an event"
    ordered = sorted(actions, key=lambda action: (action.at_ms, action.action_id))
    decided = decided_reasons(ordered)
    demands, ended = _demands(events, decided)
    demand_index = demands[-1]
    positions = positions_of(events)
    answers = answers_to(events, ordered, demand_index)
    attention = _attention(answers, ended)
    unanswered = events[max(1 + answers.last_covered, begin_of(events)) :]
    severity = severity_now(events) if answers.first else worst(unanswered)
    raised = events[demand_index]
    if not answers.first:
        raised = _raised(unanswered, severity, raised)
    return Case(
        alert_id=events[0].alert_id,
        patient_id=events[0].patient_id,
        kind=_kind(events, ended),
        condition=_ENDS[ended.event] if ended else "active",
        attention=attention,
        severity=severity,
        opened_ms=events[0].at_ms,
        waits_since_ms=(events[demand_index] if answers.first else holding(unanswered)[0]).at_ms,
        asked_ms=_asked(events, demands, decided).at_ms,
        raised=raised,
        confirmed=next(
            (one for one in events[positions[raised.event_id] :] if one.event == "confirmed"), None
        ),
        demand=events[demand_index],
        latest=events[-1],
        beside=() if answers.first else _beside(unanswered, raised),
        answer=answers.first,
        withdrawn=answers.withdrawn,
        was_critical=was_critical(events),
        ended=ended,
        shelf=answers.shelf,
        assignee=answers.assignee,
        notes=tuple(action for action in ordered if action.note and action.kind == "note"),
        told=tuple(
            event for event in events if decided.get(event.event_id, set()) & _TOLD_AT_FIRST
        ),
        reopening=_reopening(events),
        undecided=tuple(event for event in events if _awaits_decision(event, decided)),
        notices=notices_of(
            ordered,
            answers.reset,
            Places(
                demands,
                answers.last_silenced,
                positions[ended.event_id] if ended else None,
                _confirmed(events, demand_index),
                lambda action: covered_position(action, events, positions),
            ),
        ),
        refused=answers.refused,
    )


def _demands(
    events: Sequence[Transition], decided: dict[str, set[str]]
) -> tuple[list[int], Transition | None]:
    """Find the events that asked for attention, and the one that ended the condition."""
    demands = [0]
    ended: Transition | None = None
    task = True  # until something opens the alert; then no task beside it asks for its attention
    for index, event in enumerate(events):
        task = task and event.event in WORK_LIST
        opens = event.event in OPENING or (task and event.event in WORK_LIST)
        if opens or _recurs(event, events[demands[-1]], ended, decided):
            demands.append(index)
        if event.event in ENDING:
            ended = event
        elif event.event in _MATCHING:
            ended = None
    return demands, ended


def _asked(
    events: Sequence[Transition], demands: Sequence[int], decided: dict[str, set[str]]
) -> Transition:
    """Find what asked for attention last of what the desk has decided upon; else what did first."""
    asked = [events[index] for index in demands if events[index].event_id in decided]
    return asked[-1] if asked else events[demands[0]]


def _recurs(
    event: Transition,
    demand: Transition,
    ended: Transition | None,
    decided: dict[str, set[str]],
) -> bool:
    """Whether a further match asks for attention: the desk says so; until then, the log's time."""
    if event.event != "again":
        return False
    reasons = decided.get(event.event_id)
    if reasons:
        return "attached" not in reasons
    if ended is not None:
        return True
    return matches_critical(event) and event.at_ms - demand.at_ms > RECURS_AFTER_MS


def _confirmed(events: Sequence[Transition], demand_index: int) -> int | None:
    """Find the event that confirmed the demand."""
    later = range(demand_index + 1, len(events))
    return next((index for index in later if events[index].event == "confirmed"), None)


def matches_critical(event: Transition) -> bool:
    """Whether the reading itself is critical, not only the alert that it is one more match of."""
    return event.severity == "critical" and event.matched is None


def _reopening(events: Sequence[Transition]) -> frozenset[str]:
    """Name the further matches that ask anew: after an end, or worse than all that came before.

    The engine calls the latter a step up; nobody's silence may rest on that.
    """
    found, ended, worst = set(), False, len(SEVERITIES)
    for event in events:
        rank = SEVERITIES.index(event.severity)
        if event.event == "again" and (ended or rank < worst):
            found.add(event.event_id)
        if event.event in ENDING or event.event in _MATCHING:
            ended = event.event in ENDING
        if event.event in _MATCHING and event.event not in WORK_LIST:
            worst = min(worst, rank)
    return frozenset(found)


def _kind(events: Sequence[Transition], ended: Transition | None) -> Kind:
    """A match that its repeat contradicted was no alert after all: it is a task."""
    if ended is not None and ended.event == "not-confirmed":
        return "work"
    return "work" if all(event.event in WORK_LIST for event in events) else "alert"


def _attention(answers: Answers, ended: Transition | None) -> Attention:
    if answers.closed:
        return "resolved"
    if answers.shelf is not None and not (ended and ended.event == "retired"):
        return "shelved"
    return "acknowledged" if answers.first else "unacknowledged"


_TOLD_AT_FIRST = {"onset", "worsened", "confirmed"}
_DECIDED_UPON: frozenset[Event] = _MATCHING | {"confirmed"}


def _awaits_decision(event: Transition, decided: dict[str, set[str]]) -> bool:
    return event.event in _DECIDED_UPON and event.event_id not in decided


def _raised(unanswered: Sequence[Transition], severity: Severity, demand: Transition) -> Transition:
    """Find the event that was first so severe; the demand, if that is."""
    if demand.severity == severity:
        return demand
    so_severe = (event for event in holding(unanswered) if event.severity == severity)
    return next(so_severe, demand)


def _beside(unanswered: Sequence[Transition], raised: Transition) -> tuple[Transition, ...]:
    """Find the other matches as severe: 231/140 after 192/124 is no step up, and worse."""
    return tuple(
        event
        for event in unanswered
        if event.event in OPENING | {"again", "confirmed"}
        and event.event_id != raised.event_id
        and (event.severity, event.matched) == (raised.severity, None)
    )
