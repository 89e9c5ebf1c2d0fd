"""Whether rungs about several readings hold at the newest one, for all patients of a round at once.

A rung of N of M holds at an eligible reading that satisfies ``when`` itself, if enough of the last
M eligible readings do; it has returned at one that is definitely back within the limits moved by
their band, when too few are left that are not. A rung about a mean holds or has returned as its
mean says, if the window has enough readings on enough days; with HI or LO in it the mean cannot
return.
"""

from dataclasses import dataclass

import numpy as np

from alerts.engine.ladders.kinds import Kinds
from alerts.engine.readings.columns import Booleans, Integers, pick
from alerts.engine.state.day_sums import Window
from alerts.engine.state.memory import Structured
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import values_of_entries
from alerts.rules.book import Matching, Mean
from alerts.rules.condition import Condition
from alerts.rules.values import Sums, Truth, Values


@dataclass(frozen=True, slots=True)
class Rings:
    """The last readings of patients, newest first, shape (patients, readings)."""

    at_ms: Integers
    day: Integers
    there: Booleans
    values: Values

    def truth(self, condition: Condition, *, widened: bool) -> Truth:
        """Ask a condition about each reading."""
        truth = condition.truth(self.values, widened=widened)
        shape = self.at_ms.shape
        return Truth(truth.true.reshape(shape), truth.false.reshape(shape))

    def inside(self, window: Matching) -> Booleans:
        """Tell which readings a window looks at."""
        inside = self.there.copy()
        inside[:, window.of :] = False
        if window.within_ms:
            inside &= self.at_ms >= self.at_ms[:, :1] - window.within_ms
        return inside


def rings(
    state: PartitionState, kinds: Kinds, row: Integers, entries: Structured, there: Booleans
) -> Rings:
    """Read what rings keep of patients (``row``)."""
    rows = np.repeat(row, entries.shape[1])
    at_ms = entries["at_ms"].reshape(-1)
    values = values_of_entries(
        entries.reshape(-1), kinds, state.chosen(kinds.settings, rows, at_ms)
    )
    since = there & (entries["at_ms"] >= state.from_ms[row][:, None])
    day = state.local_days(rows, at_ms).reshape(entries.shape)
    return Rings(entries["at_ms"], day, since, values)


def counting(condition: Condition, window: Matching, rings: Rings) -> Booleans:
    """Tell which of the last readings count: they satisfy a condition, and lie far enough apart."""
    counted = rings.inside(window) & rings.truth(condition, widened=False).true
    if window.apart_ms:
        _space(counted, rings.at_ms, window.apart_ms)
    return counted


def enough(window: Matching, counted: Booleans, day: Integers) -> Booleans:
    """Tell for which patients enough readings count, on enough days."""
    several: Booleans = counted.sum(axis=1) >= window.matching
    if window.days > 1:
        several &= days_of(counted, day) >= window.days
    return several


def days_of(counted: Booleans, day: Integers) -> Integers:
    """Count on how many days the readings that count were measured."""
    days = np.sort(np.where(counted, day, -1), axis=1)
    different: Integers = (np.diff(days, axis=1, prepend=-1) > 0).sum(axis=1)
    return different


def matching(condition: Condition, window: Matching, rings: Rings) -> Booleans:
    """Tell for which patients enough of the last readings satisfy a condition."""
    return enough(window, counting(condition, window, rings), rings.day)


def relaxed(condition: Condition, window: Matching, rings: Rings) -> Booleans:
    """Tell for which patients too few of them might still satisfy the widened condition.

    The newest itself does not: a pressure that is high, or that nobody knows, ends nothing because
    the ones before it are long ago.
    """
    back = rings.truth(condition, widened=True).false
    maybe = rings.inside(window) & ~back
    few: Booleans = back[:, 0] & (maybe.sum(axis=1) < window.matching)
    return few


def _space(counted: Booleans, at_ms: Integers, apart_ms: int) -> None:
    """From the oldest on, count a match only so long after the last one that counted."""
    since_ms = np.full(len(counted), np.iinfo(np.int64).min // 2)
    for place in reversed(range(counted.shape[1])):
        counted[:, place] &= at_ms[:, place] - since_ms >= apart_ms
        since_ms = np.where(counted[:, place], at_ms[:, place], since_ms)


def averaged(count: Integers, mean: Mean) -> Integers:
    """Leave out quantities that too few readings of a window have: their means are unknown."""
    return np.where(count >= mean.readings, count, 0)


def averages(
    mean: Mean, window: Window, values: Values, positions: Integers
) -> tuple[Integers, Sums]:
    """Give which windows have enough for a mean, and their sums for a condition.

    ``values``: of a batch; ``positions``: there, of the readings at the ends of the windows.
    """
    several = (window.readings >= mean.readings) & (window.days >= mean.on_days)
    some = np.flatnonzero(several)
    ends, total = positions[some], pick(window.total, some)
    return some, Sums(
        total,
        averaged(pick(window.count, some), mean),
        np.zeros_like(total),
        met={need: met[ends] for need, met in values.met.items()},
        chosen={name: chosen.some(ends) for name, chosen in values.chosen.items()},
    )
