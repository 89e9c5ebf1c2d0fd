"""One reading against one ladder: the semantics of single readings, in one place.

Rungs latch when they match and let go when their widened condition is definitely false. The worst
latched rung speaks for the ladder; what it says before and after is the event.
"""

from msgspec.structs import replace

from alerts.engine.ladders.findings import WORK_LIST_RANK, Facts, Finding, Voice
from alerts.engine.ladders.ladder import Ladder, bits, mask
from alerts.engine.transitions.confirmation import begin_wait, end_wait
from alerts.engine.transitions.ended import forget_old, note_end, note_over
from alerts.engine.transitions.gate import Passed, gate, waiting
from alerts.engine.transitions.ladder_state import LadderState, Match, Pending
from schemas.alert import Event, Mark


def judge(state: LadderState, facts: Facts, ladder: Ladder) -> list[Finding]:
    """Move the state by one reading; give what changed."""
    forget_old(state, facts.log_ms)
    passed = gate(state, facts)
    full = facts.fresh | ladder.keeps_severity_when_delayed
    if facts.older and not state.latched and not (passed.granted | passed.asked) & ~facts.cleared:
        return _resolved(state, facts, passed, ladder)
    held = (state.latched, state.lowered)
    returned = _returned(state, facts, ladder)
    state.hold(passed.granted, passed.sure & full)
    if passed.granted:
        state.rest_on(facts.sight.reading_id, facts.measured_ms, passed.granted)
    if returned:
        note_end(state, returned, facts)
        state.let_go(returned)
    if facts.matched:
        state.last_match_ms = max(state.last_match_ms, facts.measured_ms)
    if not held[0] and state.latched:
        state.onset_reading_id = passed.began
    findings = _change(held, state, facts, passed, ladder)
    if passed.asked:
        findings.append(_ask(held, state, facts, passed.asked, ladder))
    return findings


def expire(state: LadderState, pending: Pending, ladder: Ladder, cleared: int) -> Finding | None:
    """Open what no repeat answered in time, one severity lower.

    ``cleared``: the rungs whose return condition the newest reading met.
    """
    held = (state.latched, state.lowered)
    before = ladder.voice(*held)
    state.note_unanswered(pending)
    rung = ladder.speaking(pending.rungs)
    assert rung is not None, "a pending match has rungs"
    event: Event = "onset" if before is None else "worsened"
    rank, speaking, origin = ladder.rank(rung, pending.rungs), rung, pending.sight.reading_id
    if before is None and not pending.rungs & ~cleared:
        event, rank = "resolved-before-seen", max(rank, WORK_LIST_RANK)
        match = Match(origin, pending.sight.measured_at_ms, pending.rungs)
        note_over(state, match, pending.rungs, pending.deadline_ms)
    else:
        state.hold(pending.rungs, 0)
        state.rest_on(origin, pending.sight.measured_at_ms, pending.rungs)
        state.last_match_ms = max(state.last_match_ms, pending.sight.measured_at_ms)
        after = ladder.voice(state.latched, state.lowered)
        assert after is not None, "something has just latched"
        if before is None:
            state.onset_reading_id = origin
        elif after[0] >= before[0]:
            return None
        state.awaiting = None  # it pages now, for worse
        rank, speaking = after
        origin = state.onset_reading_id
    marks: tuple[Mark, ...] = ("unverified", "flagged", *_delayed_mark(pending.delayed))
    return Finding(
        event,
        speaking,
        rung,
        rank,
        origin,
        pending.sight,
        pending.deadline_ms,
        marks,
        held=held,
        unanswered=True,
    )


def _returned(state: LadderState, facts: Facts, ladder: Ladder) -> int:
    """Give the latched rungs that this reading may let go."""
    able = not facts.flagged and facts.uncensored and not facts.older
    if not able or facts.measured_ms <= state.last_match_ms:
        return 0
    returned = state.latched & facts.returned & facts.fresh
    if not facts.device_clock:
        returned &= ~(ladder.critical & ~state.lowered)
    return returned


def _change(
    held: tuple[int, int], state: LadderState, facts: Facts, passed: Passed, ladder: Ladder
) -> list[Finding]:
    """Compare what speaks now with what spoke before; ``held`` is what had held."""
    before = ladder.voice(*held)
    after = ladder.voice(state.latched, state.lowered)
    event = _event(before, after, again=bool(passed.granted & ~_said_today(state, facts, ladder)))
    ended = end_wait(state, facts, passed, ladder, event)
    rank, speaking = after or before or (0, 0)
    if event is None:
        return []
    for rung in bits(passed.granted & ladder.means):
        state.said = {**state.said, rung: facts.day}
    cause = ladder.speaking(passed.granted, state.lowered)
    explained = before[1] if before and (cause is None or event == "eased") else cause
    assert explained is not None, "an alert begins with a match"
    finding = Finding(
        ended if ended and event != "worsened" else event,
        speaking,
        explained,
        rank,
        state.onset_reading_id,
        facts.sight,
        facts.log_ms,
        _marks(facts, cause),
        held=held,
    )
    if event not in {"onset", "worsened"} or not begin_wait(state, facts, passed, ladder):
        return [finding]
    assert state.awaiting is not None, "a wait has begun"
    waits = replace(
        finding,
        marks=(*finding.marks, "awaiting-confirmation"),
        deadline_ms=state.awaiting.deadline_ms,
    )
    if not ended or before is None:
        return [waits]
    return [replace(finding, event="confirmed", rank=before[0], speaking=before[1]), waits]


def _said_today(state: LadderState, facts: Facts, ladder: Ladder) -> int:
    """Give the rungs of means that were spoken of today: they repeat themselves tomorrow."""
    if not ladder.means:
        return 0
    return mask(rung for rung, day in state.said.items() if day == facts.day)


def _event(before: Voice | None, after: Voice | None, *, again: bool) -> Event | None:
    if before is None:
        return None if after is None else "onset"
    if after is None:
        return "returned"
    if after[0] != before[0]:
        return "worsened" if after[0] < before[0] else "eased"
    return "again" if again else None


def _marks(facts: Facts, cause: int | None) -> tuple[Mark, ...]:
    """Say what weakens a match; what ends an alert is never weak."""
    if cause is None:
        return ()
    flagged: tuple[Mark, ...] = ("flagged",) if facts.flagged else ()
    return (*flagged, *_delayed_mark(not facts.fresh >> cause & 1))


def _delayed_mark(delayed: bool) -> tuple[Mark, ...]:  # noqa: FBT001 - a mark or none
    return ("delayed",) if delayed else ()


def _ask(
    held: tuple[int, int], state: LadderState, facts: Facts, asked: int, ladder: Ladder
) -> Finding:
    """Wait for a repeat; give the task to ask for one. ``held`` is what had held."""
    rung, waits = _unrepeated(facts, asked, ladder)
    state.pending = [*state.pending, waits]
    return Finding(
        "repeat-asked",
        rung,
        rung,
        ladder.rank(rung, 0),
        facts.sight.reading_id,
        facts.sight,
        facts.log_ms,
        ("flagged", *_delayed_mark(waits.delayed)),
        held=held,
        deadline_ms=waits.deadline_ms,
    )


def _unrepeated(facts: Facts, asked: int, ladder: Ladder) -> tuple[int, Pending]:
    """Give the rung that speaks for a flagged match without a repeat, and what waits for one."""
    rung = ladder.speaking(asked)
    assert rung is not None, "something is asked"
    delayed = not facts.fresh >> rung & 1
    return rung, waiting(facts, asked, ladder.rungs[rung].rule.repeat_within_ms, delayed=delayed)


def _resolved(state: LadderState, facts: Facts, passed: Passed, ladder: Ladder) -> list[Finding]:
    """A late match that a newer reading has already contradicted: work list, no page.

    A flagged one without a repeat, too: it would open, unverified, at once.
    """
    rungs = passed.granted or passed.asked
    rung = ladder.speaking(rungs)
    if rung is None:
        return []
    marks, full = _marks(facts, rung), facts.fresh | ladder.keeps_severity_when_delayed
    if not passed.granted:
        marks = ("unverified", *marks)
        state.note_unanswered(_unrepeated(facts, rungs, ladder)[1])
    match = Match(facts.sight.reading_id, facts.measured_ms, rungs)
    note_over(state, match, rungs & ~(passed.sure & full), facts.log_ms)
    return [
        Finding(
            "resolved-before-seen",
            rung,
            rung,
            max(ladder.rank(rung, 0), WORK_LIST_RANK),
            facts.sight.reading_id,
            facts.sight,
            facts.log_ms,
            marks,
            unanswered=not passed.granted,
        )
    ]
