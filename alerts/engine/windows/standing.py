"""Which rungs are true at the newest readings of patients, from what memory keeps of them."""

from dataclasses import dataclass

import numpy as np

from alerts.engine.ladders.findings import Window
from alerts.engine.ladders.ladder import Rung, VitalLadders
from alerts.engine.readings.columns import Gatherer, Integers
from alerts.engine.readings.sight import stamped_as
from alerts.engine.state import day_sums
from alerts.engine.state.day_sums import Added
from alerts.engine.state.memory import Structured
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import Entry, sight_of_entry, tenths_of, values_of_entries
from alerts.engine.windows import holding
from alerts.engine.windows.baselines import Baselines, enough
from alerts.engine.windows.rounds import Rounds
from alerts.engine.windows.sheet import evaluate
from alerts.engine.windows.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest readings that memory knows in full, and of each ladder the rungs true there."""

    row: Integers
    entries: Structured
    true: Integers


def newest(state: PartitionState, vital: VitalLadders, row: Integers) -> Newest:
    """Ask the patients' newest readings; who has none since the plan began is left out."""
    memory = state.memories[vital.index]
    row = row[memory.slot_of[row] >= 0]
    ring, there = memory.last(memory.slots(row), 1)
    entries, at_ms = ring[:, 0], ring["at_ms"][:, 0]
    here = there[:, 0] & (at_ms == state.newest_ms[row, vital.index])
    here &= at_ms >= state.from_ms[row]
    row, entries = row[here], entries[here]
    return Newest(row, entries, true_at(state, vital, row, entries))


def true_at(
    state: PartitionState, vital: VitalLadders, row: Integers, entries: Structured
) -> Integers:
    """Ask all rungs at readings of patients; those about windows as if each were the newest."""
    return _Look(state, vital, row, entries).true()


def window_at(
    state: PartitionState, vital: VitalLadders, row: int, entry: Entry, rung: Rung
) -> Window:
    """Say what a rung counted or averaged at the newest reading, of which the ring has ``entry``.

    The reading is laid out as if it came now; memory is only asked.
    """
    kinds = state.kinds[vital.index]
    sight = sight_of_entry(entry, vital.vital, kinds)
    gatherer = Gatherer(vital.vital, frozenset(vital.gated), kinds.requirements)
    gatherer.add((0, 0, row, state.log_ms), stamped_as(sight), alone=True, judged=True)
    columns = gatherer.columns()
    rounds = Rounds(state, vital, columns, evaluate(vital, columns, state))
    return Timeline(rounds, row, ()).explain(0, rung, entry, briefly=False)


class _Look:
    """One look at the newest readings of patients."""

    def __init__(
        self, state: PartitionState, vital: VitalLadders, row: Integers, entries: Structured
    ) -> None:
        self._state, self._vital = state, vital
        self._row, self._at_ms = row, entries["at_ms"]
        self._memory, self._kinds = state.memories[vital.index], state.kinds[vital.index]
        self._slot = self._memory.slots(row)
        chosen = state.chosen(self._kinds.settings, row, self._at_ms)
        self._values = values_of_entries(entries, self._kinds, chosen)

    def true(self) -> Integers:
        """Give the rungs of each ladder that are true."""
        true = np.zeros((len(self._row), len(self._vital.ladders)), np.int64)
        for one in self._kinds.single:
            truth = one.rung.rule.condition.truth(self._values)
            true[:, one.place] |= truth.true * np.int64(one.bit)
        if len(self._row):
            self._rises(true)
            self._counted(true)
            self._means(true)
        return true

    def _rises(self, true: Integers) -> None:
        if not self._kinds.rises:
            return
        baselines = Baselines(self._state, self._vital, self._memory)
        baselines.renew(self._row, self._slot)
        nothing = np.zeros(len(self._row), np.bool_)
        tenths = tenths_of(self._values, self._vital.vital)
        known = ~np.isnan(self._values.number)
        day = np.zeros(len(self._row), np.int64)
        added = Added(day, nothing, nothing, tenths, known)
        every = np.arange(len(self._row))
        sums = baselines.sums(self._values, added, every, (self._slot, self._at_ms))
        for one, baseline in self._kinds.rises:
            holds = one.rung.rule.condition.truth(enough(sums, baseline)).true
            true[:, one.place] |= holds * np.int64(one.bit)

    def _counted(self, true: Integers) -> None:
        for one, window in self._kinds.counted:
            condition = one.rung.rule.condition
            own = np.flatnonzero(condition.truth(self._values).true)
            if len(own):
                last = self._memory.last(self._slot[own], window.of)
                rings = holding.rings(self._state, self._kinds, self._row[own], *last)
                holds = holding.matching(condition, window, rings)
                true[own, one.place] |= holds * np.int64(one.bit)

    def _means(self, true: Integers) -> None:
        if not self._kinds.means:
            return
        ends = day_sums.Ends(
            days=self._memory.days(self._slot),
            day=self._state.local_days(self._row, self._at_ms),
            from_day=self._state.from_day[self._row],
            forgotten=self._memory.table["forgotten_day"][self._slot].astype(np.int64) - 1,
        )
        for one, mean in self._kinds.means:
            window = day_sums.window(ends, mean.days)
            some, sums = holding.averages(mean, window, self._values, np.arange(len(self._row)))
            holds = one.rung.rule.condition.truth(sums).true
            true[some, one.place] |= holds * np.int64(one.bit)
