"""What the engine remembers of the patients of one partition of readings.v1.

Dense numpy columns hold what every patient has: the newest judged reading of each vital, the ids of
recent ones, whether the newest met every return condition. Sparse tables hold what few have: open
alerts, matches that wait for a repeat, old readings that arrived today. A row, once given to a
patient, is never given to another.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from alerts.engine.deadlines import Timers
from alerts.engine.ladder_state import LONG_AGO_MS, LadderState
from alerts.engine.ladders import RuleSet
from alerts.engine.plans import Plans
from alerts.engine.sight import Sight

RECENT_MAX = 32
"""Ids kept per patient and vital to drop what is delivered twice; older duplicates are stale."""

_ROWS_FIRST = 256

_T = TypeVar("_T", bound=np.generic)


class Arrivals(msgspec.Struct):
    """Stale matches of one vital that arrived on one day of the patient, and the worst."""

    day: str
    count: int
    rank: int
    excess: float
    ladder: int
    rung: int
    sight: Sight


class PartitionState:
    """Mutable; moved by ``alerts.engine.step`` alone."""

    def __init__(self, rule_set: RuleSet, plans: Plans) -> None:
        """Start with nobody, long ago."""
        self.rule_set = rule_set
        self.plans = plans
        self.log_ms = LONG_AGO_MS
        self.rows: dict[str, int] = {}
        self.patients: list[str] = []
        self.ladders: dict[tuple[int, int], LadderState] = {}
        """By (row, ladder). An entry is never empty."""
        self.timers = Timers()
        """Of those of ``ladders`` in which something waits for a repeat."""
        self.arrivals: dict[tuple[int, int], Arrivals] = {}
        """By (row, vital)."""
        vitals, ladders = len(rule_set.vitals), len(rule_set.ladders)
        size = _ROWS_FIRST
        self.newest_ms = np.full((size, vitals), LONG_AGO_MS)
        self.recent = np.zeros((size, vitals, RECENT_MAX), np.uint64)
        self.recent_count = np.zeros((size, vitals), np.int64)
        self.busy = np.zeros((size, vitals), np.bool_)
        """Whether ``ladders`` has an entry for one of the vital's ladders."""
        self.clear = np.zeros((size, ladders), np.bool_)
        """Whether the newest reading met every return condition of the ladder."""
        self.in_force = np.zeros((size, ladders), np.int64)
        self.from_ms = np.zeros(size, np.int64)

    def row(self, patient_id: str) -> int:
        """Find a patient's row, or make one."""
        row = self.rows.get(patient_id)
        if row is None:
            row = self.rows[patient_id] = len(self.patients)
            self.patients.append(patient_id)
            if row == len(self.from_ms):
                self._grow()
            self.replan(patient_id)
        return row

    def replan(self, patient_id: str) -> None:
        """Take the patient's plan into the columns, if the patient is known here."""
        row = self.rows.get(patient_id)
        if row is not None:
            plan = self.plans.of(patient_id)
            self.in_force[row] = plan.in_force
            self.from_ms[row] = plan.from_ms

    def put_ladder(self, key: tuple[int, int], ladder: LadderState) -> None:
        """Keep a ladder's state, or forget it if it is empty."""
        if ladder.empty:
            self.ladders.pop(key, None)
        else:
            self.ladders[key] = ladder
        self.timers.set(key, ladder.deadline_ms)

    def mark_busy(self, row: int, vital: int, ladders: Iterable[int]) -> None:
        """Note whether a patient has anything open or waiting for a vital."""
        self.busy[row, vital] = any((row, ladder) in self.ladders for ladder in ladders)

    def remember(self, row: int, vital: int, identity: int) -> bool:
        """Remember a reading; tell whether it was new."""
        if bool((self.recent[row, vital] == np.uint64(identity)).any()):
            return False
        place = self.recent_count[row, vital] % RECENT_MAX
        self.recent[row, vital, place] = identity
        self.recent_count[row, vital] += 1
        return True

    def _grow(self) -> None:
        self.newest_ms = _doubled(self.newest_ms, LONG_AGO_MS)
        self.recent = _doubled(self.recent)
        self.recent_count = _doubled(self.recent_count)
        self.busy = _doubled(self.busy)
        self.clear = _doubled(self.clear)
        self.in_force = _doubled(self.in_force)
        self.from_ms = _doubled(self.from_ms)


def _doubled(array: npt.NDArray[_T], fill: int = 0) -> npt.NDArray[_T]:
    return np.concatenate([array, np.full_like(array, fill)])
