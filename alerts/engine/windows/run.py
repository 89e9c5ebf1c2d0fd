"""Many readings of one patient in a row, each newer than all before it: judged as columns.

What memory is at each of them follows from what it was before the first, whatever they lead to:
a ring is a stretch of one list, sums over a day are differences of running sums. It is written only
where somebody may look: at a reading of which something may come, and after the last one.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from alerts.engine.readings.columns import Booleans, Columns, Integers
from alerts.engine.state import day_sums
from alerts.engine.state.day_sums import Added
from alerts.engine.state.memory import DAY_READINGS_MAX, DAYS_MAX, Memory, Structured

_EVERY_RUNG = 2**32 - 1


class Run:
    """The readings at ``positions``; of those that are ``eligible`` it is a ``Past``."""

    def __init__(  # noqa: PLR0913, PLR0917 - one vital's batch, a patient's memory, which readings
        self,
        memory: Memory,
        slot: int,
        columns: Columns,
        entries: Structured,
        added: Added,
        positions: Integers,
    ) -> None:
        """Read memory; nothing is written."""
        eligible = columns.eligible[positions]
        self.positions, self.slot = positions, slot
        self.eligible = positions[eligible]
        self._memory = memory
        self._identity = columns.identity[positions]
        self._remembered = 0
        self._taken = np.append(0, np.cumsum(eligible)).tolist()
        ring = memory.ring(slot)
        self._known = len(ring)
        self._pool = np.concatenate([ring, entries[self.eligible]])
        self._added = added.some(self.eligible)
        self._code = day_sums.code_of(self._added.day)
        stored = memory.days(np.array([slot]))[0]
        self._stored = np.sort(stored[stored["day"] > 0], order="day")

    @property
    def regular(self) -> bool:
        """Tell whether days only go on, and none has more readings than count.

        They may go back where the patient has moved to another zone.
        """
        codes = np.append(self._stored["day"], self._code)
        each = self._each
        most = max(each["readings"].max(initial=0), each["beyond"].max(initial=0))
        return bool((codes[1:] >= codes[:-1]).all()) and most < DAY_READINGS_MAX

    @cached_property
    def _group(self) -> Integers:
        """Number the days that readings are of."""
        begins = self._code[1:] != self._code[:-1]
        group: Integers = np.append(0, np.cumsum(begins))[: len(self._code)]
        return group

    @cached_property
    def _goes_on(self) -> bool:
        """Whether the first reading is of a day that memory has."""
        same = self._stored["day"][-1:] == self._code[:1]
        return bool(same.all() and len(same))

    @cached_property
    def _each(self) -> Structured:
        """Give the sums over each reading's day, up to it."""
        counts, first = self._added.counts, self._stored[-1:]
        known = self._added.known & counts[:, None]
        each = np.zeros(len(self._code), self._stored.dtype)
        each["day"] = self._code
        amounts = {
            "readings": counts,
            "beyond": self._added.beyond,
            "total": self._added.tenths * known,
            "count": known,
        }
        begin = np.searchsorted(self._group, self._group)
        for name, amount in amounts.items():
            running: Integers = np.cumsum(amount, axis=0, dtype=np.int64)
            running = running - (running - amount.astype(np.int64))[begin]
            if self._goes_on:
                running[self._group == 0] += first[name]
            each[name] = np.minimum(running, DAY_READINGS_MAX) if name != "total" else running
        return each

    @cached_property
    def _whole(self) -> tuple[Structured, Integers]:
        """Give all days, after so many that are none, and of each reading its day's place there."""
        older = self._stored[: len(self._stored) - self._goes_on]
        last = np.flatnonzero(np.diff(self._group, append=len(self._code)))
        nothing = np.zeros(DAYS_MAX, older.dtype)
        whole = np.concatenate([nothing, older, self._each[last]])
        return whole, DAYS_MAX + len(older) + self._group

    @cached_property
    def days(self) -> Structured:
        """Sums over days, shape (eligible readings, ``DAYS_MAX``)."""
        whole, place = self._whole
        plain = f"V{whole.dtype.itemsize}"  # numpy would copy field by field
        kept = whole.view(plain)[place[:, None] - np.arange(DAYS_MAX)]
        kept[:, 0] = self._each.view(plain)
        days: Structured = kept.view(whole.dtype)
        return days

    @cached_property
    def forgotten(self) -> Integers:
        """The newest day that is kept no more; -1: none."""
        whole, place = self._whole
        lost = np.maximum(whole["day"][place - DAYS_MAX], self._memory.forgotten(self.slot))
        forgotten: Integers = lost.astype(np.int64) - 1
        return forgotten

    def last(self, some: Integers, number: int) -> tuple[Structured, Booleans]:
        """Give what ``Memory.last`` does, for some of the eligible readings."""
        back = self._known + some[:, None] - np.arange(number)
        plain = self._pool.view(f"V{self._pool.itemsize}")
        return plain[np.maximum(back, 0)].view(self._pool.dtype), back >= 0

    def holding(self, ladder: int) -> npt.NDArray[np.uint32]:
        """Give every rung: who knows what the readings before will lead to."""
        del ladder
        return np.full(len(self.eligible), _EVERY_RUNG, np.uint32)

    def write(self, end: int) -> None:
        """Let memory be as it is after so many of the readings."""
        self._memory.remember_run(self.slot, self._identity[self._remembered : end])
        self._remembered = end
        taken = self._taken[end]
        if taken:
            self._memory.put_ring(self.slot, self._pool[: self._known + taken])
            self._memory.put_days(np.array([self.slot]), self.days[taken - 1 : taken])
            self._memory.table["forgotten_day"][self.slot] = self.forgotten[taken - 1] + 1
