"""The quality gate: what a flagged match opens, and what a repeat confirms or denies."""

import msgspec

from alerts.engine.ladders.findings import Facts
from alerts.engine.ladders.ladder import bits
from alerts.engine.transitions.ended import note_denied
from alerts.engine.transitions.ladder_state import LadderState

FLAGGED_WINDOW_MS = 72 * 3_600_000
FLAGGED_MATCHES = 3
FLAGGED_KEPT_MAX = 16


class Passed(msgspec.Struct, frozen=True):
    """What the quality gate lets through.

    ``granted``: rungs that hold; ``sure``: those that need no repeat; ``confirmed``: those that had
    waited for one, or have matched often enough; ``asked``: those that wait for one now; ``began``:
    the reading with which the condition began.
    """

    granted: int
    sure: int
    confirmed: int
    asked: int
    began: str


def gate(state: LadderState, facts: Facts) -> Passed:
    """Take a reading into what waits for a repeat; tell which of its matches count."""
    confirmed, began = _answer_pending(state, facts) if state.pending else (0, "")
    began = began or facts.sight.reading_id
    if not facts.flagged:
        return Passed(facts.matched, facts.matched, confirmed, 0, began)
    confirmed |= _confirmed_by_number(state, facts)
    granted = facts.matched & (confirmed | state.latched)
    asked = facts.matched & ~confirmed & ~(state.latched & ~state.lowered)
    return Passed(granted, confirmed, confirmed, asked, began)


def _answer_pending(state: LadderState, facts: Facts) -> tuple[int, str]:
    """Let a repeat confirm or deny what waits; give the rungs confirmed and where they began."""
    confirmed, began = 0, ""
    for pending in state.pending:
        waited_ms = facts.measured_ms - pending.sight.measured_at_ms
        if not 0 < abs(waited_ms) <= pending.repeat_within_ms:
            continue
        answered, denied = pending.rungs & facts.matched, pending.rungs & facts.denied
        if waited_ms < 0:  # its repeat came before it: some devices tell their newest first
            denied = 0
        elif answered and not confirmed:
            began = pending.sight.reading_id
        if answered:  # the alert rests on both
            state.rest_on(pending.sight.reading_id, pending.sight.measured_at_ms, answered)
        if denied:
            note_denied(state, pending, denied, facts)
        confirmed |= answered
        pending.rungs &= ~(answered | denied)
    state.pending = [pending for pending in state.pending if pending.rungs]
    return confirmed, began


def _confirmed_by_number(state: LadderState, facts: Facts) -> int:
    """Remember a flagged match; give the rungs that it is the third to match in the window."""
    since_ms = facts.measured_ms - FLAGGED_WINDOW_MS
    if not facts.matched:
        return 0
    recent = [(at_ms, rungs) for at_ms, rungs in state.flagged if at_ms >= since_ms]
    confirmed = facts.matched
    for rung in bits(facts.matched):
        if sum(rungs >> rung & 1 for _, rungs in recent) + 1 < FLAGGED_MATCHES:
            confirmed &= ~(1 << rung)
    state.flagged = [*recent, (facts.measured_ms, facts.matched)][-FLAGGED_KEPT_MAX:]
    return confirmed
