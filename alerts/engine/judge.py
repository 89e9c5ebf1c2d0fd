"""One reading against one ladder: the semantics of single readings, in one place.

Rungs latch when they match and let go when their widened condition is definitely false. The worst
latched rung speaks for the ladder; what it says before and after is the event.
"""

from dataclasses import dataclass

from alerts.engine.ladder_state import LadderState, Pending
from alerts.engine.ladders import Ladder, bits
from alerts.engine.sight import Sight
from schemas.alert import SEVERITIES, Event, Mark

FLAGGED_WINDOW_MS = 72 * 3_600_000
FLAGGED_MATCHES = 3
FLAGGED_KEPT_MAX = 16

WORK_LIST_RANK = SEVERITIES.index("medium")
"""What is over before anybody saw it is due by the end of the shift, however bad it was."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A reading that is not stale, as the arrays saw it; the first four are sets of rungs.

    ``matched``: in force and definitely true; ``denied``: definitely false; ``returned``: widened
    condition definitely false; ``fresh``: young enough by the rung's book, else delayed.
    ``older``: than the newest judged reading of its vital, of which ``newest_clear`` tells whether
    it met every return condition. ``uncensored``: no HI or LO. ``device_clock``: the session read
    the device's clock.
    """

    matched: int
    denied: int
    returned: int
    fresh: int
    flagged: bool
    uncensored: bool
    device_clock: bool
    older: bool
    newest_clear: bool
    measured_ms: int
    log_ms: int
    sight: Sight


@dataclass(frozen=True, slots=True)
class Finding:
    """A change worth a record.

    ``speaking`` is the rung that speaks for the ladder; ``cause`` the rung that the reading
    matched, or that is over; ``origin`` the reading with which the alert began. For ``stale``,
    ``scope`` and ``origin`` name the vital and the day, and ``count`` the readings so far; for
    ``corrected``, ``count`` is the reading's revision.
    """

    event: Event
    speaking: int
    cause: int
    rank: int
    origin: str
    sight: Sight
    at_ms: int
    marks: tuple[Mark, ...] = ()
    scope: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Gate:
    """What the quality gate lets through.

    ``granted``: rungs that hold; ``sure``: those that need no repeat; ``asked``: those that wait
    for one; ``began``: the reading with which the condition began.
    """

    granted: int
    sure: int
    asked: int
    began: str


def judge(state: LadderState, facts: Facts, ladder: Ladder) -> list[Finding]:
    """Move the state by one reading; give what changed."""
    gate = _gate(state, facts)
    if facts.older and facts.newest_clear and not state.latched:
        return _resolved(facts, gate, ladder)
    before = _voice(state, ladder)
    returned = _returned(state, facts, ladder)
    _latch(state, gate.granted, gate.sure & (facts.fresh | ladder.keeps_severity_when_delayed))
    state.latched &= ~returned
    state.lowered &= state.latched
    if facts.matched:
        state.last_match_ms = max(state.last_match_ms, facts.measured_ms)
    if before is None and state.latched:
        state.onset_reading_id = gate.began
    findings = _change(before, state, facts, gate, ladder)
    if gate.asked:
        findings.append(_ask(state, facts, gate.asked, ladder))
    return findings


def expire(
    state: LadderState, pending: Pending, ladder: Ladder, *, resolved: bool
) -> Finding | None:
    """Open what no repeat answered in time, one severity lower.

    ``resolved``: a newer reading has met every return condition meanwhile.
    """
    before = _voice(state, ladder)
    rung = ladder.speaking(pending.rungs)
    assert rung is not None, "a pending match has rungs"
    marks: tuple[Mark, ...] = ("unverified", "flagged", *_delayed_mark(pending.delayed))
    reading_id = pending.sight.reading_id
    if resolved and before is None:
        return Finding(
            "resolved-before-seen",
            rung,
            rung,
            max(ladder.rank(rung, pending.rungs), WORK_LIST_RANK),
            reading_id,
            pending.sight,
            pending.deadline_ms,
            marks,
        )
    _latch(state, pending.rungs, 0)
    state.last_match_ms = max(state.last_match_ms, pending.sight.measured_at_ms)
    after = _voice(state, ladder)
    assert after is not None, "something has just latched"
    if before is not None and after[0] >= before[0]:
        return None
    if before is None:
        state.onset_reading_id = reading_id
    event: Event = "onset" if before is None else "worsened"
    return Finding(
        event,
        after[1],
        rung,
        after[0],
        state.onset_reading_id,
        pending.sight,
        pending.deadline_ms,
        marks,
    )


def _voice(state: LadderState, ladder: Ladder) -> tuple[int, int] | None:
    """Give the rank and the rung that speaks; None while nothing holds."""
    rung = ladder.speaking(state.latched, state.lowered)
    return None if rung is None else (ladder.rank(rung, state.lowered), rung)


def _latch(state: LadderState, rungs: int, full: int) -> None:
    """Let rungs hold: at full severity if in ``full``, else one lower unless they held already."""
    newly = rungs & ~state.latched
    state.lowered = (state.lowered | newly) & ~(rungs & full)
    state.latched |= rungs


def _gate(state: LadderState, facts: Facts) -> _Gate:
    confirmed, began = _answer_pending(state, facts)
    if not facts.flagged:
        return _Gate(facts.matched, facts.matched, 0, began)
    confirmed |= _confirmed_by_number(state, facts)
    granted = facts.matched & (confirmed | state.latched)
    asked = facts.matched & ~confirmed & ~(state.latched & ~state.lowered)
    return _Gate(granted, confirmed, asked, began)


def _answer_pending(state: LadderState, facts: Facts) -> tuple[int, str]:
    """Let a repeat confirm or deny what waits; give the rungs confirmed and where they began."""
    confirmed, began = 0, facts.sight.reading_id
    for pending in state.pending:
        waited_ms = facts.measured_ms - pending.sight.measured_at_ms
        if not 0 < waited_ms <= pending.repeat_within_ms:
            continue
        if pending.rungs & facts.matched and not confirmed:
            began = pending.sight.reading_id
        confirmed |= pending.rungs & facts.matched
        pending.rungs &= ~(facts.matched | facts.denied)
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
    before: tuple[int, int] | None,
    state: LadderState,
    facts: Facts,
    gate: _Gate,
    ladder: Ladder,
) -> list[Finding]:
    after = _voice(state, ladder)
    event: Event
    if before is None:
        if after is None:
            return []
        event = "onset"
    elif after is None:
        event = "returned"
    elif after[0] != before[0]:
        event = "worsened" if after[0] < before[0] else "eased"
    elif gate.granted:
        event = "again"
    else:
        return []
    rank, speaking = after or before or (0, 0)
    cause = ladder.speaking(gate.granted, state.lowered)
    explained = before[1] if before and (cause is None or event == "eased") else cause
    assert explained is not None, "an alert begins with a match"
    return [
        Finding(
            event,
            speaking,
            explained,
            rank,
            state.onset_reading_id,
            facts.sight,
            facts.log_ms,
            _marks(facts, cause),
        )
    ]


def _marks(facts: Facts, cause: int | None) -> tuple[Mark, ...]:
    """Say what weakens a match; what ends an alert is never weak."""
    if cause is None:
        return ()
    flagged: tuple[Mark, ...] = ("flagged",) if facts.flagged else ()
    return (*flagged, *_delayed_mark(not facts.fresh >> cause & 1))


def _delayed_mark(delayed: bool) -> tuple[Mark, ...]:  # noqa: FBT001 - a mark or none
    return ("delayed",) if delayed else ()


def _ask(state: LadderState, facts: Facts, asked: int, ladder: Ladder) -> Finding:
    """Wait for a repeat; give the task to ask for one."""
    rung = ladder.speaking(asked)
    assert rung is not None, "something is asked"
    delayed = not facts.fresh >> rung & 1
    deadline_ms = max(facts.measured_ms + ladder.repeat_within_ms, facts.log_ms)
    state.pending = [
        *state.pending,
        Pending(facts.sight, asked, deadline_ms, ladder.repeat_within_ms, delayed),
    ]
    return Finding(
        "repeat-asked",
        rung,
        rung,
        ladder.rank(rung, 0),
        facts.sight.reading_id,
        facts.sight,
        facts.log_ms,
        ("flagged", *_delayed_mark(delayed)),
    )


def _resolved(facts: Facts, gate: _Gate, ladder: Ladder) -> list[Finding]:
    """A late match that a newer reading has already contradicted: work list, no page."""
    rung = ladder.speaking(gate.granted)
    if rung is None:
        return []
    reading_id = facts.sight.reading_id
    rank = max(ladder.rank(rung, 0), WORK_LIST_RANK)
    marks = _marks(facts, rung)
    return [
        Finding(
            "resolved-before-seen", rung, rung, rank, reading_id, facts.sight, facts.log_ms, marks
        )
    ]
