"""When people measure: by their schedule or not, because they feel unwell, and once more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from simulators.cohort.course import DAY_MIN

MORNING_H, EVENING_H = 7.5, 19.5


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a cohort where a patient lives."""

    first_day: date
    zone: ZoneInfo

    def ms(self, day: int, hour: float) -> int:
        """Give the instant (UTC ms) at which clocks show an hour of a day, counted from 0."""
        shown = datetime.combine(self.first_day, time(), self.zone) + timedelta(
            days=day, minutes=round(hour * 60)
        )
        return int(shown.timestamp() * 1000)

    def minute(self, day: int, hour: float) -> float:
        """Give it in minutes since the first midnight."""
        return (self.ms(day, hour) - self.ms(0, 0)) / 60_000

    def local(self, at_ms: int) -> datetime:
        """Show what clocks show, without zone."""
        return datetime.fromtimestamp(at_ms / 1000, self.zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Habit:
    """How one patient keeps to the schedule.

    ``away``: spans [begin, end) in minutes in which nothing is measured at all.
    """

    adherence: float
    pairs: float
    away: tuple[tuple[float, float], ...]

    @staticmethod
    def draw(rng: np.random.Generator, days: int) -> "Habit":
        """Draw it: most keep to most; some pause for days, one in twenty-five stops for good."""
        away = []
        minute = rng.exponential(60.0 * DAY_MIN)
        while minute < days * DAY_MIN:
            length = rng.uniform(2.0, 9.0) * DAY_MIN
            away.append((minute, minute + length))
            minute += length + rng.exponential(60.0 * DAY_MIN)
        if rng.random() < 0.04:
            away.append((rng.uniform(0.2, 1.0) * days * DAY_MIN, float("inf")))
        return Habit(rng.beta(8.0, 2.0), rng.beta(6.0, 2.0), tuple(away))

    def scheduled(
        self, rng: np.random.Generator, calendar: Calendar, days: int, at_h: tuple[float, ...]
    ) -> Iterator[float]:
        """Give the minutes of what is measured by the schedule."""
        for day in range(days):
            for hour in at_h:
                minute = calendar.minute(day, hour + rng.normal(0.0, 0.5))
                if rng.random() < self.adherence and self.present(minute):
                    yield minute

    def present(self, minute: float) -> bool:
        """Tell whether anything is measured at that time."""
        return not any(begin <= minute < end for begin, end in self.away)


def unwell(rng: np.random.Generator, begin: float, end: float) -> Iterator[float]:
    """Give when somebody who feels an episode measures: soon, and on while it lasts."""
    minute = begin + rng.uniform(10.0, 50.0)
    while minute < end:
        yield minute
        minute += rng.uniform(30.0, 120.0)
