"""What rungs counted or averaged in a round, for the few readings that somebody asks about.

The arrays are there already; of all readings that ask the rows are made sentences' scalars at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from alerts.engine.ladders.findings import Window, summed
from alerts.engine.ladders.ladder import Rung, VitalLadders
from alerts.engine.readings.columns import Booleans, Integers
from alerts.engine.state.day_sums import Window as Averages
from alerts.engine.state.memory import RING_MAX, Structured
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import censored, evidence_of_entries
from alerts.engine.windows.holding import days_of
from alerts.rules.values import Sums
from schemas.alert import Evidence


@dataclass(frozen=True, slots=True)
class Counted:
    """Of a rung of N of M: the last readings, newest first, which it looks at, which count."""

    entries: Structured
    inside: Booleans
    counted: Booleans
    day: Integers


@dataclass(frozen=True, slots=True)
class _Averaged:
    sums: Sums
    window: Averages
    some: Integers
    """Which of the window's readings."""


class Explainer:
    """Keeps a round's arrays until the next one."""

    def __init__(self, state: PartitionState, vital: VitalLadders) -> None:
        """Start with nothing."""
        self._state, self._vital = state, vital
        self._kinds, self._memory = state.kinds[vital.index], state.memories[vital.index]
        self._kept: dict[Rung, tuple[Integers, Counted | _Averaged]] = {}

    def counted(self, rung: Rung, positions: Integers, counted: Counted) -> None:
        """Keep what a rung of N of M counted at readings."""
        self._kept[rung] = positions, counted

    def averaged(
        self, rung: Rung, positions: Integers, sums: Sums, window: tuple[Averages, Integers]
    ) -> None:
        """Keep what a rung averaged; ``window``: of many readings, and which of them these are."""
        self._kept[rung] = positions, _Averaged(sums, *window)

    def explain(self, rung: Rung, asked: Mapping[int, int], *, briefly: bool) -> dict[int, Window]:
        """Say what a rung counted or averaged at readings, where this round did.

        ``asked``: the readings, each with its patient's row; ``briefly``: of a mean without its
        readings.
        """
        if rung not in self._kept:
            return {}
        positions, kept = self._kept[rung]
        places = np.flatnonzero(np.isin(positions, list(asked)))
        told = positions[places].tolist()
        if isinstance(kept, Counted):
            return dict(zip(told, self._counts(kept, places), strict=True))
        rows = [-1 if briefly else asked[position] for position in told]
        return dict(zip(told, self._averages(rung, kept, places, rows), strict=True))

    def matching(self, inside: Structured, days: Sequence[int]) -> Window:
        """Say what a rung of N of M counted: ``days`` of the matching ones among the readings."""
        beyond = int(censored(inside).sum())
        return Window(self.shown(inside), len(days), len(set(days)), beyond)

    def shown(self, entries: Structured) -> list[Evidence]:
        """Show readings that rings keep."""
        return evidence_of_entries(entries, self._vital.vital, self._kinds)

    def _counts(self, kept: Counted, places: Integers) -> Iterator[Window]:
        inside = kept.inside[places, ::-1]  # oldest first
        entries, counted = kept.entries[places, ::-1][inside], kept.counted[places]
        shown, beyond = self.shown(entries), np.append(0, np.cumsum(censored(entries)))
        ends = np.cumsum(inside.sum(axis=1))
        begins = np.append(0, ends[:-1])
        rows = zip(
            begins.tolist(),
            ends.tolist(),
            counted.sum(axis=1).tolist(),
            days_of(counted, kept.day[places]).tolist(),
            (beyond[ends] - beyond[begins]).tolist(),
            strict=True,
        )
        for begin, end, matching, days, left_out in rows:
            yield Window(shown[begin:end], matching, days, left_out)

    def _averages(
        self, rung: Rung, kept: _Averaged, places: Integers, rows: Sequence[int]
    ) -> Iterator[Window]:
        averages = kept.window.some(kept.some[places])
        columns = zip(
            self._measured_on(np.array(rows, np.int64), averages.inside),
            averages.days.tolist(),
            summed(rung.tests, kept.sums.some(places)),
            averages.readings.tolist(),
            averages.beyond.tolist(),
            strict=True,
        )
        for shown, days, sums, readings, beyond in columns:
            yield Window(shown, days=days, sums=sums, averaged=readings, beyond=beyond)

    def _measured_on(self, row: Integers, days: Integers) -> Iterator[list[Evidence]]:
        """Show of each patient (-1: nobody) what the ring has of some days, -1 being no day."""
        asked = np.flatnonzero(row >= 0)
        entries, there = self._memory.last(self._memory.slots(row[asked]), RING_MAX)
        entries, there = entries[:, ::-1], there[:, ::-1]  # oldest first
        rows = np.repeat(row[asked], RING_MAX)
        measured = self._state.local_days(rows, entries["at_ms"].reshape(-1))
        inside = (measured.reshape(there.shape)[:, :, None] == days[asked, None]).any(axis=2)
        inside &= there
        shown = self.shown(entries[inside])
        ends = np.zeros(len(row), np.int64)
        ends[asked] = inside.sum(axis=1)
        ends = np.cumsum(ends)
        for begin, end in pairwise([0, *ends.tolist()]):
            yield shown[begin:end]
