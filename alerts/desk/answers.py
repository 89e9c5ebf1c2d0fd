"""What people did to one alert, and what of it still counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from alerts.desk.severity import was_critical
from schemas.alert import Action, Severity, Transition

HOUR_MS = 3_600_000
_CRITICAL_SHELF_MS_MAX = 8 * HOUR_MS
_SHELF_MS_MAX = 7 * 24 * HOUR_MS
SENT_WITHIN_MS = 15_000
"""A desk tries no notice for longer: what is not told by then was held back.

Longer than its tries last (``delivery.WITHIN_MS``), and time to write what came of them. If nothing
is in the log by then another desk sends it (``claims.TAKEN_OVER_AFTER_MS``): not before.
"""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An acknowledgement, closing or shelf that counts no longer, and what took it away."""

    answer: Action
    by: Action


@dataclass(frozen=True, slots=True)
class Answers:
    """Whoever was first acknowledged it; a closing outweighs an acknowledgement.

    ``last_covered``: position of the last event that anybody has answered, -1 if none;
    ``last_silenced``: or shelved, whether or not something has broken that shelf since. ``reset``:
    what took an answer or a shelf away last, so that the chain begins anew. ``withdrawn``: the
    answer or shelf that was taken away last. ``refused``: ids of closings that say of a critical
    alert no outcome: they are kept, and answer nothing.
    """

    first: Action | None
    closed: bool
    last_covered: int
    last_silenced: int
    shelf: Action | None
    reset: Action | None
    withdrawn: Withdrawn | None
    assignee: str
    refused: frozenset[str]


def answers_to(
    events: Sequence[Transition], actions: Sequence[Action], demand_index: int
) -> Answers:
    """Fold actions, in order of their time, that answer an alert whose last demand is given."""
    taken_away = {one.answers: one for one in actions if one.kind in ("undo", "expire")}
    positions = positions_of(events)
    refused = frozenset(one.action_id for one in actions if _lacks_outcome(one, events, positions))
    counting = [one for one in actions if one.action_id not in taken_away.keys() | refused]
    covered = [
        (covered_position(one, events, positions), one)
        for one in counting
        if one.kind in ("acknowledge", "resolve")
    ]
    answering = [one for last, one in covered if last >= demand_index]
    closing = next((one for one in answering if one.kind == "resolve"), None)
    shelves = [one for one in actions if one.kind == "shelve" and one.until_ms is not None]
    ended_ms = max(  # it takes those before it along
        (one.at_ms for one in shelves if _has_run_out(one, taken_away)), default=-1
    )
    shelved = [
        covered_position(one, events, positions)
        for one in shelves
        if one.action_id not in taken_away and one.at_ms > ended_ms
    ]
    last_covered = max((last for last, _ in covered), default=-1)
    assigned = [one for one in counting if one.kind == "assign"]
    return Answers(
        first=closing or (answering[0] if answering else None),
        closed=closing is not None,
        last_covered=last_covered,
        last_silenced=max((last_covered, *shelved)),
        shelf=_shelf(events, actions, positions, taken_away),
        reset=_reset(actions),
        withdrawn=_withdrawn(actions),
        assignee=assigned[-1].assignee if assigned else "",
        refused=refused,
    )


def shelf_ms_max(severity: Severity) -> int:
    """Give how long an alert may be shelved: a shelf that was meant to last longer ends then."""
    return _CRITICAL_SHELF_MS_MAX if severity == "critical" else _SHELF_MS_MAX


def positions_of(events: Sequence[Transition]) -> dict[str, int]:
    """Give the place of each event by its id."""
    return {event.event_id: index for index, event in enumerate(events)}


def covered_position(
    action: Action, events: Sequence[Transition], positions: Mapping[str, int]
) -> int:
    """Give the position of the last event that an action is about, -1 for none."""
    if action.event_ids:
        return max((positions.get(event_id, -1) for event_id in action.event_ids), default=-1)
    return max((i for i, event in enumerate(events) if event.at_ms <= action.at_ms), default=-1)


def closes_without_outcome(action: Action) -> bool:
    """Whether it closes, and says no outcome: not enough for what was critical."""
    return action.kind == "resolve" and action.outcome is None


def _lacks_outcome(
    action: Action, events: Sequence[Transition], positions: Mapping[str, int]
) -> bool:
    """Whether it closes what was critical, as far as its author knew, and says no outcome."""
    return closes_without_outcome(action) and was_critical(
        events[: 1 + covered_position(action, events, positions)]
    )


def _shelf(
    events: Sequence[Transition],
    actions: Sequence[Action],
    positions: Mapping[str, int],
    taken_away: Mapping[str, Action],
) -> Action | None:
    """Give the shelf that the alert lies on; a step up that it did not know breaks it.

    The last one counts, and when it ends none before it comes back: it was said in their place.
    """
    worsened = [index for index, event in enumerate(events) if event.event == "worsened"]
    last_worsened = worsened[-1] if worsened else -1
    for action in reversed(actions):
        if action.kind != "shelve" or action.until_ms is None:
            continue
        if _has_run_out(action, taken_away):
            return None
        if action.action_id in taken_away:
            continue
        known = covered_position(action, events, positions)
        if known < last_worsened or known < 0:
            continue
        critical = any(event.severity == "critical" for event in events[: known + 1])
        longest_ms = shelf_ms_max("critical" if critical else "high")
        until_ms = min(action.until_ms, action.at_ms + longest_ms)
        return msgspec.structs.replace(action, until_ms=until_ms)
    return None


def _has_run_out(action: Action, taken_away: Mapping[str, Action]) -> bool:
    away = taken_away.get(action.action_id)
    return away is not None and away.kind == "expire"


def _withdrawn(actions: Sequence[Action]) -> Withdrawn | None:
    """Give what was taken away last; of two who take back the same answer the first did it."""
    given = {
        one.action_id: one for one in actions if one.kind in ("acknowledge", "resolve", "shelve")
    }
    taken: dict[str, Withdrawn] = {}
    for one in actions:
        if one.kind in ("undo", "expire") and one.answers in given:
            taken.setdefault(one.answers, Withdrawn(given[one.answers], one))
    return next(reversed(taken.values()), None)


def _reset(actions: Sequence[Action]) -> Action | None:
    """A chain begins anew when time runs out, or somebody takes a shelf away.

    To undo an acknowledgement is to take back a slip: the chain goes on where it was, unless the
    answer had held back a notice: it and the next step would be told at one moment.
    """
    shelves = {one.action_id for one in actions if one.kind == "shelve"}
    resets = [
        one
        for one in actions
        if one.kind == "expire"
        or (one.kind == "undo" and (one.answers in shelves or _held_back(actions, one.at_ms)))
    ]
    return resets[-1] if resets else None


def _held_back(actions: Sequence[Action], at_ms: int) -> bool:
    """Whether the last notice before an instant never went out."""
    notices = [one for one in actions if one.kind == "notify" and one.at_ms < at_ms]
    if not notices or not notices[-1].to or at_ms - notices[-1].at_ms < SENT_WITHIN_MS:
        return False
    return all(one.answers != notices[-1].action_id for one in actions)
