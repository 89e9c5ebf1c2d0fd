"""A judged reading becomes another one, or nobody's: memory as if it had always been so.

Ring, sums over days and baselines are moved; what that changes for rungs about several readings is
said reading by reading, as far back as the ring goes; for those about means at the newest reading.
"""

from dataclasses import dataclass, replace

import numpy as np

from alerts.engine.ladders.kinds import Kinds
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Columns, Gatherer, Integers
from alerts.engine.readings.identity import long_identity
from alerts.engine.readings.sight import Sight, stamped_as
from alerts.engine.state import day_sums
from alerts.engine.state.day_sums import Added
from alerts.engine.state.memory import RING_MAX, Memory, Structured
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import (
    by_receipt,
    came_late,
    entries_of,
    note_late,
    sight_of_entry,
    tenths_of,
)
from alerts.engine.transitions.ladder_state import LONG_AGO_MS
from alerts.engine.windows import holding
from alerts.engine.windows.standing import true_at


@dataclass(frozen=True, slots=True)
class Moved:
    """Rungs of a ladder, its place in the vital, that are true at a reading no more, or now."""

    place: int
    rungs: int
    sight: Sight


@dataclass(frozen=True, slots=True)
class Revision:
    """What rungs about several readings lose and gain."""

    lost: tuple[Moved, ...] = ()
    gained: tuple[Moved, ...] = ()


def revise(
    state: PartitionState, vital: VitalLadders, row: int, was: Sight, now: Sight | None
) -> Revision:
    """Move what memory keeps of a patient's reading; ``now`` None: it was never there."""
    memory = state.memories[vital.index]
    if now is None and memory.slot_of[row] < 0:
        return Revision()
    (slot,) = memory.slots(np.array([row])).tolist()  # its first reading may have been none so far
    return _Reviser(state, vital, row, slot).revise(was, now)


def take_out(state: PartitionState, vital: VitalLadders, row: int, identity: int) -> None:
    """Let a reading whose time is that of its receipt be in no window, while the ring knows it."""
    slot = int(state.memories[vital.index].slot_of[row])
    if slot >= 0:
        _Reviser(state, vital, row, slot).take_out(identity)


def windows_of(state: PartitionState, vital: VitalLadders, row: int) -> Integers:
    """Give the rungs of windows true at each reading of a ring, shape (readings, ladders)."""
    slot = int(state.memories[vital.index].slot_of[row])
    true = [rungs for _, rungs in _Reviser(state, vital, row, slot).true()]
    return np.array(true, np.int64).reshape(len(true), len(vital.ladders))


class _Reviser:
    def __init__(self, state: PartitionState, vital: VitalLadders, row: int, slot: int) -> None:
        self._state, self._vital, self._row, self._slot = state, vital, row, slot
        self._memory: Memory = state.memories[vital.index]
        self._kinds: Kinds = state.kinds[vital.index]

    def revise(self, was: Sight, now: Sight | None) -> Revision:
        before = self.true()
        ring = self._memory.ring(self._slot)
        high, low = long_identity(was.reading_id)
        place = np.flatnonzero((ring["high"] == np.uint64(high)) & (ring["low"] == np.uint64(low)))
        kept = bool(len(place))
        alone = kept or self._state.only_of_its_session(self._row, was.reading_id)
        old = self._as_it_came(self._columns(was, alone=alone), ring, kept=kept)
        new = None if now is None else self._columns(now, alone=alone)
        if kept:
            self._ring(ring, int(place[0]), new)
        elif new is not None and new.eligible[0] and not old.eligible[0]:
            self._insert(ring, new)
        self._sums(old, -1)
        if new is not None:
            self._sums(new, 1)
        elif was.measured_at_ms == self._state.newest_ms[self._row, self._vital.index]:
            left = self._memory.ring(self._slot)["at_ms"]
            self._state.newest_ms[self._row, self._vital.index] = left.max(initial=LONG_AGO_MS)
        return self._compare(before, self.true())

    @staticmethod
    def _as_it_came(old: Columns, ring: Structured, *, kept: bool) -> Columns:
        """Tell whether a reading counted when it came: a version may spare, or spoil, it since.

        The ring tells, as far back as it goes: of what is older goes what spoils a reading now.
        """
        reaches = len(ring) > 0 and bool(ring["at_ms"][0] < old.measured_ms[0])
        return replace(old, eligible=np.array([kept])) if kept or reaches else old

    def take_out(self, identity: int) -> None:
        ring = self._memory.ring(self._slot)
        same = np.maximum(ring["low"], np.uint64(1)) == np.uint64(identity)
        for place in np.flatnonzero(same & by_receipt(ring)).tolist():
            sight = sight_of_entry(ring[place].item(), self._vital.vital, self._kinds)
            columns = self._columns(sight, alone=True)
            self._memory.put_ring(self._slot, np.delete(ring, place))
            self._sums(replace(columns, eligible=np.ones(1, np.bool_)), -1)

    def _columns(self, sight: Sight, *, alone: bool) -> Columns:
        """Lay a reading out as it was when it came, as far as its record says."""
        gatherer = Gatherer(self._vital.vital, frozenset(self._vital.gated))
        gatherer.add(
            (0, 0, self._row, sight.measured_at_ms), stamped_as(sight), alone=alone, judged=True
        )
        return gatherer.columns()

    def _ring(self, ring: Structured, place: int, new: Columns | None) -> None:
        if new is not None and new.eligible[0]:
            entry = entries_of(self._memory.layout, new)
            for name in ("seq", "mark"):
                entry[name] = ring[name][place]
            note_late(entry, came_late(ring[place : place + 1]))
            ring[place] = entry[0]
        else:
            ring = np.delete(ring, place)
        self._memory.put_ring(self._slot, ring)

    def _insert(self, ring: Structured, new: Columns) -> None:
        """Put a reading into the ring that was not one of those that windows count."""
        entry = entries_of(self._memory.layout, new)
        note_late(entry, np.ones(1, np.bool_))  # it has never ended anything
        place = int(np.searchsorted(ring["at_ms"], new.measured_ms[0], side="right"))
        if place or len(ring) < RING_MAX:
            self._memory.put_ring(self._slot, np.insert(ring, place, entry))

    def _sums(self, columns: Columns, sign: int) -> None:
        """Take a reading out of the sums over its day and the baseline, or put one in."""
        slot, row = np.array([self._slot]), np.array([self._row])
        values = columns.values
        beyond = (values.beyond != 0).any(axis=1)
        added = Added(
            day=self._state.local_days(row, columns.measured_ms),
            counts=columns.eligible & ~beyond,
            beyond=columns.eligible & beyond,
            tenths=tenths_of(values, self._vital.vital),
            known=~np.isnan(values.number),
        )
        judged = columns.measured_ms[0] >= self._state.from_ms[self._row]
        code = day_sums.code_of(added.day)
        known = (self._memory.days(slot)["day"] == code).any()
        known |= sign > 0 and code[0] > self._memory.table["forgotten_day"][self._slot]
        if judged and known and columns.eligible[0]:
            day_sums.add(self._memory, slot, added, sign)
        since_ms, until_ms = self._state.baseline_ms[self._row, self._vital.index]
        if added.counts[0] and since_ms <= columns.measured_ms[0] < until_ms:
            there, table = added.known[0], self._memory.table
            if sign < 0:  # what was never in it, as far as a count can tell, is not taken out
                there = there & (table["baseline_count"][self._slot] > 0)
            table["baseline_total"][self._slot] += (sign * added.tenths[0] * there).astype(np.int32)
            table["baseline_count"][self._slot] += (there * np.array(sign)).astype(np.uint8)

    def true(self) -> list[tuple[Sight, Integers]]:
        """Give the readings of the ring, and of each ladder the rungs of windows true there."""
        ring = self._memory.ring(self._slot)
        size = len(ring)
        true = np.zeros((size, len(self._vital.ladders)), np.int64)
        back = np.arange(size)[:, None] - np.arange(size)
        entries, row = ring[back], np.full(size, self._row)
        rings = holding.rings(self._state, self._kinds, row, entries, back >= 0) if size else None
        for one, window in self._kinds.counted:
            if rings is not None:
                condition = one.rung.rule.condition
                own = rings.truth(condition, widened=False).true[:, 0]
                holds = own & holding.matching(condition, window, rings)
                true[:, one.place] |= holds * np.int64(one.bit)
        if size:
            each = true_at(self._state, self._vital, row, ring)
            for one, _ in self._kinds.rises:
                true[:, one.place] |= each[:, one.place] & one.bit
            true[-1] |= each[-1] & self._kinds.averaged
        sights = [sight_of_entry(entry, self._vital.vital, self._kinds) for entry in ring.tolist()]
        return list(zip(sights, true & self._in_force(), strict=True))

    def _in_force(self) -> Integers:
        indices = [ladder.index for ladder in self._vital.ladders]
        in_force: Integers = self._state.in_force[self._row, indices]
        return in_force

    def _compare(
        self, before: list[tuple[Sight, Integers]], after: list[tuple[Sight, Integers]]
    ) -> Revision:
        nothing = np.zeros(len(self._vital.ladders), np.int64)
        was = {sight.reading_id: true for sight, true in before}
        now = {sight.reading_id: true for sight, true in after}
        # A mean is asked at the newest reading, whichever that is.
        means_was, means_now = (
            true[-1][1] & self._kinds.averaged if true else nothing for true in (before, after)
        )
        lost, gained = list[Moved](), list[Moved]()
        for sight, true in before:
            gone = true & ~now.get(sight.reading_id, nothing) & ~means_now
            lost += [Moved(n, rungs, sight) for n, rungs in enumerate(gone.tolist()) if rungs]
        for sight, true in after:
            new = true & ~was.get(sight.reading_id, nothing) & ~means_was
            gained += [Moved(n, rungs, sight) for n, rungs in enumerate(new.tolist()) if rungs]
        return Revision(tuple(lost), tuple(gained))
