"""One extreme reading is on the feed at once; its page waits for a repeat, or for the wait's end.

Only a fresh and unflagged match waits, of rungs that all have ``confirm``: where another rung of
that severity holds (LO, a systolic of 220), or a flagged match asked for this repeat, it pages.
"""

from alerts.engine.ladders.findings import Facts, Finding
from alerts.engine.ladders.ladder import Ladder, bits
from alerts.engine.transitions.gate import Passed
from alerts.engine.transitions.ladder_state import Awaiting, LadderState
from schemas.alert import Event


def end_wait(
    state: LadderState, facts: Facts, passed: Passed, ladder: Ladder, event: Event | None
) -> Event | None:
    """Give the event's name if it ends a wait, for good or ill; the rungs are latched already.

    A repeat that matches confirms, flagged or not, and so does what the quality gate has confirmed;
    where the rungs have returned nothing waits; and where a rung holds beside them that waits for
    nobody, they do not either. Of two readings the later one is the repeat, also if it came first:
    some devices tell their newest first.
    """
    awaiting = state.awaiting
    if awaiting is None:
        return None
    apart_ms = abs(facts.measured_ms - awaiting.sight.measured_at_ms)
    repeats = 0 < apart_ms <= awaiting.within_ms
    confirmed = awaiting.rungs & (passed.confirmed | (facts.matched if repeats else 0))
    speakers = ladder.speakers(state.latched, state.lowered)
    awaiting.rungs = awaiting.rungs & state.latched | passed.granted & speakers
    if not confirmed and awaiting.rungs and not speakers & ~ladder.confirming:
        return None
    state.awaiting = None
    if event == "returned":
        return "not-confirmed" if repeats else "returned"
    return "confirmed" if event in {"again", "worsened"} else None


def begin_wait(state: LadderState, facts: Facts, passed: Passed, ladder: Ladder) -> bool:
    """Tell whether the page for what a reading has just opened or worsened waits; remember it."""
    earlier, state.awaiting = state.awaiting, None
    speakers = ladder.speakers(state.latched, state.lowered)
    alone = speakers & facts.fresh & ladder.confirming & ~passed.confirmed
    if facts.flagged or alone != speakers:
        return False
    within_ms = min(ladder.rungs[rung].rule.confirm_within_ms for rung in bits(speakers))
    deadline_ms = facts.measured_ms + within_ms
    if deadline_ms < facts.log_ms:
        return False  # it came when its wait was over: who waited for the next record paged late
    if earlier is not None:
        deadline_ms = min(deadline_ms, earlier.deadline_ms)
    state.awaiting = Awaiting(facts.sight, speakers, deadline_ms, within_ms)
    return True


def expire_wait(state: LadderState, ladder: Ladder) -> Finding:
    """Let the page go out that no repeat has confirmed or denied in time."""
    awaiting, state.awaiting = state.awaiting, None
    assert awaiting is not None, "its timer has fired"
    rung = ladder.speaking(awaiting.rungs)
    voice = ladder.voice(state.latched, state.lowered)
    assert rung is not None and voice is not None, "what waits is latched"  # noqa: PT018
    return Finding(
        "confirmed",
        voice[1],
        rung,
        voice[0],
        state.onset_reading_id,
        awaiting.sight,
        awaiting.deadline_ms,
        held=(state.latched, state.lowered),
        unanswered=True,
    )
