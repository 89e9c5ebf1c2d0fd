"""The days of one patient and vital that means are made of, while readings come one by one.

The same as ``alerts.engine.state.day_sums`` says of the days of many patients at once.
"""

from dataclasses import dataclass

import numpy as np

from alerts.engine.state.day_sums import EPISODE_GAP_DAYS, Added
from alerts.engine.state.memory import DAY_READINGS_MAX, DAYS_MAX, Memory

_DAY_MAX = 2**16 - 2


@dataclass(slots=True)
class Day:
    """What was measured on one local day: how many readings count, how many say HI or LO, sums."""

    readings: int
    beyond: int
    total: list[int]
    count: list[int]


class Days:
    """What memory keeps of them; ``from_day``: the first one of the care plan."""

    def __init__(self, memory: Memory, slot: int, from_day: int) -> None:
        self._memory = memory
        self._slot = slot
        self._from_day = from_day
        self._days = {
            int(one["day"]) - 1: Day(
                int(one["readings"]),
                int(one["beyond"]),
                one["total"].tolist(),
                one["count"].tolist(),
            )
            for one in memory.days(np.array([slot]))[0]
            if one["day"]
        }
        self._forgotten = int(memory.table["forgotten_day"][slot]) - 1

    def write(self) -> None:
        """Write memory back."""
        days = np.zeros((1, DAYS_MAX), self._memory.layout.day)
        for place, (number, day) in enumerate(self._days.items()):
            days[0, place] = (number + 1, day.readings, day.beyond, day.total, day.count)
        self._memory.put_days(np.array([self._slot]), days)
        self._memory.table["forgotten_day"][self._slot] = self._forgotten + 1

    def ending_at(self, last: int, length: int) -> dict[int, Day]:
        """Give the days of a mean, without the first one of an episode of measuring."""
        stored = [day for day in self._days if day >= self._from_day]
        inside = [day for day in stored if last - length < day <= last]
        first = min(inside, default=last)
        forgotten = self._forgotten if self._forgotten >= self._from_day else -1
        before = max([day for day in stored if day < first] + [forgotten])
        if before < 0 or before < first - EPISODE_GAP_DAYS:
            inside = [day for day in inside if day != first]
        return {day: self._days[day] for day in inside}

    def add(self, number: int, added: Added, position: int) -> None:
        """Count a reading on its day; the oldest day is forgotten where there is no room."""
        number = min(max(number, 0), _DAY_MAX)
        if number not in self._days:
            oldest = min(self._days, default=number)
            if len(self._days) == DAYS_MAX:
                self._forgotten = max(self._forgotten, min(number, oldest))
                if number < oldest:
                    return
                del self._days[oldest]
            width = added.known.shape[1]
            self._days[number] = Day(0, 0, [0] * width, [0] * width)
        day = self._days[number]
        if DAY_READINGS_MAX in {day.readings, day.beyond}:
            return
        if added.beyond[position]:
            day.beyond += 1
        if added.counts[position]:
            day.readings += 1
            for place in np.flatnonzero(added.known[position]).tolist():
                day.total[place] += int(added.tenths[position, place])
                day.count[place] += 1
