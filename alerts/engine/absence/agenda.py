"""When which silence is looked at next: many that come together as columns, others in a heap.

After a start all patients of the registry come at once: a million entries are sorted and kept as
arrays, where a heap of tuples took most of the step's time, and several times the memory.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np

from alerts.engine.absence.contacts import Integers

_MANY = 8
"""Of so many entries one that is new makes it cheaper to order all than to push each."""


@dataclass(slots=True)
class Agenda:
    """Entries: when, the patient's row, the rule; one that was replaced is given out all the same.

    Invariant: the columns are in the order of time.
    """

    _columns: Integers = field(default_factory=lambda: np.empty((3, 0), np.int64))
    _heap: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, at_ms: int, row: int, rule: int) -> None:
        """Add one."""
        heapq.heappush(self._heap, (at_ms, row, rule))

    def add_many(self, entries: Integers) -> None:
        """Add columns of any order: when, row, rule."""
        if entries.shape[1] * _MANY <= self._columns.shape[1] + len(self._heap):
            for one in zip(*entries.tolist(), strict=True):
                heapq.heappush(self._heap, one)
            return
        every = np.concatenate([self._columns, entries], axis=1)
        self._columns = every[:, np.argsort(every[0], kind="stable")]

    def before(self, until_ms: int) -> Integers:
        """Take out what lies before an instant, as columns."""
        ends = int(np.searchsorted(self._columns[0], until_ms))
        found, self._columns = self._columns[:, :ends], self._columns[:, ends:]
        popped = []
        while self._heap and self._heap[0][0] < until_ms:
            popped.append(heapq.heappop(self._heap))
        if not popped:
            return found
        return np.concatenate([found, np.array(popped, np.int64).T], axis=1)
