"""One patient's windows, reading by reading, wherever in the order of measurement a reading comes.

The same as ``alerts.engine.windows.rounds`` says of readings that come in order; hypothesis holds
the two against each other. A reading that comes late can complete a window that ends at a newer
one: the rule then matches at the first reading, in the order of measurement, at which it is true
now and was not before.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alerts.engine.ladders.findings import Window, summed
from alerts.engine.ladders.kinds import Placed
from alerts.engine.ladders.ladder import Rung
from alerts.engine.state.day_sums import EPISODE_GAP_DAYS
from alerts.engine.state.memory import RING_MAX, Structured
from alerts.engine.state.remembered import Entry, met_of, values_of_entries
from alerts.engine.windows.counting import Counting, Kept
from alerts.engine.windows.days import Days
from alerts.engine.windows.holding import averaged
from alerts.engine.windows.rounds import Rounds
from alerts.rules.book import Matching, Mean
from alerts.rules.values import Sums


@dataclass(frozen=True, slots=True)
class Later:
    """Matches at a reading that was judged before: rungs for each ladder, its entry and day."""

    rungs: list[int]
    entry: Entry
    day: int


class _Laters:
    """Collects them, in the order of measurement."""

    def __init__(self, ladders: int) -> None:
        self._ladders = ladders
        self._rungs: dict[Kept, list[int]] = {}

    def note(self, kept: Kept, one: Placed) -> None:
        self._rungs.setdefault(kept, [0] * self._ladders)[one.place] |= one.bit

    def found(self, pool: Structured) -> list[Later]:
        order = sorted(self._rungs, key=lambda kept: kept.at)
        return [Later(self._rungs[kept], pool[kept.place].item(), kept.day) for kept in order]


class Timeline:
    """What memory keeps of one patient and vital while several readings are taken one by one."""

    def __init__(self, rounds: Rounds, row: int, positions: Sequence[int]) -> None:
        """Read memory; ``positions``: the readings that will come."""
        self._rounds = rounds
        self._row = row
        self._memory = rounds.memory
        self._slot = int(rounds.memory.slots(np.array([row]))[0])
        self._counted = list(enumerate(rounds.kinds.counted))
        ladders = [ladder.index for ladder in rounds.vital.ladders]
        self._in_force = rounds.state.in_force[row, ladders].tolist()
        self._counting = Counting(int(rounds.state.from_ms[row]))
        ring = self._memory.ring(self._slot)
        self._pool = np.concatenate([ring, rounds.entries[list(positions)]])
        self._places = {position: len(ring) + n for n, position in enumerate(positions)}
        self._all = list(self._keep())
        self._ring = self._all[: len(ring)]
        self._days = Days(rounds.memory, self._slot, int(rounds.state.from_day[row]))

    def _keep(self) -> Iterator[Kept]:
        pool, kinds, state = self._pool, self._rounds.kinds, self._rounds.state
        rows, at_ms = np.full(len(pool), self._row), pool["at_ms"]
        values = values_of_entries(pool, kinds, state.chosen(kinds.settings, rows, at_ms))
        plain, maybe = np.zeros((2, len(pool)), np.int64)
        for number, (one, _) in self._counted:
            condition = one.rung.rule.condition
            plain |= condition.truth(values).true.astype(np.int64) << number
            maybe |= (~condition.truth(values, widened=True).false).astype(np.int64) << number
        days = state.local_days(rows, at_ms)
        names = (pool[name].tolist() for name in ("at_ms", "seq", "high", "low"))
        order = zip(*names, strict=True)
        columns = zip(order, days.tolist(), plain.tolist(), maybe.tolist(), strict=True)
        for place, (at, day, true, open_) in enumerate(columns):
            yield Kept(at, day, true, open_, place)

    def write(self) -> None:
        """Write memory back."""
        self._memory.put_ring(self._slot, self._pool[[kept.place for kept in self._ring]])
        self._days.write()

    def take(self, position: int) -> list[Later]:
        """Take a reading; put what windows say of it into the sheet, give matches at newer ones."""
        columns = self._rounds.columns
        here, slot = np.array([position]), np.array([self._slot])
        self._rounds.rises(here, slot)
        if not columns.eligible[position]:
            return []
        kept = self._all[self._places[position]]
        old = self._ring
        at = bisect_right([one.at for one in old], kept.at)
        newest = old[-1] if at < len(old) and self._bears_on(old[-1], kept) else None
        before = self._true_means(newest) if newest else set()
        self._days.add(kept.day, self._rounds.added, position)
        later = _Laters(len(self._in_force))
        if at or len(old) < RING_MAX:  # else it is older than all that are known one by one
            whole = [*old[:at], kept, *old[at:]]
            self._ring = whole[-RING_MAX:]
            self._count(position, whole, at, later)
        if at == len(old):
            self._average(position, kept)
        elif newest:
            for one in self._true_means(newest) - before:
                later.note(newest, one)
        return later.found(self._pool)

    def feed(self, position: int) -> None:
        """Take a reading from before the care plan, which is not judged: baselines may need it."""
        self._rounds.feed(np.array([position]), np.array([self._slot]))

    def cleared(self, place: int) -> int:
        """Give the rungs of N of M whose return condition is met at the newest reading.

        Those of means are not asked for: an older reading never matches one.
        """
        cleared = 0
        newest = self._ring[-1] if self._ring else None
        if newest is None or not self._is_newest(newest):
            return 0
        for number, (one, window) in self._counted:
            if one.place == place and self._counting.few(self._ring, number, window):
                cleared |= one.bit
        return cleared

    def measured_after(self, at_ms: int) -> Structured:
        """Give the kept readings that were measured later, oldest first."""
        return self._entries([kept for kept in self._ring if kept.at[0] > at_ms])

    def explain(self, position: int, rung: Rung, at: Entry | None, *, briefly: bool) -> Window:
        """Say what a rung counted or averaged when it judged a reading.

        ``at``: the entry of a reading that was judged again; else the one that has just come is
        meant. ``briefly``: of a mean without its readings.
        """
        if rung.rule.baseline is not None:
            return next(self._rounds.risen([position], rung))
        name = self._name(position) if at is None else at[1:3]
        kept = next((one for one in self._ring if one.at[2:] == name), None)
        if kept is None:  # another reading ended a rung than those that windows are made of
            return Window()
        known = self._ring[: self._ring.index(kept) + 1]
        match rung.rule.window:
            case Matching() as window:
                number = next(n for n, (one, _) in self._counted if one.rung is rung)
                inside = self._entries(self._counting.inside(known, window))
                counted = self._counting.matching(known, number, window)
                return self._rounds.explainer.matching(inside, [one.day for one in counted])
            case Mean() as mean:
                days, sums = self._days.ending_at(kept.day, mean.days), self._mean(mean, kept)
                shown = [one for one in known if one.day in days and not briefly]
                return Window(
                    self._rounds.explainer.shown(self._entries(shown)),
                    days=sum(day.readings > 0 for day in days.values()),
                    sums=None if sums is None else summed(rung.tests, sums)[0],
                    averaged=sum(day.readings for day in days.values()),
                    beyond=sum(day.beyond for day in days.values()),
                )
            case None:
                raise AssertionError(rung.key)

    def _name(self, position: int) -> tuple[int, int]:
        columns = self._rounds.columns
        return int(columns.high[position]), int(columns.low[position])

    def _entries(self, readings: Sequence[Kept]) -> Structured:
        found: Structured = self._pool[[kept.place for kept in readings]]
        return found

    def _bears_on(self, newest: Kept, kept: Kept) -> bool:
        """Tell whether a late reading can change a mean that ends at the newest one."""
        if not self._rounds.kinds.means:
            return False
        longest = max(mean.days for _, mean in self._rounds.kinds.means)
        return kept.day > newest.day - longest - EPISODE_GAP_DAYS

    def _is_newest(self, kept: Kept) -> bool:
        index = self._rounds.vital.index
        return kept.at[0] == int(self._rounds.state.newest_ms[self._row, index])

    # -- N of M -----------------------------------------------------------------------------------

    def _count(self, position: int, whole: list[Kept], at: int, later: _Laters) -> None:
        sheet = self._rounds.sheet
        for number, (one, window) in self._counted:
            bit = one.bit if self._in_force[one.place] & one.bit else 0
            own = int(sheet.own[position, one.place]) & bit
            if own and self._counting.enough(whole[: at + 1], number, window):
                sheet.matched[position, one.place] |= bit
            elif bit:
                end = self._counting.first_true(number, window, whole, at)
                if end is not None:
                    later.note(end, one)
            if at == len(whole) - 1 and self._counting.few(whole, number, window):
                sheet.returned[position, one.place] |= one.bit

    # -- means ------------------------------------------------------------------------------------

    def _average(self, position: int, kept: Kept) -> None:
        sheet = self._rounds.sheet
        for one, mean in self._rounds.kinds.means:
            sums = self._mean(mean, kept)
            if sums is None:
                continue
            condition = one.rung.rule.condition
            if self._in_force[one.place] & one.bit and condition.truth(sums).true[0]:
                sheet.matched[position, one.place] |= one.bit
            if self._holds(one) and self._back(one, mean, kept, sums):
                sheet.returned[position, one.place] |= one.bit

    def _holds(self, one: Placed) -> bool:
        key = self._row, self._rounds.vital.ladders[one.place].index
        return bool(int(self._rounds.state.latched[key]) & one.bit)

    def _back(self, one: Placed, mean: Mean, kept: Kept, sums: Sums) -> bool:
        back = one.rung.rule.condition.truth(sums, widened=True).false[0]
        return bool(back) and not any(
            day.beyond for day in self._days.ending_at(kept.day, mean.days).values()
        )

    def _true_means(self, kept: Kept) -> set[Placed]:
        """Give the rungs whose mean holds at a reading."""
        true = set()
        for one, mean in self._rounds.kinds.means:
            sums = self._mean(mean, kept) if self._in_force[one.place] & one.bit else None
            if sums is not None and one.rung.rule.condition.truth(sums).true[0]:
                true.add(one)
        return true

    def _mean(self, mean: Mean, kept: Kept) -> Sums | None:
        """Sum up the days of a mean that ends at a reading; None if there is not enough."""
        inside = list(self._days.ending_at(kept.day, mean.days).values())
        readings = sum(day.readings for day in inside)
        if readings < mean.readings or sum(day.readings > 0 for day in inside) < mean.on_days:
            return None
        entry = self._pool[kept.place : kept.place + 1]
        kinds, state = self._rounds.kinds, self._rounds.state
        total = np.array([[day.total for day in inside]]).sum(axis=1)
        count = averaged(np.array([[day.count for day in inside]]).sum(axis=1), mean)
        return Sums(
            total,
            count,
            np.zeros_like(total),
            met=met_of(entry["mark"].astype(np.int64) >> 1, kinds.requirements),
            chosen=state.chosen(kinds.settings, np.array([self._row]), entry["at_ms"]),
        )
