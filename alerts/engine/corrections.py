"""A stored reading says something else now, or is another patient's: what that means to alerts.

Nobody is paged for it: it is hours or months old, and a thousand corrections are one mended line of
code. An open alert that rests on nothing else is retracted; one that still holds is told. What
matches now and did not before is work: one item of a patient's ladder a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from alerts.engine.alone import true_rungs
from alerts.engine.findings import WORK_LIST_RANK, Finding
from alerts.engine.ladder_state import LadderState
from alerts.engine.ladders import Ladder, VitalLadders
from alerts.engine.plans import local_day
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
    for ladder in vital.ladders:
        for found in _ladder(state, row, ladder, change):
            finding = replace(found, own=state.own(row, change.was.measured_at_ms))
            told = transition(state.patients[row], ladder, finding, vital.gated)
            yield msgspec.structs.replace(told, reason=_reason(told, change))


def _ladder(state: PartitionState, row: int, ladder: Ladder, change: _Change) -> Iterator[Finding]:
    in_force = int(state.in_force[row, ladder.index])
    own = state.own(row, change.was.measured_at_ms)
    true, decided = true_rungs(ladder, change.now, own) if change.now else (0, -1)
    key = (row, ladder.index)
    held = state.ladders.get(key)
    voice = None
    if held is not None:
        yield from _held(state, held, ladder, change, ~true & decided)
        voice = ladder.voice(held.latched, held.lowered)
        state.put_ladder(key, held)
    judged = change.was.measured_at_ms >= state.from_ms[row]
    gained = true & ~true_rungs(ladder, change.was, own)[0] & in_force if judged else 0
    worst = ladder.voice(gained, 0)
    if worst and (voice is None or worst[0] < voice[0]):
        yield Finding(
            "corrected-match",
            worst[1],
            worst[1],
            max(worst[0], WORK_LIST_RANK),
            local_day(state.plans.of(state.patients[row]), state.log_ms),
            change.told,
            state.log_ms,
            scope=f"corrected/{ladder.name}",
            count=change.revision,
        )


def _held(
    state: PartitionState, held: LadderState, ladder: Ladder, change: _Change, untrue: int
) -> Iterator[Finding]:
    """Take the rungs that a reading no longer satisfies from what rests on it."""
    before = ladder.voice(held.latched, held.lowered)
    was_held = (held.latched, held.lowered)
    rests = _revise(held, change, untrue)
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


def _revise(held: LadderState, change: _Change, untrue: int) -> bool:
    """Move what is remembered of a ladder; tell whether any of it rests on the reading."""
    reading_id, at_ms = change.was.reading_id, change.was.measured_at_ms
    rests = held.latched != 0 and reading_id == held.onset_reading_id
    for match in held.basis:
        if match.reading_id == reading_id:
            rests, match.rungs = True, match.rungs & ~untrue
    held.basis = [match for match in held.basis if match.rungs]
    for pending in held.pending:
        if pending.sight.reading_id == reading_id:
            pending.sight, pending.rungs = change.told, pending.rungs & ~untrue
    held.pending = [pending for pending in held.pending if pending.rungs]
    held.flagged = [
        (when_ms, rungs & ~untrue if when_ms == at_ms else rungs)
        for when_ms, rungs in held.flagged
        if when_ms != at_ms or rungs & ~untrue
    ]
    supported = held.older
    for match in held.basis:
        supported |= match.rungs
    held.let_go(held.latched & ~supported)
    if rests and held.last_match_ms == at_ms and untrue:
        held.last_match_ms = max((match.measured_ms for match in held.basis), default=at_ms)
    if held.awaiting is not None:
        held.awaiting.rungs &= held.latched
        if held.awaiting.sight.reading_id == reading_id:
            held.awaiting.sight = change.told
        if not held.awaiting.rungs:
            held.awaiting = None
    return rests


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
