"""Sums over what was measured before a therapy or a care plan began.

A baseline is fed as readings arrive. If its time changes, or a plan names one afterwards, it is
filled from the readings that the ring still keeps. What was measured before all of a full ring is
no part of it then, and never will be: nobody could tell whether it counted once it is corrected.
"""

from dataclasses import replace

import numpy as np

from alerts.engine.ladders.kinds import Kinds
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Columns, Integers
from alerts.engine.state.day_sums import Added
from alerts.engine.state.memory import RING_MAX, Memory
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import tenths_of, values_of_entries
from alerts.rules.book import Baseline
from alerts.rules.values import Sums, Values

_COUNT_MAX = 255


class Baselines:
    """The baselines of one vital, if rules compare with one."""

    def __init__(self, state: PartitionState, vital: VitalLadders, memory: Memory) -> None:
        """Look at the state; nothing is copied."""
        self._state, self._vital, self._memory = state, vital, memory
        self._kinds: Kinds = state.kinds[vital.index]

    def renew(self, row: Integers, slot: Integers) -> None:
        """Fill anew where the time of the baseline is another one than it was fed for."""
        if self._kinds.baseline is None:
            return
        until_ms = self._state.baseline_ms[row, self._vital.index, 1]
        table = self._memory.table
        other = table["baseline_until_ms"][slot] != until_ms
        bare = other & (table["ring_count"][slot] == 0)  # as each patient's slot is at first
        table["baseline_until_ms"][slot[bare]] = until_ms[bare]
        table["baseline_total"][slot[bare]] = 0
        table["baseline_count"][slot[bare]] = 0
        other &= ~bare
        for place in np.flatnonzero(other).tolist():
            self._fill(int(row[place]), int(slot[place]))

    def moved_by(self, row: int, slot: int, at_ms: Integers) -> bool:
        """Tell whether readings of these times may change a patient's baseline."""
        if self._kinds.baseline is None:
            return False
        since_ms, until_ms = self._state.baseline_ms[row, self._vital.index].tolist()
        other = int(self._memory.table["baseline_until_ms"][slot]) != until_ms
        return other or bool(((at_ms >= since_ms) & (at_ms < until_ms)).any())

    def _fill(self, row: int, slot: int) -> None:
        table, ring = self._memory.table, self._memory.ring(slot)
        if len(ring) == RING_MAX:
            self._state.fill_from(row, {self._vital.vital.name: int(ring["at_ms"][0])})
        since_ms, until_ms = self._state.baseline_ms[row, self._vital.index]
        values = values_of_entries(ring, self._kinds)
        inside = (ring["at_ms"] >= since_ms) & (ring["at_ms"] < until_ms)
        inside &= ~(values.beyond != 0).any(axis=1)
        known = ~np.isnan(values.number) & inside[:, None]
        table["baseline_until_ms"][slot] = until_ms
        table["baseline_total"][slot] = (tenths_of(values, self._vital.vital) * known).sum(axis=0)
        table["baseline_count"][slot] = known.sum(axis=0)

    def add(self, columns: Columns, positions: Integers, slot: Integers, added: Added) -> None:
        """Feed readings, at most one of each patient."""
        since_ms, until_ms = self._state.baseline_ms[columns.row[positions], self._vital.index].T
        at_ms = columns.measured_ms[positions]
        inside = added.counts[positions] & (at_ms >= since_ms) & (at_ms < until_ms)
        count, total = self._memory.table["baseline_count"], self._memory.table["baseline_total"]
        known = added.known[positions] & inside[:, None] & (count[slot] < _COUNT_MAX)
        count[slot] += known.astype(np.uint8)
        total[slot] += (added.tenths[positions] * known).astype(np.int32)

    def sums(
        self,
        values: Values,
        added: Added,
        positions: Integers,
        at: tuple[Integers, Integers],
    ) -> Sums:
        """Put each reading beside the baseline of its patient, whatever it is made of.

        ``at``: by reading its patient's slot, and when it was measured. What was measured before
        the baseline's end is part of it, or too old for it: nothing has begun that it rose under.
        """
        slot, at_ms = at
        begun = at_ms >= self._memory.table["baseline_until_ms"][slot]
        return Sums(
            added.tenths[positions],
            added.known[positions].astype(np.int64),
            np.zeros_like(values.unit[positions]),
            self._memory.table["baseline_total"][slot].astype(np.int64),
            self._memory.table["baseline_count"][slot] * begun[:, None].astype(np.int64),
            {need: met[positions] for need, met in values.met.items()},
            {name: chosen.some(positions) for name, chosen in values.chosen.items()},
        )


def enough(sums: Sums, baseline: Baseline) -> Sums:
    """Leave out baselines of too few readings."""
    assert sums.baseline_count is not None, "a rise is over a baseline"
    count = np.where(sums.baseline_count >= baseline.readings, sums.baseline_count, 0)
    return replace(sums, baseline_count=count)
