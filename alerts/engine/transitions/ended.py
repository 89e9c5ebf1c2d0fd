"""What a reading ended is remembered for a while: it may prove to be another patient's.

The last few alerts of a ladder: all that came after one may prove to be another patient's too.
"""

from alerts.engine.ladders.findings import Facts
from alerts.engine.ladders.ladder import bits
from alerts.engine.transitions.ladder_state import (
    BASIS_MAX,
    Awaiting,
    Ended,
    LadderState,
    Match,
    Pending,
)

KEPT_MS = 28 * 24 * 3_600_000
"""So long, by log time; who finds out later tells people of the reading, not of the alert."""
ENDED_MAX = 4
BY_THE_NEWEST = "", 0
"""Who ended it: the newest reading then, whichever that was."""


def note_end(state: LadderState, rungs: int, facts: Facts) -> None:
    """Remember rungs that a reading is about to let go, and all that they rest on."""
    held = part(state, rungs)
    enders = dict.fromkeys(bits(rungs), (facts.sight.reading_id, facts.measured_ms))
    others = []
    for earlier in state.ended:
        if earlier.held.onset_reading_id == state.onset_reading_id:
            left = earlier.held.latched & ~state.latched
            enders |= {rung: earlier.enders[rung] for rung in bits(left)}
            join(held, part(earlier.held, left))
        else:
            others.append(earlier)
    state.ended = [*others, Ended(held, enders, facts.log_ms)][-ENDED_MAX:]


def note_over(state: LadderState, match: Match, lowered: int, log_ms: int) -> None:
    """Remember a match that opened nothing, for the newest reading had returned all its rungs."""
    over = LadderState(
        latched=match.rungs,
        lowered=lowered,
        last_match_ms=match.measured_ms,
        onset_reading_id=match.reading_id,
        basis=[match],
    )
    enders = dict.fromkeys(bits(match.rungs), BY_THE_NEWEST)
    state.ended = [*state.ended, Ended(over, enders, log_ms)][-ENDED_MAX:]


def note_denied(
    state: LadderState, pending: Pending, rungs: int, by: tuple[str, int], log_ms: int
) -> None:
    """Remember a flagged match that a repeat contradicts; ``by``: its id and measurement time."""
    sight = pending.sight
    waits = Pending(sight, rungs, pending.deadline_ms, pending.repeat_within_ms, pending.delayed)
    over = LadderState(
        latched=rungs,
        lowered=rungs,
        last_match_ms=sight.measured_at_ms,
        onset_reading_id=sight.reading_id,
        pending=[waits],
        basis=[Match(sight.reading_id, sight.measured_at_ms, rungs)],
    )
    enders = dict.fromkeys(bits(rungs), by)
    state.ended = [*state.ended, Ended(over, enders, log_ms)][-ENDED_MAX:]


def forget_old(state: LadderState, log_ms: int) -> None:
    """Forget what ended too long ago."""
    if state.ended:
        state.ended = [ended for ended in state.ended if log_ms - ended.at_ms <= KEPT_MS]


def join(held: LadderState, other: LadderState) -> None:
    """Let the rungs of ``other`` hold too, with all that they rest on."""
    full = held.latched & ~held.lowered | other.latched & ~other.lowered
    held.latched |= other.latched
    held.lowered = held.latched & ~full
    held.last_match_ms = max(held.last_match_ms, other.last_match_ms)
    matches = {match.reading_id: match for match in _copies(other, -1)}
    for match in held.basis:
        known = matches.setdefault(match.reading_id, match)
        known.rungs |= match.rungs
    basis = sorted(matches.values(), key=lambda match: (match.measured_ms, match.reading_id))
    held.older |= other.older
    for match in basis[:-BASIS_MAX]:
        held.older |= match.rungs
    held.basis = basis[-BASIS_MAX:]
    held.awaiting = held.awaiting or other.awaiting


def part(state: LadderState, rungs: int) -> LadderState:
    """Copy what is remembered of some rungs."""
    awaiting = state.awaiting
    if awaiting is not None:
        left = awaiting.rungs & rungs
        awaiting = (
            Awaiting(awaiting.sight, left, awaiting.deadline_ms, awaiting.within_ms)
            if left
            else None
        )
    return LadderState(
        latched=rungs,
        lowered=state.lowered & rungs,
        last_match_ms=state.last_match_ms,
        onset_reading_id=state.onset_reading_id,
        awaiting=awaiting,
        basis=_copies(state, rungs),
        older=state.older & rungs,
    )


def _copies(state: LadderState, rungs: int) -> list[Match]:
    return [
        Match(match.reading_id, match.measured_ms, match.rungs & rungs)
        for match in state.basis
        if match.rungs & rungs
    ]
