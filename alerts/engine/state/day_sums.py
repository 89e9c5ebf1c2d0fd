"""Sums over a patient's local days, and the means that rules make of them.

The first day of an episode of measuring is left out of means: a day of the patient before which,
for 28 days, nothing with a trusted time was measured since the care plan began. Integers only, so
that the order of arrival changes nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.engine.readings.columns import Booleans, Integers, pick
from alerts.engine.state.memory import DAY_READINGS_MAX, DAYS_MAX, Memory, Structured

EPISODE_GAP_DAYS = 28
_DAY_CODE_MAX = 2**16 - 1
_PLACE_BITS = (DAYS_MAX - 1).bit_length()


@dataclass(frozen=True, slots=True)
class Added:
    """What readings with a trusted time bring to their days, one element a reading.

    ``counts``: it has values and neither HI nor LO; ``beyond``: it has one of these; neither if it
    is not eligible. ``tenths`` and ``known``, shape (readings, quantities): its values.
    """

    day: Integers
    counts: Booleans
    beyond: Booleans
    tenths: Integers
    known: Booleans

    def some(self, positions: Integers) -> "Added":
        """Give some of the readings, in their order."""
        return Added(
            pick(self.day, positions),
            pick(self.counts, positions),
            pick(self.beyond, positions),
            pick(self.tenths, positions),
            pick(self.known, positions),
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Of the days of a mean, one element a reading; ``total`` and ``count`` by quantity.

    ``readings``: how many count; ``days``: on how many days; ``beyond``: how many say HI or LO;
    ``inside``: the days themselves, -1 in other places.
    """

    readings: Integers
    days: Integers
    beyond: Integers
    total: Integers
    count: Integers
    inside: Integers

    def some(self, places: Integers) -> "Window":
        """Give those of some readings."""
        return Window(
            self.readings[places],
            self.days[places],
            self.beyond[places],
            self.total[places],
            self.count[places],
            self.inside[places],
        )


def code_of(day: Integers) -> npt.NDArray[np.uint16]:
    """Give what memory calls days: their number plus 1, as far as it goes; 0 is none."""
    return np.clip(day + 1, 1, _DAY_CODE_MAX).astype(np.uint16)


def add(memory: Memory, slot: Integers, added: Added, sign: int = 1) -> Structured:
    """Add a reading to the days of each of different slots; give the days as they are then.

    ``sign`` -1 takes a reading away; if it was the only one, nothing was measured on its day.
    """
    days = memory.days(slot)
    code = code_of(added.day)
    stored = np.ascontiguousarray(days["day"].T)  # by columns: numpy is slow along short rows
    # The day itself or else the oldest, 0 being none, with its place below it: one minimum tells
    # both, in a quarter of the time of argmax and argmin.
    ranked = np.where(stored == code, 0, stored + np.uint32(1)) << _PLACE_BITS
    least = (ranked | np.arange(DAYS_MAX, dtype=np.uint32)[:, None]).min(axis=0)
    rank, place = least >> _PLACE_BITS, (least & ((1 << _PLACE_BITS) - 1)).astype(np.int64)
    late = code + np.uint32(1) < rank  # older than all that are kept
    new = (rank > 0) & ~late
    lost = np.where(late, code, np.where(new, rank - np.uint32(1), 0)).astype(np.uint16)
    forgotten = memory.table["forgotten_day"]
    forgotten[slot] = np.maximum(forgotten[slot], lost)
    plain = days.reshape(-1).view(f"V{days.dtype.itemsize}")  # of each patient one day moves
    at = np.arange(len(slot)) * DAYS_MAX + place
    day = plain[at].view(days.dtype)
    day[new] = np.zeros((), days.dtype)
    day["day"][new] = code[new]
    _sum(day, added, sign, ~late)
    if sign < 0:
        day["day"][(day["readings"] == 0) & (day["beyond"] == 0)] = 0
    plain[at] = day.view(plain.dtype)
    memory.put_day(slot, place, day)
    return days


def _sum(day: Structured, added: Added, sign: int, some: Booleans) -> None:
    """Add each of ``some`` readings to its day, or take it away."""
    if sign == 1:
        some = some & (day["readings"] < DAY_READINGS_MAX) & (day["beyond"] < DAY_READINGS_MAX)
    counts, step = added.counts & some, np.array(sign).astype(np.uint8)  # -1 is 255: it wraps
    day["readings"] += counts * step
    day["beyond"] += (added.beyond & some) * step
    for quantity in range(added.known.shape[1]):
        known = added.known[:, quantity] & counts
        day["count"][:, quantity] += known * step
        day["total"][:, quantity] += (sign * added.tenths[:, quantity] * known).astype(np.int32)


def _over(each_day: Integers, inside: Booleans) -> Integers:
    """Sum up the days that are inside; one copy with the readings last makes numpy fast."""
    by_day = np.ascontiguousarray(each_day.transpose(1, 2, 0))
    total: Integers = (by_day * inside[:, None]).sum(axis=0, dtype=np.int64).T
    return total


@dataclass(frozen=True, slots=True)
class Ends:
    """Where windows end, one element a patient: the local day, and that of the plan's beginning.

    ``days``: what the patient's slot keeps; ``forgotten``: the newest day that it keeps no more.
    """

    days: Structured
    day: Integers
    from_day: Integers
    forgotten: Integers


def window(ends: Ends, length: int) -> Window:
    """Sum up the ``length`` days that end there."""
    days, from_day = ends.days, ends.from_day
    stored = np.ascontiguousarray(days["day"].T).astype(np.int64) - 1
    stored = np.where(stored < from_day, -1, stored)
    inside = (stored >= 0) & (stored <= ends.day) & (stored > ends.day - length)
    first = np.where(inside, stored, _DAY_CODE_MAX).min(axis=0)
    before = np.where(stored < first, stored, -1).max(axis=0)
    before = np.maximum(before, np.where(ends.forgotten < from_day, -1, ends.forgotten))
    began = (before < 0) | (before < first - EPISODE_GAP_DAYS)
    inside &= ~(began & (stored == first))
    readings, beyond = (np.ascontiguousarray(days[name].T) for name in ("readings", "beyond"))
    readings = readings * inside
    total, count = (_over(days[name], inside) for name in ("total", "count"))
    return Window(
        readings=readings.sum(axis=0, dtype=np.int64),
        days=(readings > 0).sum(axis=0),
        beyond=(beyond * inside).sum(axis=0, dtype=np.int64),
        total=total,
        count=count,
        inside=np.where(inside, stored, -1).T,
    )
