"""Where the patients of a partition live, for the local days of what they measure."""

from collections.abc import Sequence
from datetime import tzinfo

import numpy as np

from alerts.engine.readings.columns import Integers
from alerts.engine.readings.local_days import local_days
from alerts.engine.state.plans import Plan


class Zones:
    """A column with the present zone of each, by number; of the few who have moved their plans."""

    def __init__(self, rows: int) -> None:
        """Start with nobody."""
        self._numbers: dict[tzinfo, int] = {}
        self._present = np.zeros(rows, np.int32)
        self._moved: dict[int, Plan] = {}

    def reserve(self, rows: int) -> None:
        """Make room for so many rows."""
        more = np.zeros(rows - len(self._present), np.int32)
        self._present = np.concatenate([self._present, more])

    def put(self, rows: Sequence[int], plans: Sequence[Plan]) -> None:
        """Take the zones of patients' plans."""
        self._present[rows] = [self._number(plan.zones[-1][1]) for plan in plans]
        for row, plan in zip(rows, plans, strict=True):
            if len(plan.zones) > 1:
                self._moved[row] = plan
            elif self._moved:
                self._moved.pop(row, None)

    def days(self, row: Integers, at_ms: Integers) -> Integers:
        """Give the patients' local days of instants, in the zones in force then."""
        number = self._present[row].astype(np.int64)
        if self._moved:
            moved = np.array(list(self._moved))
            for place in np.flatnonzero(np.isin(row, moved)).tolist():
                there = self._moved[int(row[place])].zone(int(at_ms[place]))
                number[place] = self._number(there)
        return local_days(list(self._numbers), number, at_ms)

    def _number(self, zone: tzinfo) -> int:
        return self._numbers.setdefault(zone, len(self._numbers))
