"""Sums over days, against a plain list of days: what is kept, what is forgotten, what a mean sees.

The numbers of memory are written out: eight days, 255 readings of a day, a gap of 28 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest

from alerts.engine.state import day_sums
from alerts.engine.state.day_sums import Added, Ends, Window
from alerts.engine.state.memory import Memory
from schemas.vitals import VITALS

WIDTH = 4
"""Quantities of a blood pressure."""


@dataclass(frozen=True)
class One:
    """A reading of a day: ``tenths`` of each quantity, None where it has no value."""

    day: int
    tenths: tuple[int | None, ...] = (1200, 800, None, 600)
    kind: str = "counts"


def added(*readings: One) -> Added:
    known = np.array([[value is not None for value in one.tenths] for one in readings])
    return Added(
        day=np.array([one.day for one in readings]),
        counts=np.array([one.kind == "counts" for one in readings]),
        beyond=np.array([one.kind == "beyond" for one in readings]),
        tenths=np.array([[value or 0 for value in one.tenths] for one in readings]),
        known=known.reshape(len(readings), WIDTH),
    )


@dataclass
class Plain:
    """The same, as a list of days anybody can follow: eight of them, the newest."""

    days: dict[int, list[One]] = field(default_factory=dict)
    forgotten: int = -1

    def add(self, one: One) -> None:
        if one.day not in self.days and len(self.days) == 8:
            oldest = min(self.days)
            self.forgotten = max(self.forgotten, min(oldest, one.day))
            if one.day < oldest:
                return
            del self.days[oldest]
        self.days.setdefault(one.day, []).append(one)

    def kept(self) -> dict[int, tuple[int, int, list[int], list[int]]]:
        return {day: _sums(readings) for day, readings in self.days.items()}

    def window(self, day: int, length: int, from_day: int) -> tuple[object, ...]:
        stored = {one: of for one, of in self.days.items() if one >= from_day}
        inside = sorted(one for one in stored if day - length < one <= day)
        earlier = [one for one in [*stored, self.forgotten] if one >= max(from_day, 0)]
        if inside:
            before = [one for one in earlier if one < inside[0]]
            if not before or max(before) < inside[0] - 28:
                inside = inside[1:]
        several = [_sums(stored[one]) for one in inside]
        return (
            sum(one[0] for one in several),
            sum(one[0] > 0 for one in several),
            sum(one[1] for one in several),
            [sum(one[2][place] for one in several) for place in range(WIDTH)],
            [sum(one[3][place] for one in several) for place in range(WIDTH)],
            inside,
        )


def _sums(readings: Sequence[One]) -> tuple[int, int, list[int], list[int]]:
    counted = [one for one in readings if one.kind == "counts"]
    columns = [[one.tenths[place] for one in counted] for place in range(WIDTH)]
    known = [[value for value in column if value is not None] for column in columns]
    beyond = sum(one.kind == "beyond" for one in readings)
    return len(counted), beyond, [sum(of) for of in known], [len(of) for of in known]


class Kept:
    """Slots of memory, and what they keep as the plain list shows it."""

    def __init__(self, slots: int = 1) -> None:
        self.memory = Memory(VITALS["blood_pressure"])
        self.slot = self.memory.slots(np.arange(slots))

    def add(self, *readings: One) -> None:
        """One for each slot."""
        given = day_sums.add(self.memory, self.slot, added(*readings))
        assert given.tobytes() == self.memory.days(self.slot).tobytes(), "as they are then"

    def take(self, one: One) -> None:
        """Take one away again."""
        day_sums.add(self.memory, self.slot, added(one), -1)

    def days(self, slot: int = 0) -> dict[int, tuple[int, int, list[int], list[int]]]:
        (days,) = self.memory.days(self.slot[slot : slot + 1])
        return {
            int(one["day"]) - 1: (
                int(one["readings"]),
                int(one["beyond"]),
                one["total"].tolist(),
                one["count"].tolist(),
            )
            for one in days
            if one["day"]
        }

    def forgotten(self, slot: int = 0) -> int:
        return int(self.memory.table["forgotten_day"][self.slot[slot]]) - 1

    def windows(self, day: Sequence[int], length: int, from_day: Sequence[int]) -> Window:
        ends = Ends(
            days=self.memory.days(self.slot),
            day=np.array(day),
            from_day=np.array(from_day),
            forgotten=self.memory.table["forgotten_day"][self.slot].astype(np.int64) - 1,
        )
        return day_sums.window(ends, length)


def seen(window: Window, place: int = 0) -> tuple[object, ...]:
    one = window.some(np.array([place]))
    return (
        int(one.readings[0]),
        int(one.days[0]),
        int(one.beyond[0]),
        one.total[0].tolist(),
        one.count[0].tolist(),
        sorted(day for day in one.inside[0].tolist() if day != -1),
    )


@pytest.mark.parametrize("seed", range(12))
def test_days_and_windows_are_those_of_a_plain_list(seed: int) -> None:
    """Three patients at once: days in order, days again, late ones, weeks without any."""
    random = Random(seed)
    kept, plain = Kept(3), [Plain() for _ in range(3)]
    latest = [random.randint(0, 40) for _ in plain]
    for _ in range(60):
        readings = []
        for place, one in enumerate(plain):
            latest[place] += random.choice([0, 0, 1, 1, 2, 27, 28, 29])
            day = max(0, latest[place] - random.choice([0, 0, 0, 1, 3, 7, 8, 9, 30]))
            tenths = [random.choice([None, 1, 905, 1350]) for _ in range(WIDTH)]
            kind = random.choice(["counts", "counts", "beyond", "neither"])
            readings.append(One(day, tuple(tenths), kind))
            one.add(readings[-1])
        kept.add(*readings)
        length = random.choice([1, 2, 7])
        ends = [day - random.choice([0, 0, 1, 5, -1]) for day in latest]
        begins = [day - random.choice([0, 1, 6, 7, 100]) for day in latest]
        windows = kept.windows(ends, length, begins)
        for place, one in enumerate(plain):
            assert kept.days(place) == one.kept()
            assert kept.forgotten(place) == one.forgotten
            expected = one.window(ends[place], length, begins[place])
            assert seen(windows, place) == expected


@pytest.mark.parametrize("kind", ["counts", "beyond"])
def test_a_day_is_full_at_255_of_either_kind_and_can_be_emptied(kind: str) -> None:
    kept = Kept()
    for _ in range(255):
        kept.add(One(3, kind=kind))
    full = kept.days()
    assert full[3][:2] == ((255, 0) if kind == "counts" else (0, 255))
    for other in ("counts", "beyond"):
        kept.add(One(3, kind=other))
        assert kept.days() == full
    kept.add(One(4, kind=kind))
    assert kept.days()[4][:2] == ((1, 0) if kind == "counts" else (0, 1)), "another day has room"
    kept.take(One(3, kind=kind))
    assert kept.days()[3][:2] == ((254, 0) if kind == "counts" else (0, 254))


def test_what_is_taken_away_leaves_the_rest_and_no_empty_day() -> None:
    kept = Kept()
    first, second = One(3), One(3, (1400, None, 700, 1))
    for one in (first, second, One(3, kind="beyond")):
        kept.add(one)
    assert kept.days() == {3: (2, 1, [2600, 800, 700, 601], [2, 1, 1, 2])}
    kept.take(first)
    assert kept.days() == {3: (1, 1, [1400, 0, 700, 1], [1, 0, 1, 1])}
    kept.take(One(3, kind="beyond"))
    kept.take(second)
    assert kept.days() == {}, "nothing was measured on it"


def test_a_day_beyond_every_calendar_is_the_first_or_the_last() -> None:
    kept = Kept()
    for day in (-5, 0, 65_534, 65_535, 10**6):
        kept.add(One(day))
    assert {day: sums[0] for day, sums in kept.days().items()} == {0: 2, 65_534: 3}


def test_the_ninth_day_takes_the_place_of_the_oldest_and_a_late_one_only_is_known() -> None:
    kept = Kept()
    for day in (10, 12, 14, 16, 18, 20, 22, 24):
        kept.add(One(day))
    assert kept.forgotten() == -1
    kept.add(One(5))
    assert (sorted(kept.days()), kept.forgotten()) == ([10, 12, 14, 16, 18, 20, 22, 24], 5)
    kept.add(One(4))
    assert kept.forgotten() == 5, "the newest of those that went"
    kept.add(One(11))
    assert (sorted(kept.days()), kept.forgotten()) == ([11, 12, 14, 16, 18, 20, 22, 24], 10)
    assert kept.days()[11] == _sums([One(11)]), "nothing of day 10 is in it"
    kept.add(One(24, kind="beyond"))
    assert (len(kept.days()), kept.forgotten()) == (8, 10)


def test_the_day_before_the_oldest_takes_no_place() -> None:
    kept = Kept()
    for day in range(10, 18):
        kept.add(One(day))
    kept.add(One(9))
    assert (sorted(kept.days()), kept.forgotten()) == (list(range(10, 18)), 9)


@pytest.mark.parametrize(
    ("gap", "from_day", "counted"),
    [
        (28, 0, [128, 129]),  # 28 days later the episode goes on
        (29, 0, [130]),  # 29 days later a first day begins another one, and is left out
        (28, 100, [128, 129]),  # the plan began on the day of the reading before
        (28, 101, [129]),  # that was before the plan: the next one is the first day
        (28, 128, [129]),
        (28, 129, []),
    ],
)
def test_the_first_day_of_an_episode_is_in_no_mean(
    gap: int, from_day: int, counted: list[int]
) -> None:
    kept = Kept()
    for day in (100, 100 + gap, 101 + gap):
        kept.add(One(day))
    assert seen(kept.windows([101 + gap], 7, [from_day]))[-1] == counted


def test_the_first_day_of_all_is_a_day_like_any_other() -> None:
    kept = Kept()
    kept.add(One(0))
    assert seen(kept.windows([0], 7, [0]))[-1] == []
    kept.add(One(1))
    assert seen(kept.windows([1], 7, [0]))[-1] == [1]
    assert seen(kept.windows([1], 1, [0]))[-1] == [1], "day 0 went before it"


@pytest.mark.parametrize(("from_day", "counted"), [(0, True), (50, True), (51, False)])
def test_a_day_that_is_kept_no_more_still_goes_before(from_day: int, counted: bool) -> None:
    kept = Kept()
    for day in (50, 60, 61, 62, 63, 64, 65, 66, 67):
        kept.add(One(day))
    assert kept.forgotten() == 50
    days = seen(kept.windows([67], 8, [from_day]))[-1]
    assert days == [*([60] if counted else []), *range(61, 68)]
