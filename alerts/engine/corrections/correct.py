"""A stored reading says something else now, or is another patient's: what that means to alerts.

Nobody is paged for what it says now: it is hours or months old, and a thousand corrections are one
mended line of code. An alert that rests on nothing else is retracted, also one that is over: who
was called for it is told. One that still holds is told. What matches now and did not before is
work: one item of a patient's ladder a day. Only what the reading had ended by mistake opens again,
and pages if that is not too long ago.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from alerts.engine.corrections.amendments import met_by, silent_in
from alerts.engine.corrections.reopening import Reopening, reopen
from alerts.engine.corrections.resting import rest, told_of, untrue, was_told
from alerts.engine.corrections.revise import Moved, Revision, revise
from alerts.engine.ladders.alone import Met, ended_rungs, true_rungs, untrue_rungs
from alerts.engine.ladders.findings import WORK_LIST_RANK, Finding, Own, Voice
from alerts.engine.ladders.ladder import Ladder, VitalLadders
from alerts.engine.readings.change import Change, changes
from alerts.engine.readings.sight import Sight
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import local_day
from alerts.engine.transitions.ladder_state import Ended, LadderState
from alerts.engine.transitions.transition import transition
from alerts.engine.windows.endings import Ending, endings
from schemas.alert import Event, Transition
from schemas.kafka import Corrections, Withdrawals

_Kept = tuple[Sequence[Ending], Sequence[Ending]]
"""The readings of a patient's ring before a change, and after it."""
_AGAIN: frozenset[Event] = frozenset({"reopened", "worsened", "wrongly-ended"})


def correct(state: PartitionState, record: Corrections | Withdrawals) -> Iterator[Transition]:
    """Take a record into the state, at the present log time; give what alerts are told."""
    row = state.rows.get(record.patient_id)
    if row is None:
        return
    for change in sorted(changes(record), key=_order):
        for vital in state.rule_set.vitals:
            if vital.vital.name == change.was.vital:
                silent = silent_in(state, vital, row, change.was.reading_id)
                yield from _vital(state, row, vital, change.by_a_device_that_is(silent))
                if isinstance(record, Withdrawals):
                    state.withdraw(row, vital.index, change.was.reading_id)


def _order(change: Change) -> tuple[int, str, int]:
    return change.was.measured_at_ms, change.was.reading_id, change.revision


def _vital(
    state: PartitionState, row: int, vital: VitalLadders, change: Change
) -> Iterator[Transition]:
    if change.was.measured_at_ms == state.newest_ms[row, vital.index]:
        # It may have stood for "back within limits": nothing is resolved by it any more.
        state.clear[row, [ladder.index for ladder in vital.ladders]] = 0
    ended = any(_ended(state, row, ladder) for ladder in vital.ladders)
    before = endings(state, vital, row) if ended else []
    met = met_by(state, vital, row, change.was.reading_id)
    revision = revise(state, vital, row, change.was, change.now)
    kept = endings(state, vital, row) if ended else []
    for number, ladder in enumerate(vital.ladders):
        one = _OfLadder(state, row, ladder, number, change, met)
        for found in one.findings(revision, (before, kept)):
            finding = msgspec.structs.replace(found, own=state.own(row, found.sight.measured_at_ms))
            anew = state.anew(row, found.sight.reading_id)
            told = transition(state.patients[row], ladder, finding, vital.gated, anew)
            yield msgspec.structs.replace(told, reason=_reason(told, change))


def _ended(state: PartitionState, row: int, ladder: Ladder) -> bool:
    held = state.ladders.get((row, ladder.index))
    return held is not None and bool(held.ended)


@dataclass(frozen=True, slots=True)
class _OfLadder:
    """A change, for one ladder of its patient; ``number``: the ladder's place in its vital.

    ``met``: what is known of the reading's circumstances.
    """

    state: PartitionState
    row: int
    ladder: Ladder
    number: int
    change: Change
    met: Met

    def findings(self, revision: Revision, kept: _Kept) -> Iterator[Finding]:
        """Move the ladder; tell what its alert is told, and what is work."""
        state, row, ladder, change = self.state, self.row, self.ladder, self.change
        own = state.own(row, change.was.measured_at_ms)
        true, left = 0, -1
        if change.now is not None:
            true = true_rungs(ladder, change.now, own, self.met)
            left = untrue_rungs(ladder, change.now, own)
        lost = [moved for moved in revision.lost if moved.place == self.number]
        lost.append(untrue(change, left))
        key = (row, ladder.index)
        held = state.ladders.get(key)
        voice = None
        if held is not None:
            yield from self._held(held, lost, self._reopening(own, kept))
            voice = ladder.voice(held.latched, held.lowered)
            state.put_ladder(key, held)
        new = true & ~true_rungs(ladder, change.was, own, self.met) & int(state.in_force[key])
        alone = new if change.was.measured_at_ms >= state.from_ms[row] else 0
        gained = [moved for moved in revision.gained if moved.place == self.number]
        for rungs, sight in self._matches(alone, gained):
            worst = ladder.voice(rungs, 0)
            if worst and (voice is None or worst[0] < voice[0]):
                yield self._match(worst, sight)

    def _matches(self, alone: int, gained: Sequence[Moved]) -> Iterator[tuple[int, Sight]]:
        """Give what readings match now: the changed one, with its windows, before others."""
        told = self.change.told
        windows = (moved.rungs for moved in gained if moved.sight.reading_id == told.reading_id)
        yield alone | next(windows, 0), told
        for moved in gained:
            if moved.sight.reading_id != told.reading_id:
                yield moved.rungs, moved.sight

    def _held(
        self, held: LadderState, lost: Sequence[Moved], reopening: Reopening
    ) -> Iterator[Finding]:
        """Take what readings no longer satisfy from what rests on them; let hold what is back."""
        was_held = held.latched, held.lowered
        rests = rest(held, self.change, lost, self.ladder)
        again = False
        for ended in held.ended:
            yield from self._over(ended, lost, told=was_told(ended, held, self.state.log_ms))
        for finding in reopen(held, reopening, was_held):
            again |= finding.event != "wrongly-ended"
            yield finding
        told = told_of(held, self.ladder, self.change, was_held, self.state.log_ms)
        if rests and told and not again:
            yield told

    def _over(self, ended: Ended, lost: Sequence[Moved], *, told: bool) -> Iterator[Finding]:
        """Take from what is over, too, what it rested on; of an alert of nothing else say so."""
        was_held, change = (ended.held.latched, ended.held.lowered), self.change
        rest(ended.held, change, lost, self.ladder)
        taken_back = told_of(ended.held, self.ladder, change, was_held, self.state.log_ms)
        if told and taken_back and not ended.held.latched:
            yield msgspec.structs.replace(taken_back, held=(0, 0))  # nothing held any more

    def _match(self, worst: Voice, sight: Sight) -> Finding:
        state = self.state
        return Finding(
            "corrected-match",
            worst[1],
            worst[1],
            max(worst[0], WORK_LIST_RANK),
            local_day(state.plans.of(state.patients[self.row]), state.log_ms),
            sight,
            state.log_ms,
            scope=f"corrected/{self.ladder.name}",
            count=self.change.revision,
        )

    def _reopening(self, own: Own, kept: _Kept) -> Reopening:
        state, row, ladder, change = self.state, self.row, self.ladder, self.change
        vital = next(item for item in state.rule_set.vitals if ladder in item.ladders)
        windowed = int(state.kinds[vital.index].windowed[self.number])
        return Reopening(
            ladder=ladder,
            place=self.number,
            reading_id=change.was.reading_id,
            still=ended_rungs(ladder, change.now, own, vital.gated, self.met) if change.now else 0,
            clear=int(state.clear[row, ladder.index]) & ~windowed,
            in_force=int(state.in_force[row, ladder.index]),
            windowed=windowed,
            newest_ms=int(state.newest_ms[row, vital.index]),
            log_ms=state.log_ms,
            occasion=change.occasion(state.turn(row, change.was.reading_id)),
            before=kept[0],
            kept=kept[1],
        )


def _reason(told: Transition, change: Change) -> str:
    """Say why; what holds again has said already what it is."""
    if told.event in _AGAIN and not change.revision:
        return f"{told.reason} is another patient's"
    if told.event in _AGAIN:
        return f"{told.reason} says otherwise now: {change.said}"
    if told.event == "corrected-match":
        return f"{told.reason}; {change.said}"
    if told.event == "retracted":
        return f"Retracted: {change.said}"
    if told.event == "eased":
        return f"{told.title} remains: {change.said}"
    return f"Corrected: {change.said}"
