"""A stored reading says something else now, or is another patient's: what that means to alerts.

Nobody is paged for it: it is hours or months old, and a thousand corrections are one mended line of
code. An open alert that rests on nothing else is retracted; one that still holds is told. What
matches now and did not before is work: one item of a patient's ladder a day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from alerts.engine.alone import true_rungs
from alerts.engine.findings import WORK_LIST_RANK, Finding
from alerts.engine.ladder_state import LadderState
from alerts.engine.ladders import Ladder, VitalLadders
from alerts.engine.plans import local_day
from alerts.engine.revise import Moved, revise
from alerts.engine.sight import Sight, value_text
from alerts.engine.state import PartitionState
from alerts.engine.transitions import transition
from schemas.alert import Event, Transition
from schemas.kafka import CorrectedReading, Corrections, Withdrawals, WithdrawnReading


@dataclass(frozen=True, slots=True)
class _Change:
    """One reading: as it was judged, and as it is now.

    ``now`` None: it is another patient's, or no measurement. ``revision`` tells several changes of
    one reading apart; 0 is its withdrawal.
    """

    was: Sight
    now: Sight | None
    revision: int
    said: str

    @property
    def told(self) -> Sight:
        """Give what an event shows: of what is not this patient's no value."""
        return self.now or msgspec.structs.replace(self.was, quantities={}, status=None)


def correct(state: PartitionState, record: Corrections | Withdrawals) -> Iterator[Transition]:
    """Take a record into the state, at the present log time; give what alerts are told."""
    row = state.rows.get(record.patient_id)
    if row is None:
        return
    for change in sorted(_changes(record), key=_order):
        for vital in state.rule_set.vitals:
            if vital.vital.name == change.was.vital:
                yield from _vital(state, row, vital, change)


def _changes(record: Corrections | Withdrawals) -> Iterator[_Change]:
    if isinstance(record, Withdrawals):
        for reading in record.readings:
            if reading.outcome == "measured":
                yield _Change(_sight(reading), None, 0, "the reading is another patient's")
        return
    for corrected in record.readings:
        now = _sight(corrected)
        was = msgspec.structs.replace(now, quantities=corrected.before)
        measured = now if corrected.outcome == "measured" else None
        yield _Change(was, measured, corrected.revision, _sentence(corrected))


def _order(change: _Change) -> tuple[int, str, int]:
    return change.was.measured_at_ms, change.was.reading_id, change.revision


def _vital(
    state: PartitionState, row: int, vital: VitalLadders, change: _Change
) -> Iterator[Transition]:
    if change.was.measured_at_ms == state.newest_ms[row, vital.index]:
        # It may have stood for "back within limits": nothing is resolved by it any more.
        state.clear[row, [ladder.index for ladder in vital.ladders]] = 0
    revision = revise(state, vital, row, change.was, change.now)
    for number, ladder in enumerate(vital.ladders):
        lost = [moved for moved in revision.lost if moved.place == number]
        gained = [moved for moved in revision.gained if moved.place == number]
        for found in _ladder(state, row, ladder, change, lost, gained):
            finding = replace(found, own=state.own(row, found.sight.measured_at_ms))
            told = transition(state.patients[row], ladder, finding, vital.gated)
            yield msgspec.structs.replace(told, reason=_reason(told, change))


def _ladder(  # noqa: PLR0913, PLR0917
    state: PartitionState,
    row: int,
    ladder: Ladder,
    change: _Change,
    lost: Sequence[Moved],
    gained: Sequence[Moved],
) -> Iterator[Finding]:
    in_force = int(state.in_force[row, ladder.index])
    own = state.own(row, change.was.measured_at_ms)
    true, decided = true_rungs(ladder, change.now, own) if change.now else (0, -1)
    key = (row, ladder.index)
    held = state.ladders.get(key)
    voice = None
    if held is not None:
        yield from _held(state, held, ladder, change, [*lost, _untrue(change, ~true & decided)])
        voice = ladder.voice(held.latched, held.lowered)
        state.put_ladder(key, held)
    judged = change.was.measured_at_ms >= state.from_ms[row]
    alone = true & ~true_rungs(ladder, change.was, own)[0] & in_force if judged else 0
    for rungs, sight in [(alone, change.told), *((one.rungs, one.sight) for one in gained)]:
        worst = ladder.voice(rungs, 0)
        if worst and (voice is None or worst[0] < voice[0]):
            yield Finding(
                "corrected-match",
                worst[1],
                worst[1],
                max(worst[0], WORK_LIST_RANK),
                local_day(state.plans.of(state.patients[row]), state.log_ms),
                sight,
                state.log_ms,
                scope=f"corrected/{ladder.name}",
                count=change.revision,
            )


def _untrue(change: _Change, rungs: int) -> Moved:
    return Moved(-1, rungs, change.was)


def _held(
    state: PartitionState,
    held: LadderState,
    ladder: Ladder,
    change: _Change,
    lost: Sequence[Moved],
) -> Iterator[Finding]:
    """Take the rungs that readings no longer satisfy from what rests on them."""
    before = ladder.voice(held.latched, held.lowered)
    was_held = (held.latched, held.lowered)
    rests = _rest(held, change, lost, ladder)
    after = ladder.voice(held.latched, held.lowered)
    if before is None or not rests:
        return
    event: Event = "corrected"
    if after is None:
        event = "retracted"
    elif after[0] > before[0]:
        event = "eased"
    rank, rung = after or before
    yield Finding(
        event,
        rung,
        before[1],
        rank,
        held.onset_reading_id,
        change.told,
        state.log_ms,
        count=change.revision,
        held=was_held,
    )


def _rest(held: LadderState, change: _Change, lost: Sequence[Moved], ladder: Ladder) -> bool:
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
    held.basis = [match for match in held.basis if match.rungs]
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


def _forget_waiting(held: LadderState, change: _Change, untrue: int) -> None:
    """Let nothing wait for a reading that no longer matches, and show what one says now."""
    reading_id, at_ms = change.was.reading_id, change.was.measured_at_ms
    for pending in held.pending:
        if pending.sight.reading_id == reading_id:
            pending.sight, pending.rungs = change.told, pending.rungs & ~untrue
    held.pending = [pending for pending in held.pending if pending.rungs]
    held.flagged = [
        (when_ms, rungs & ~untrue if when_ms == at_ms else rungs)
        for when_ms, rungs in held.flagged
        if when_ms != at_ms or rungs & ~untrue
    ]
    if held.awaiting is not None and held.awaiting.sight.reading_id == reading_id:
        held.awaiting.sight = change.told


def _sight(reading: CorrectedReading | WithdrawnReading) -> Sight:
    return Sight(
        reading.reading_id,
        reading.vital,
        reading.measured_at_ms,
        reading.time_quality,
        reading.quantities,
        reading.status,
    )


def _reason(told: Transition, change: _Change) -> str:
    if told.event == "corrected-match":
        return f"{told.reason}; {change.said}"
    if told.event == "retracted":
        return f"Retracted: {change.said}"
    if told.event == "eased":
        return f"{told.title} remains: {change.said}"
    return f"Corrected: {change.said}"


def _sentence(reading: CorrectedReading) -> str:
    """Say what the reading says now, and what it said when it was judged."""
    changes = [
        f"{name.replace('_', ' ')} {value_text(now)} (before: {value_text(before)})"
        for name, now in reading.quantities.items()
        if (before := reading.before.get(name)) is not None and before != now
    ]
    said = "; ".join(changes) or "its values are the same"
    if reading.outcome != "measured":
        said = "it is no measurement"
    return f"its device's bytes were misread: {said}"
