"""The readings of a batch enter memory in rounds, at most one of each patient in each.

So every reading meets the windows as they stood when it came, and all patients of a round are
judged at once. Only readings newer than all before them of their patient come here; the others go
through ``alerts.engine.windows.timeline``, which says the same reading by reading.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from alerts.engine.ladders.findings import Window, summed
from alerts.engine.ladders.kinds import Placed
from alerts.engine.ladders.ladder import Rung, VitalLadders
from alerts.engine.readings.columns import Booleans, Columns, Integers, pick
from alerts.engine.state import day_sums
from alerts.engine.state.day_sums import Added
from alerts.engine.state.memory import Structured
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import entries_of, note_late, tenths_of
from alerts.engine.windows import holding
from alerts.engine.windows.baselines import Baselines, enough
from alerts.engine.windows.explainer import Counted, Explainer
from alerts.engine.windows.past import Past, Stored
from alerts.engine.windows.run import Run
from alerts.engine.windows.sheet import Sheet
from alerts.rules.book import Matching
from alerts.rules.values import Sums


class Rounds:
    """One vital's readings of a batch, and what memory takes of them."""

    def __init__(
        self, state: PartitionState, vital: VitalLadders, columns: Columns, sheet: Sheet
    ) -> None:
        """Prepare what does not depend on what came before."""
        self.state = state
        self.vital = vital
        self.columns = columns
        self.sheet = sheet
        self.kinds = state.kinds[vital.index]
        self.memory = state.memories[vital.index]
        self.entries = entries_of(self.memory.layout, columns)
        late: Booleans = ((sheet.in_force & ~sheet.fresh) != 0).any(axis=1)
        note_late(self.entries, late)
        known = ~np.isnan(sheet.values.number)
        self.added = Added(
            day=state.local_days(columns.row, columns.measured_ms),
            counts=columns.eligible & sheet.uncensored,
            beyond=columns.eligible & ~sheet.uncensored,
            tenths=tenths_of(sheet.values, vital.vital),
            known=known,
        )
        self.baselines = Baselines(state, vital, self.memory)
        self.explainer = Explainer(state, vital)

    def take(self, positions: Integers) -> None:
        """Take a round's readings into memory; put what windows say of them into the sheet."""
        row = pick(self.columns.row, positions)
        slot = self.memory.slots(row)
        self.memory.remember(slot, pick(self.columns.identity, positions))
        self.rises(positions, slot)
        eligible = pick(self.columns.eligible, positions)
        positions, row, slot = positions[eligible], row[eligible], slot[eligible]
        if len(positions):
            plain = self.entries.view(f"V{self.entries.itemsize}")  # else field by field
            self.memory.push(slot, pick(plain, positions))
            days = day_sums.add(self.memory, slot, self.added.some(positions))
            self._windows(positions, Stored(self.state, self.memory, row, slot, days))

    def run(self, row: int, positions: Integers) -> Run | None:
        """Judge readings of one patient that come in a row, as if each came in a round of its own.

        None, and nothing is done, where what memory is at each of them is not known beforehand.
        """
        slot = int(self.memory.slots(np.array([row]))[0])
        run = Run(self.memory, slot, self.columns, self.entries, self.added, positions)
        if not run.regular or self.baselines.moved_by(
            row, slot, self.columns.measured_ms[positions]
        ):
            return None
        self.rises(positions, np.full(len(positions), slot))
        if len(run.eligible):
            self._windows(run.eligible, run)
        return run

    def rises(self, positions: Integers, slot: Integers) -> None:
        """Compare readings with the baselines of their patients, which they may be part of."""
        if not self.kinds.rises:
            return
        self.feed(positions, slot)
        sums = self._over_baselines(positions, slot)
        for one, baseline in self.kinds.rises:
            condition, known = one.rung.rule.condition, enough(sums, baseline)
            plain, widened = condition.truth(known), condition.truth(known, widened=True)
            at, bit = (positions, one.place), np.int64(one.bit)
            self.sheet.matched[at] |= self.sheet.in_force[at] & plain.true * bit
            self.sheet.denied[at] |= plain.false * bit
            self.sheet.returned[at] |= widened.false * bit

    def explain(self, rung: Rung, asked: Mapping[int, int], *, briefly: bool) -> dict[int, Window]:
        """Say what a rung counted or averaged in this round; what is left out must be asked again.

        ``asked``: readings, each with its patient's row; ``briefly``: a mean without its readings.
        """
        if rung.rule.baseline is None:
            return self.explainer.explain(rung, asked, briefly=briefly)
        return dict(zip(asked, self.risen(list(asked), rung), strict=True))

    def risen(self, positions: Sequence[int], rung: Rung) -> Iterator[Window]:
        """Say over what readings have risen."""
        here = np.array(positions)
        slot = self.memory.slots(self.columns.row[here])
        sums = self._over_baselines(here, slot)
        assert sums.baseline_count is not None, "a rise is over a baseline"
        averaged = sums.baseline_count.max(axis=1).tolist()
        for one, readings in zip(summed(rung.tests, sums), averaged, strict=True):
            yield Window(sums=one, averaged=readings)

    def _over_baselines(self, positions: Integers, slot: Integers) -> Sums:
        at = slot, self.columns.measured_ms[positions]
        return self.baselines.sums(self.sheet.values, self.added, positions, at)

    def feed(self, positions: Integers, slot: Integers) -> None:
        """Feed baselines."""
        self.baselines.renew(self.columns.row[positions], slot)
        self.baselines.add(self.columns, positions, slot, self.added)

    def _windows(self, positions: Integers, past: Past) -> None:
        self._means(positions, past)
        self._counted(positions, past)

    def _means(self, positions: Integers, past: Past) -> None:
        ends = day_sums.Ends(
            days=past.days,
            day=pick(self.added.day, positions),
            from_day=self.state.from_day[pick(self.columns.row, positions)],
            forgotten=past.forgotten,
        )
        for one, mean in self.kinds.means:
            window = day_sums.window(ends, mean.days)
            some, sums = holding.averages(mean, window, self.sheet.values, positions)
            at, bit = (positions[some], one.place), np.int64(one.bit)
            truth = one.rung.rule.condition.truth(sums)
            self.sheet.matched[at] |= self.sheet.in_force[at] & truth.true * bit
            held = np.flatnonzero(self._may_hold(one, past)[some])
            if len(held):
                back = one.rung.rule.condition.truth(sums.some(held), widened=True).false
                back &= window.beyond[some[held]] == 0
                self.sheet.returned[positions[some[held]], one.place] |= back * bit
            self.explainer.averaged(one.rung, positions[some], sums, (window, some))

    def _may_hold(self, one: Placed, past: Past) -> Booleans:
        """Tell for which readings a rung may hold: only there it can return."""
        may: Booleans = past.holding(self.vital.ladders[one.place].index) & one.bit != 0
        return may

    def _counted(self, positions: Integers, past: Past) -> None:
        for one, window in self.kinds.counted:
            own = pick(self.sheet.own[:, one.place], positions) & one.bit != 0
            some = np.flatnonzero(own | self._may_hold(one, past))
            if len(some):
                last = past.last(some, window.of)
                self._count(one, window, positions[some], last, own[some])

    def _count(
        self,
        one: Placed,
        window: Matching,
        positions: Integers,
        last: tuple[Structured, Booleans],
        own: Booleans,
    ) -> None:
        entries, there = last
        row = self.columns.row[positions]
        rings = holding.rings(self.state, self.kinds, row, entries, there)
        condition = one.rung.rule.condition
        counted = holding.counting(condition, window, rings)
        matched = own & holding.enough(window, counted, rings.day)
        few = holding.relaxed(condition, window, rings)
        self.sheet.matched[positions, one.place] |= matched * np.int64(one.bit)
        self.sheet.returned[positions, one.place] |= few * np.int64(one.bit)
        inside = rings.inside(window)
        self.explainer.counted(one.rung, positions, Counted(entries, inside, counted, rings.day))
