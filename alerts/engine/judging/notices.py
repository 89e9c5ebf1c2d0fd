"""Work that a date brings, and no reading: a personal limit ends soon, a baseline stayed empty.

A date fires before the first record stamped later, like every timer and in one order with them,
and in a part of the step of its own: so what it says does not depend on how the log was cut. A date
that is over when a plan brings it fires then; what was told of a limit is kept with the patient, so
each end is told once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import numpy as np

from alerts.engine.ladders import limits
from alerts.engine.ladders.findings import WORK_LIST_RANK, Finding
from alerts.engine.ladders.kinds import Placed
from alerts.engine.ladders.ladder import Ladder, Rung, VitalLadders
from alerts.engine.ladders.personal import Personal
from alerts.engine.readings.sight import Sight
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.transitions.found import Found
from alerts.engine.transitions.ladder_state import LONG_AGO_MS
from alerts.engine.transitions.transition import transition
from alerts.engine.windows.baselines import Baselines
from alerts.rules.condition import Limit
from schemas.alert import Event, Transition

Told = tuple[int, Transition]
"""Row of the patient, and what is told."""

DAY_MS = 24 * 3_600_000
BEFORE_MS = 7 * DAY_MS
"""So long before it ends a personal limit is announced."""
_LIMITS, _BASELINES = 0, 1
_BEFORE_LADDERS = -1


def expect_limits(state: PartitionState, row: int, since_ms: int = LONG_AGO_MS) -> None:
    """Wait for the next announcement, from ``since_ms`` on, of a limit that ends.

    By default also for one whose date is over, if its end is not and nobody was told: the plan came
    late, or the patient, or the rule that compares with it.
    """
    dates = (
        _announced_ms(limit)
        for limit in state.limits.get(row, ())
        if limit.until_ms > state.log_ms and _key(limit) not in state.announced.get(row, {})
    )
    state.notices.set((row, _LIMITS), min((at for at in dates if at >= since_ms), default=None))


def expect_baselines(state: PartitionState, row: int, seen_ms: int, *, anew: bool) -> None:
    """Look at a patient's baselines once they should be known, when a day of UTC is over.

    ``seen_ms``: when the first reading of the vital came; its meter may have older ones to send.
    ``anew``: the plan has changed, a date that was set before counts no more. Nor does one that is
    over: the plan was known before the patient, and nothing had come by which to tell.
    """
    key = (row, _BASELINES)
    expected_ms = state.notices.when(key)
    if not anew and expected_ms is not None and expected_ms >= seen_ms:
        return
    dates = (_known_ms(state, row, vital, seen_ms) for vital, _ in _rises(state, row))
    state.notices.set(key, min(dates, default=None))


def notify(state: PartitionState, until_ms: int) -> list[Found]:
    """Say what became due before ``until_ms``; its place is among the timers of the record then."""
    told = sorted(_due(state, until_ms), key=lambda told: told[1].at_ms)
    return [
        Found((0, 0, transition.at_ms, transition.patient_id, _BEFORE_LADDERS), row, transition)
        for row, transition in told
    ]


def _due(state: PartitionState, until_ms: int) -> Iterator[Told]:
    for row, number in state.notices.before(until_ms):
        at_ms = state.notices.when((row, number)) or 0
        state.notices.set((row, number), None)
        if number == _LIMITS:
            for limit in _ending(state, row, until_ms):
                yield from _expiring(state, row, limit)
            expect_limits(state, row, until_ms)
        else:
            for vital, one in list(_rises(state, row)):
                if _known_ms(state, row, vital, 0) <= at_ms:
                    yield from _inactive(state, row, vital, one, at_ms)


def _known_ms(state: PartitionState, row: int, vital: VitalLadders, seen_ms: int) -> int:
    """Give the last instant of the day by which a baseline has come, if it comes.

    The day after it ended, or that on which the first reading came: whoever asks again later on
    that day, after a restart, is told the same.
    """
    end_ms = int(state.baseline_ms[row, vital.index, 1])
    return max((end_ms // DAY_MS + 2) * DAY_MS, (seen_ms // DAY_MS + 1) * DAY_MS) - 1


def _announced_ms(limit: Personal) -> int:
    return max(limit.until_ms - BEFORE_MS, limit.written.entered_at_ms)


def _key(limit: Personal) -> str:
    return f"{limit.name}/{limit.until_ms}/{_announced_ms(limit)}"


def _ending(state: PartitionState, row: int, until_ms: int) -> list[Personal]:
    """Give the limits to announce, by date: of two that end together the one that counts.

    Of one that had ended before anybody here could tell, nothing: there is no end to prepare for.
    """
    told = state.announced.get(row, {})
    now_ms = max(state.log_ms, until_ms)
    ends = {
        (_announced_ms(one), one.name, one.until_ms): one
        for one in state.limits.get(row, ())
        if _announced_ms(one) < until_ms
        and _key(one) not in told
        and (one.until_ms > now_ms or LONG_AGO_MS < state.log_ms <= _announced_ms(one))
    }
    return sorted(ends.values(), key=_announced_ms)


def _rises(state: PartitionState, row: int) -> Iterator[tuple[VitalLadders, Placed]]:
    """Give the rules in force that need a baseline, of which nobody was told that it is missing."""
    for vital, one, index in state.rises:
        if state.in_force.item(row, index) & ~state.inactive.item(row, index) & one.bit:
            yield vital, one


def _inactive(
    state: PartitionState, row: int, vital: VitalLadders, one: Placed, at_ms: int
) -> Iterator[Told]:
    baseline = one.rung.rule.baseline
    assert baseline is not None, "a rise is over one"
    memory, rows = state.memories[vital.index], np.array([row])
    if memory.slot_of[row] < 0:
        return
    slot = memory.slots(rows)
    Baselines(state, vital, memory).renew(rows, slot)
    places = {place for test in _comparisons(one.rung) for place, _ in test.terms}
    count = min(int(memory.table["baseline_count"][slot[0], place]) for place in places)
    if count >= baseline.readings:
        return
    ladder = vital.ladders[one.place]
    state.inactive[row, ladder.index] |= one.bit
    said = (
        f"{one.rung.rule.title} is not judged: it compares with {baseline.readings} readings of the"
        f" {baseline.days} days before the {baseline.before} began, and {count} are known"
    )
    rung = one.bit.bit_length() - 1
    finding = _finding("inactive", rung, ladder, at_ms, one.rung.key)
    yield row, _told(state, row, ladder, finding, said)


def _expiring(state: PartitionState, row: int, limit: Personal) -> Iterator[Told]:
    """Announce the end of a limit at the first rule in force that compares with it."""
    for ladder in state.rule_set.ladders:
        in_force = int(state.in_force[row, ladder.index])
        for place, rung in enumerate(ladder.rungs):
            if not in_force >> place & 1 or limit.name not in rung.rule.settings:
                continue
            zone = state.plans.of(state.patients[row]).zone(limit.until_ms)
            ends = datetime.fromtimestamp(limit.until_ms / 1000, UTC).astimezone(zone)
            test = next(one for one in _comparisons(rung) if one.setting == limit.name)
            first, *others = limit.written.values
            amounts = " ".join([first, *(f"(or {other})" for other in others)])
            said = (
                f"The patient's own limit of {amounts} for {limit.name.replace('-', ' ')}, set by"
                f" {limit.written.author}, ends on {ends:%Y-%m-%d %H:%M}, the patient's time; then"
                f" the book's {limits.limit_text(test, {}, '')} holds again"
            )
            scope, announced_ms = f"{limit.name}/{limit.until_ms}", _announced_ms(limit)
            at_ms = max(announced_ms, state.log_ms)
            finding = _finding("limit-expiring", place, ladder, at_ms, scope)
            own = msgspec.structs.replace(
                finding, origin=str(announced_ms), own={limit.name: limit.written}
            )
            state.note_announced(row, _key(limit), limit.until_ms)
            yield row, _told(state, row, ladder, own, said)
            return


def _comparisons(rung: Rung) -> list[Limit]:
    return [test for test in rung.rule.condition.tests() if isinstance(test, Limit)]


def _finding(event: Event, rung: int, ladder: Ladder, at_ms: int, scope: str) -> Finding:
    sight = Sight("", ladder.vital, at_ms, "receipt", {})
    return Finding(event, rung, rung, WORK_LIST_RANK, str(at_ms), sight, at_ms, scope=scope)


def _told(
    state: PartitionState, row: int, ladder: Ladder, finding: Finding, said: str
) -> Transition:
    vital = next(item for item in state.rule_set.vitals if ladder in item.ladders)
    told = transition(state.patients[row], ladder, finding, vital.gated)
    return msgspec.structs.replace(told, reason=said)
