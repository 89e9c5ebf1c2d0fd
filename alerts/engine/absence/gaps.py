"""When the log itself was away: until when that explains a silence.

What waited on the way to the clinic comes within two hours after the log came back. One that is
away again and again does not get them anew each time: two hours are counted in all, since it came
back after the silence was due, and four if an absence among these was as long as two hours, which
leave what waited that long its two hours undivided. So no silence is held for ever.

Invariants: what is asked is asked as of a record, and forgetting changes no answer about a later
one, so that the cuts of the log do not matter. Of at most four hours in all, in stays that count
for five minutes at least, 50 gaps are kept, for all patients of a partition together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from alerts.engine.absence.contacts import Integers
from alerts.engine.absence.surroundings import AFRESH_AFTER_MS, NEVER_MS
from alerts.engine.transitions.ladder_state import LONG_AGO_MS

LOG_GAP_MS = 5 * 60_000
"""Ticks come every minute: stamps farther apart tell that the way to the clinic was late."""
_STAY_LEAST_MS = LOG_GAP_MS
"""Without another one a record speaks for as long: else one an hour held silence for months."""
_IN_ALL_MAX_MS = 2 * AFRESH_AFTER_MS


class Gap(NamedTuple):
    """Log time before the log went, and when it came back, UTC ms."""

    gone_ms: int
    came_ms: int


@dataclass(slots=True)
class Gaps:
    """Those of a partition's log that may still explain a silence, in their order."""

    known: list[Gap] = field(default_factory=list)

    def note(self, log_ms: Integers, before_ms: int, apart_ms: int) -> None:
        """Find where log time went on by more than ``apart_ms``; ``before_ms``: before them all."""
        before = np.concatenate([[before_ms], log_ms[:-1]])
        gap = (before > LONG_AGO_MS) & (log_ms - before > apart_ms)
        self.known += map(Gap, before[gap].tolist(), log_ms[gap].tolist())

    def held_until_ms(self, due_ms: int, log_ms: int) -> int:
        """Tell until when a silence is not judged, as of a record; LONG_AGO_MS: nothing held it."""
        begun = [gap for gap in self.known if gap.came_ms <= log_ms]
        if not begun:
            return LONG_AGO_MS
        since = [gap for gap in begun if gap.came_ms > due_ms] or begun[-1:]
        in_all_ms, there_ms = AFRESH_AFTER_MS, 0
        for gap, stay_ms in zip(since, [*_stays_ms(since), NEVER_MS], strict=True):
            if gap.came_ms - gap.gone_ms >= AFRESH_AFTER_MS:
                in_all_ms = _IN_ALL_MAX_MS
            left_ms = min(in_all_ms - there_ms, AFRESH_AFTER_MS)
            if stay_ms >= left_ms:
                return gap.came_ms + left_ms
            there_ms += stay_ms
        raise AssertionError("the last stay has no end")

    def forget(self) -> None:
        """Forget what no record to come may ask for: whoever was due then had every hour since."""
        while sum(_stays_ms(self.known[1:])) >= _IN_ALL_MAX_MS:
            del self.known[0]


def _stays_ms(gaps: list[Gap]) -> Iterator[int]:
    """Give how long the log was there between them."""
    for one, following in pairwise(gaps):
        yield max(following.gone_ms - one.came_ms, _STAY_LEAST_MS)
