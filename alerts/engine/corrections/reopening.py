"""A reading that had ended an alert is withdrawn or says otherwise now: what had held holds again.

As if the reading had never been there: unless another reading that is kept, newer than the last
match, meets the return condition. The last match is judged by its age at the present log time, as
an arrival would be: fresh, it holds as it did and its page still waits for a repeat if there is
time; delayed, one severity lower; what is stale is an item of the work list and holds no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from alerts.engine.ladders.findings import WORK_LIST_RANK, Finding
from alerts.engine.ladders.ladder import Ladder, bits
from alerts.engine.readings.sight import Sight
from alerts.engine.transitions.ended import KEPT_MS, join, part
from alerts.engine.transitions.judge import expire
from alerts.engine.transitions.ladder_state import Awaiting, Ended, LadderState, Pending
from alerts.engine.windows.endings import Ending
from schemas.alert import Event, Mark

DELAYED_MS_MAX = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Reopening:
    """A change of a reading, for one ladder of a patient.

    ``reading_id``: the reading; ``still``: rungs that it ends as it is now; ``clear``: those that
    the newest reading ends; ``windowed``: all that look at several readings; ``occasion`` names the
    change; ``before`` and ``kept``: the readings of the ring, ``place``: the ladder's among theirs.
    """

    ladder: Ladder
    place: int
    reading_id: str
    still: int
    clear: int
    in_force: int
    windowed: int
    newest_ms: int
    log_ms: int
    occasion: str
    before: Sequence[Ending]
    kept: Sequence[Ending]


def reopen(held: LadderState, change: Reopening, was_held: tuple[int, int]) -> Iterator[Finding]:
    """Let rungs hold again, or say that they were ended by mistake.

    ``was_held``: the rungs that held before the change. What ``held.ended`` rests on is left. Rungs
    that hold anyway, by another alert, rest on all of it from now on: nothing is said of them.
    """
    for ended in held.ended:  # the oldest first: those after it join it
        left = held.latched
        if change.log_ms - ended.at_ms <= KEPT_MS:
            yield from _reopen(held, ended, change, was_held)
        if held.latched != left:
            was_held = held.latched, held.lowered
    held.forget_ended()


def _reopen(
    held: LadderState, ended: Ended, change: Reopening, was_held: tuple[int, int]
) -> Iterator[Finding]:
    rungs, unheard = _wrong(ended, change)
    if unheard:
        yield from _wrongly_ended(held, ended.held, unheard, change)
        ended.held.awaiting = None
    rungs &= change.in_force
    if not rungs:
        return
    back, waiting = part(ended.held, rungs), ended.held.pending
    ended.held.drop(rungs)
    fresh, delayed = _ages(back, change)
    fresh |= rungs & held.latched
    stale = rungs & ~(fresh | delayed)
    if stale:
        yield from _wrongly_ended(held, back, stale, change)
    if waiting and fresh | delayed:
        yield from _ask_again(held, waiting[0], fresh | delayed, change)
    elif fresh | delayed:
        yield from _hold_again(held, back, (fresh, delayed), change, was_held)


def _wrong(ended: Ended, change: Reopening) -> tuple[int, int]:
    """Give the rungs that no reading ends which is left; note which one ends the others.

    And those that one ends too late to stand for a repeat: somebody should have been paged.
    """
    wrong, unheard, known = 0, 0, {one.sight.reading_id for one in change.kept}
    for rung in bits(ended.held.latched):
        ender = ended.enders[rung][0]
        gone = ender == change.reading_id or (not ender and _ended_by(rung, ended, change))
        asked = gone or (  # of a mean only what the newest reading says is known
            ender in known
            and change.windowed >> rung & 1
            and any(_ends(one, rung, ended, change) for one in change.before)
        )
        if not asked:
            continue
        instead = next((one for one in change.kept if _ends(one, rung, ended, change)), None)
        if instead is not None and not ender:
            continue
        if instead is not None:
            ended.enders[rung] = instead.sight.reading_id, instead.sight.measured_at_ms
            unheard |= _unheard(ended, rung, instead.sight)
        elif not (change.still | change.clear) >> rung & 1:
            wrong |= 1 << rung
    return wrong, unheard


def _ended_by(rung: int, ended: Ended, change: Reopening) -> bool:
    """Tell whether the reading, as it was, ended a rung."""
    was = (one for one in change.before if one.sight.reading_id == change.reading_id)
    return any(_ends(one, rung, ended, change) for one in was)


def _unheard(ended: Ended, rung: int, instead: Sight) -> int:
    waited = ended.held.awaiting
    if waited is None or not waited.rungs >> rung & 1:
        return 0
    late = instead.measured_at_ms - waited.sight.measured_at_ms > waited.within_ms
    return late << rung


def _ends(one: Ending, rung: int, ended: Ended, change: Reopening) -> bool:
    """Tell whether a reading ends a rung; what is critical in full only by a time that is sure."""
    newer = one.sight.measured_at_ms > ended.held.last_match_ms
    critical = change.ladder.critical & ~ended.held.lowered & 1 << rung
    return newer and (one.sure or not critical) and bool(one.rungs[change.place] >> rung & 1)


def _ages(back: LadderState, change: Reopening) -> tuple[int, int]:
    """Give the rungs whose last match is fresh, and those of which it is delayed."""
    fresh, delayed = 0, 0
    for rung in bits(back.latched):
        last_ms = _last(back, rung)[1]
        age_ms = change.log_ms - last_ms
        if age_ms <= change.ladder.rungs[rung].fresh_ms:
            fresh |= 1 << rung
        elif age_ms <= DELAYED_MS_MAX and change.newest_ms <= last_ms:
            delayed |= 1 << rung
    return fresh, delayed


def _last(held: LadderState, rung: int) -> tuple[str, int]:
    """Name the last match of a rung, and its time."""
    for match in reversed(held.basis):
        if match.rungs >> rung & 1:
            return match.reading_id, match.measured_ms
    return held.onset_reading_id, held.last_match_ms


def _sight(held: LadderState, rung: int, change: Reopening) -> Sight:
    """Describe the last match of a rung, while it is known in full."""
    reading_id, measured_ms = _last(held, rung)
    if held.awaiting is not None and held.awaiting.sight.reading_id == reading_id:
        return held.awaiting.sight
    for one in change.kept:
        if one.sight.reading_id == reading_id:
            return one.sight
    return Sight(reading_id, change.ladder.vital, measured_ms, "receipt", {})


def _ask_again(
    held: LadderState, asked: Pending, rungs: int, change: Reopening
) -> Iterator[Finding]:
    """Let a flagged match wait on for its repeat; if its time is over, it opens unverified."""
    within_ms = asked.repeat_within_ms
    asked = Pending(asked.sight, rungs, asked.deadline_ms, within_ms, asked.delayed)
    if asked.deadline_ms >= change.log_ms:
        held.pending = [*held.pending, asked]
        return
    finding = expire(held, asked, change.ladder, change.clear)
    if finding is not None and finding.event != "resolved-before-seen":
        event: Event = "reopened" if finding.event == "onset" else finding.event
        yield replace(finding, event=event, at_ms=change.log_ms, occasion=change.occasion)


def _hold_again(
    held: LadderState,
    back: LadderState,
    ages: tuple[int, int],
    change: Reopening,
    was_held: tuple[int, int],
) -> Iterator[Finding]:
    fresh, delayed = ages
    ladder = change.ladder
    before = ladder.voice(*was_held)
    again = part(back, fresh | delayed)
    again.lowered |= delayed & ~ladder.keeps_severity_when_delayed
    if before is None:
        held.onset_reading_id = back.onset_reading_id
    waits = held.awaiting
    join(held, again)
    held.awaiting = waits
    after = ladder.voice(held.latched, held.lowered)
    assert after is not None, "something holds again"
    if before is not None and after[0] >= before[0]:
        return
    cause = ladder.speaking(again.latched, held.lowered)
    assert cause is not None, "something holds again"
    marks: tuple[Mark, ...] = ("delayed",) if delayed >> cause & 1 else ()
    held.awaiting = _waits_on(held, back.awaiting, change) if before is None else None
    if held.awaiting is not None:
        marks = (*marks, "awaiting-confirmation")
    yield Finding(
        "reopened" if before is None else "worsened",
        after[1],
        cause,
        after[0],
        held.onset_reading_id,
        _sight(back, cause, change),
        change.log_ms,
        marks,
        occasion=change.occasion,
        held=was_held,
        deadline_ms=held.awaiting.deadline_ms if held.awaiting else None,
    )


def _waits_on(held: LadderState, awaiting: Awaiting | None, change: Reopening) -> Awaiting | None:
    """Give the wait that goes on: its time is not over, and nothing else speaks."""
    if awaiting is None or awaiting.deadline_ms < change.log_ms:
        return None
    awaiting.rungs &= held.latched
    speakers = change.ladder.speakers(held.latched, held.lowered)
    return awaiting if awaiting.rungs and not speakers & ~awaiting.rungs else None


def _wrongly_ended(
    held: LadderState, back: LadderState, rungs: int, change: Reopening
) -> Iterator[Finding]:
    """Tell of what is too old to open, or over by now, if nothing as severe holds."""
    ladder = change.ladder
    voice, open_ = ladder.voice(rungs, back.lowered), ladder.voice(held.latched, held.lowered)
    assert voice is not None, "something was ended"
    if open_ is not None and open_[0] <= voice[0]:
        return
    yield Finding(
        "wrongly-ended",
        voice[1],
        voice[1],
        max(voice[0], WORK_LIST_RANK),
        back.onset_reading_id,
        _sight(back, voice[1], change),
        change.log_ms,
        scope=f"wrongly-ended/{ladder.name}",
        occasion=change.occasion,
    )
