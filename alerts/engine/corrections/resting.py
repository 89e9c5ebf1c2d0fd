"""What an alert rests on, when a reading of it says otherwise or is another patient's."""

from collections.abc import Sequence

from alerts.engine.corrections.revise import Moved
from alerts.engine.ladders.findings import Finding
from alerts.engine.ladders.ladder import Ladder
from alerts.engine.readings.change import Change
from alerts.engine.transitions.ended import BY_THE_NEWEST, KEPT_MS
from alerts.engine.transitions.ladder_state import Ended, LadderState
from schemas.alert import Event


def untrue(change: Change, rungs: int) -> Moved:
    """Say of rungs that a single reading decides that it satisfies them no more."""
    return Moved(-1, rungs, change.was)


def told_of(
    held: LadderState, ladder: Ladder, change: Change, was_held: tuple[int, int], log_ms: int
) -> Finding | None:
    """Tell the alert that was open (``was_held``: its rungs) what has become of it."""
    before = ladder.voice(*was_held)
    after = ladder.voice(held.latched, held.lowered)
    if before is None:
        return None
    event: Event = "corrected"
    if after is None:
        event = "retracted"
    elif after[0] > before[0]:
        event = "eased"
    rank, rung = after or before
    return Finding(
        event,
        rung,
        before[1],
        rank,
        held.onset_reading_id,
        change.told,
        log_ms,
        count=change.revision,
        held=was_held,
    )


def was_told(ended: Ended, held: LadderState, log_ms: int) -> bool:
    """Tell whether what is over was an alert of its own: no task, no work, no part of another."""
    open_now = bool(held.latched) and held.onset_reading_id == ended.held.onset_reading_id
    began = not ended.held.pending and BY_THE_NEWEST not in ended.enders.values()
    return began and not open_now and log_ms - ended.at_ms <= KEPT_MS


def rest(held: LadderState, change: Change, lost: Sequence[Moved], ladder: Ladder) -> bool:
    """Move what is remembered of a ladder; tell whether any of it rests on the reading."""
    reading_id = change.was.reading_id
    rests = held.latched != 0 and reading_id == held.onset_reading_id
    rests |= any(match.reading_id == reading_id for match in held.basis)
    *windows, alone = lost
    for moved in windows:
        means = moved.rungs & ladder.means  # judged at the newest reading, for all that it rests on
        held.older &= ~means
        for match in held.basis:
            here = moved.rungs if match.reading_id == moved.sight.reading_id else means
            rests |= bool(match.rungs & here)
            match.rungs &= ~here
    for match in held.basis:
        if match.reading_id == reading_id:
            match.rungs &= ~alone.rungs | ladder.means
    _forget_waiting(held, change, alone.rungs)
    supported = held.older
    for match in held.basis:
        supported |= match.rungs
    held.let_go(held.latched & ~supported)
    if held.awaiting is not None:
        held.awaiting.rungs &= held.latched
        held.awaiting = held.awaiting if held.awaiting.rungs else None
    if rests and held.last_match_ms == change.was.measured_at_ms and alone.rungs:
        times_ms = (match.measured_ms for match in held.basis)
        held.last_match_ms = max(times_ms, default=held.last_match_ms)
    return rests


def _forget_waiting(held: LadderState, change: Change, untrue: int) -> None:
    """Let nothing wait for a reading that no longer matches, and show what one says now."""
    reading_id, at_ms = change.was.reading_id, change.was.measured_at_ms
    for pending in held.pending:
        if pending.sight.reading_id == reading_id:
            pending.sight, pending.rungs = change.told, pending.rungs & ~untrue
    held.pending = [pending for pending in held.pending if pending.rungs]
    for unanswered in held.unanswered:
        if unanswered.reading_id == reading_id:
            unanswered.rungs &= ~untrue
    held.unanswered = [unanswered for unanswered in held.unanswered if unanswered.rungs]
    held.flagged = [
        (when_ms, rungs & ~untrue if when_ms == at_ms else rungs)
        for when_ms, rungs in held.flagged
        if when_ms != at_ms or rungs & ~untrue
    ]
    if held.awaiting is not None and held.awaiting.sight.reading_id == reading_id:
        held.awaiting.sight = change.told
