"""Sums over a patient's local days, and the means that rules make of them.

The first day of an episode of measuring is left out of means: a day of the patient before which,
for 28 days, nothing with a trusted time was measured since the care plan began. Integers only, so
that the order of arrival changes nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.engine.columns import Booleans, Integers
from alerts.engine.memory import DAY_READINGS_MAX, Memory, Structured

EPISODE_GAP_DAYS = 28
_DAY_CODE_MAX = 2**16 - 1


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
        """Give some of the readings."""
        return Added(
            self.day[positions],
            self.counts[positions],
            self.beyond[positions],
            self.tenths[positions],
            self.known[positions],
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

    ``sign`` -1 takes the values of a reading away; its day remains a day of measuring.
    """
    days = memory.days(slot)
    code = code_of(added.day)
    stored = np.ascontiguousarray(days["day"].T)  # by columns: numpy is slow along short rows
    same = stored == code
    known = same.any(axis=0)
    each = np.arange(len(slot))
    place = np.where(known, same.argmax(axis=0), stored.argmin(axis=0))
    oldest = stored[place, each]
    late = ~known & (code < oldest)  # older than all that are kept
    new = ~known & ~late
    lost = np.where(late, code, np.where(new, oldest, 0)).astype(np.uint16)
    forgotten = memory.table["forgotten_day"]
    forgotten[slot] = np.maximum(forgotten[slot], lost)
    days[each[new], place[new]] = np.zeros((), days.dtype)
    days["day"][each[new], place[new]] = code[new]
    full = days["readings"][each, place] == DAY_READINGS_MAX
    full |= days["beyond"][each, place] == DAY_READINGS_MAX
    changes = np.flatnonzero(~late & (added.counts | added.beyond) & ((sign == -1) | ~full))
    _sum(days, changes, place, added, sign)
    memory.put_days(slot, days)
    return days


def _sum(days: Structured, each: Integers, place: Integers, added: Added, sign: int) -> None:
    at = (each, place[each])
    counts, step = added.counts[each], np.array(sign).astype(np.uint8)  # -1 is 255: it wraps
    days["readings"][at] += counts * step
    days["beyond"][at] += added.beyond[each] * step
    known = added.known[each] & counts[:, None]
    days["count"][at] += known * step
    days["total"][at] += (sign * added.tenths[each] * known).astype(np.int32)


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
    stored = days["day"].T.astype(np.int64) - 1
    stored[stored < from_day] = -1
    inside = (stored >= 0) & (stored <= ends.day) & (stored > ends.day - length)
    first = np.where(inside, stored, _DAY_CODE_MAX).min(axis=0)
    before = np.where(stored < first, stored, -1).max(axis=0)
    before = np.maximum(before, np.where(ends.forgotten < from_day, -1, ends.forgotten))
    began = (before < 0) | (before < first - EPISODE_GAP_DAYS)
    inside &= ~(began & (stored == first))
    readings = days["readings"].T * inside
    total, count = (_over(days[name], inside) for name in ("total", "count"))
    return Window(
        readings=readings.sum(axis=0, dtype=np.int64),
        days=(readings > 0).sum(axis=0),
        beyond=(days["beyond"].T * inside).sum(axis=0, dtype=np.int64),
        total=total,
        count=count,
        inside=np.where(inside, stored, -1).T,
    )
