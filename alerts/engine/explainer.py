"""What rungs counted or averaged in a round, for the few readings that somebody asks about.

The arrays are there already; a sentence needs one row of them.
"""

from dataclasses import dataclass

import numpy as np

from alerts.engine.columns import Booleans, Integers
from alerts.engine.day_sums import Window as Averages
from alerts.engine.findings import Window
from alerts.engine.kinds import Kinds, Placed
from alerts.engine.ladders import VitalLadders
from alerts.engine.memory import Structured
from alerts.engine.remembered import sight_of_entry
from alerts.engine.sight import Sight
from alerts.engine.state import PartitionState
from alerts.rules.book import Rule
from alerts.rules.values import Sums


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


class Explainer:
    """Keeps a round's arrays until the next one."""

    def __init__(self, vital: VitalLadders, kinds: Kinds) -> None:
        """Start with nothing."""
        self._vital, self._kinds = vital, kinds
        self._kept: dict[str, tuple[Integers, Counted | _Averaged]] = {}

    def counted(self, one: Placed, positions: Integers, counted: Counted) -> None:
        """Keep what a rung of N of M counted at readings, given in rising order."""
        self._kept[one.rung.rule.id] = positions, counted

    def averaged(self, one: Placed, positions: Integers, sums: Sums, window: Averages) -> None:
        """Keep what a rung averaged."""
        self._kept[one.rung.rule.id] = positions, _Averaged(sums, window)

    def explain(  # noqa: PLR0913 - a reading, its patient, and how much of it
        self,
        position: int,
        rule: Rule,
        ring: Structured,
        state: PartitionState,
        row: int,
        *,
        briefly: bool,
    ) -> Window | None:
        """Say what a rung counted or averaged at a reading; None if this round did not.

        ``ring``: what the patient's ring keeps; ``briefly``: of a mean without its readings.
        """
        positions, kept = self._kept.get(rule.id, (np.zeros(0, np.int64), None))
        place = int(np.searchsorted(positions, position))
        if kept is None or place == len(positions) or positions[place] != position:
            return None
        if isinstance(kept, Counted):
            inside, counted = kept.inside[place], kept.counted[place]
            days = kept.day[place][counted].tolist()
            return Window(
                self._sights(kept.entries[place][inside][::-1]), len(days), len(set(days))
            )
        window, here = kept.window, np.array([place])
        readings = ring[:0]
        if not briefly:
            days = state.local_days(np.full(len(ring), row), ring["at_ms"])
            readings = ring[np.isin(days, window.inside[place])]
        return Window(
            self._sights(readings),
            days=int(window.days[place]),
            sums=kept.sums.some(here),
            averaged=int(window.readings[place]),
            beyond=int(window.beyond[place]),
        )

    def _sights(self, entries: Structured) -> tuple[Sight, ...]:
        vital, kinds = self._vital.vital, self._kinds
        return tuple(sight_of_entry(entry, vital, kinds) for entry in entries.tolist())
