"""The quality gate: what a flagged match opens, and what a repeat confirms or denies."""

import msgspec

from alerts.engine.ladders.findings import Denial, Facts
from alerts.engine.ladders.ladder import bits
from alerts.engine.transitions.ended import note_denied
from alerts.engine.transitions.ladder_state import UNANSWERED_MS, LadderState, Pending

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
    if state.unanswered:
        confirmed |= _answer_late(state, facts)
    began = began or facts.sight.reading_id
    if not facts.flagged:
        return Passed(facts.matched, facts.matched, confirmed, 0, began)
    confirmed |= _confirmed_by_number(state, facts) | facts.repeated
    granted = facts.matched & (confirmed | state.latched)
    asked = facts.matched & ~confirmed & ~(state.latched & ~state.lowered)
    for denial in facts.denials:
        asked &= ~_denied_already(state, facts, denial, asked)
    return Passed(granted, confirmed, confirmed, asked, began)


def _answer_pending(state: LadderState, facts: Facts) -> tuple[int, str]:
    """Let a repeat confirm or deny what waits; give the rungs confirmed and where they began."""
    confirmed, began = 0, ""
    for pending in state.pending:
        first_ms = pending.sight.measured_at_ms
        answered, denied = _answer(facts, first_ms, pending.repeat_within_ms, pending.rungs)
        if answered and not confirmed and first_ms < facts.measured_ms:
            began = pending.sight.reading_id
        if answered:  # the alert rests on both
            state.rest_on(pending.sight.reading_id, first_ms, answered)
        if denied:
            by = facts.sight.reading_id, facts.measured_ms
            note_denied(state, pending, denied, by, facts.log_ms)
        confirmed |= answered
        pending.rungs &= ~(answered | denied)
    state.pending = [pending for pending in state.pending if pending.rungs]
    return confirmed, began


def _denied_already(state: LadderState, facts: Facts, denial: Denial, asked: int) -> int:
    """Let a repeat that is here already deny a flagged match that comes now; give its rungs."""
    rungs = denial.rungs & asked
    if rungs:
        waits = waiting(facts, rungs, denial.within_ms, delayed=bool(rungs & ~facts.fresh))
        note_denied(state, waits, rungs, (denial.reading_id, denial.measured_ms), facts.log_ms)
    return rungs


def waiting(facts: Facts, rungs: int, within_ms: int, *, delayed: bool) -> Pending:
    """Give what waits for a repeat of a reading; what comes when that is over waits no more."""
    deadline_ms = max(facts.measured_ms + within_ms, facts.log_ms)
    return Pending(facts.sight, rungs, deadline_ms, within_ms, delayed)


def _answer_late(state: LadderState, facts: Facts) -> int:
    """Let a repeat that comes when nobody waits any more confirm what it would have; give it.

    The flagged match has opened its alert, which rests on it and keeps its name; what does not
    confirm it takes nothing back.
    """
    confirmed = 0
    for one in state.unanswered:
        over_ms = one.measured_ms + one.repeat_within_ms
        if facts.log_ms - over_ms > UNANSWERED_MS:
            one.rungs = 0
        answered, denied = _answer(facts, one.measured_ms, one.repeat_within_ms, one.rungs)
        confirmed |= answered
        one.rungs &= ~(answered | denied)
    state.unanswered = [one for one in state.unanswered if one.rungs]
    return confirmed


def _answer(facts: Facts, first_ms: int, within_ms: int, rungs: int) -> tuple[int, int]:
    """Give the rungs of a flagged match of ``first_ms`` that a reading confirms and denies.

    Of two readings the later one is the repeat, also if it came first, as some devices tell their
    newest first: what was measured before the match denies nothing.
    """
    waited_ms = facts.measured_ms - first_ms
    if not 0 < abs(waited_ms) <= within_ms:
        return 0, 0
    return rungs & facts.matched, rungs & facts.denied if waited_ms > 0 else 0


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
