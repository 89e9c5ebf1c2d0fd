"""Which rungs the kept readings of a patient end: what has gone is asked of what is left."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alerts.engine.ladders.kinds import Placed
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Booleans, Integers
from alerts.engine.readings.sight import Sight
from alerts.engine.state import day_sums
from alerts.engine.state.day_sums import Added
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import (
    came_late,
    sight_of_entry,
    tenths_of,
    values_of_entries,
)
from alerts.engine.windows import holding
from alerts.engine.windows.baselines import Baselines, enough


@dataclass(frozen=True, slots=True)
class Ending:
    """A kept reading, and of each ladder of its vital the rungs whose return condition it meets.

    ``sure``: its time is the device's own. Means are asked at the newest reading alone.
    """

    sight: Sight
    rungs: list[int]
    sure: bool


def endings(state: PartitionState, vital: VitalLadders, row: int) -> list[Ending]:
    """Ask the readings of a ring, oldest first; what came late, or holds HI or LO, ends nothing."""
    memory, kinds = state.memories[vital.index], state.kinds[vital.index]
    slot = int(memory.slot_of[row])
    if slot < 0 or not len(ring := memory.ring(slot)):
        return []
    rows, slots = np.full(len(ring), row), np.full(len(ring), slot)
    chosen = state.chosen(kinds.settings, rows, ring["at_ms"])
    values = values_of_entries(ring, kinds, chosen)
    over = np.zeros((len(ring), len(vital.ladders)), np.int64)

    def note(one: Placed, ends: Booleans) -> None:
        over[:, one.place] |= ends * np.int64(one.bit)

    for one in kinds.single:
        note(one, one.rung.rule.condition.truth(values, widened=True).false)
    if kinds.rises:
        baselines = Baselines(state, vital, memory)
        baselines.renew(rows[:1], slots[:1])
        nothing = np.zeros(len(ring), np.bool_)
        tenths, known = tenths_of(values, vital.vital), ~np.isnan(values.number)
        added = Added(np.zeros(len(ring), np.int64), nothing, nothing, tenths, known)
        sums = baselines.sums(values, added, np.arange(len(ring)), (slots, ring["at_ms"]))
        for one, baseline in kinds.rises:
            note(one, one.rung.rule.condition.truth(enough(sums, baseline), widened=True).false)
    back = np.arange(len(ring))[:, None] - np.arange(len(ring))
    rings = holding.rings(state, kinds, rows, ring[back], back >= 0)
    for one, window in kinds.counted:
        note(one, holding.relaxed(one.rung.rule.condition, window, rings))
    for one, ends in _means(state, vital, row, ring["at_ms"][-1:]):
        over[-1, one.place] |= one.bit if ends else 0
    over[(values.beyond != 0).any(axis=1) | came_late(ring)] = 0
    return [
        Ending(sight, rungs, sight.time_quality == "device-clock")
        for sight, rungs in zip(
            (sight_of_entry(entry, vital.vital, kinds) for entry in ring.tolist()),
            over.tolist(),
            strict=True,
        )
    ]


def _means(
    state: PartitionState, vital: VitalLadders, row: int, at_ms: Integers
) -> Iterator[tuple[Placed, bool]]:
    """Ask the means that end at a reading; of too few readings none ends."""
    memory, kinds = state.memories[vital.index], state.kinds[vital.index]
    rows = np.array([row])
    slot = memory.slots(rows)
    ends = day_sums.Ends(
        days=memory.days(slot),
        day=state.local_days(rows, at_ms),
        from_day=state.from_day[rows],
        forgotten=memory.table["forgotten_day"][slot].astype(np.int64) - 1,
    )
    values = values_of_entries(memory.last(slot, 1)[0][:, 0], kinds)
    for one, mean in kinds.means:
        window = day_sums.window(ends, mean.days)
        some, sums = holding.averages(mean, window, values, np.zeros(1, np.int64))
        back = one.rung.rule.condition.truth(sums, widened=True).false
        yield one, bool(len(some) and back[0] and not window.beyond[0])
