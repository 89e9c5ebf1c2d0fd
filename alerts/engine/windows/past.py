"""What eligible readings find in memory when they come, themselves included; one element each."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from alerts.engine.readings.columns import Booleans, Integers
from alerts.engine.state.memory import Memory, Structured
from alerts.engine.state.partition_state import PartitionState


class Past(Protocol):
    """Of readings of different patients, or of one."""

    @property
    def days(self) -> Structured:
        """Sums over days, shape (readings, ``DAYS_MAX``)."""

    @property
    def forgotten(self) -> Integers:
        """The newest day that is kept no more; -1: none."""

    def last(self, some: Integers, number: int) -> tuple[Structured, Booleans]:
        """Give what ``Memory.last`` does, for some of the readings."""

    def holding(self, ladder: int) -> npt.NDArray[np.uint32]:
        """Give the rungs that may hold."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Of readings of different patients, which memory has just taken: what it says."""

    state: PartitionState
    memory: Memory
    row: Integers
    slot: Integers
    days: Structured

    @property
    def forgotten(self) -> Integers:
        """The newest day that is kept no more; -1: none."""
        return self.memory.forgotten(self.slot).astype(np.int64) - 1

    def last(self, some: Integers, number: int) -> tuple[Structured, Booleans]:
        """Read rings."""
        return self.memory.last(self.slot[some], number)

    def holding(self, ladder: int) -> npt.NDArray[np.uint32]:
        """Give the rungs that hold."""
        holding: npt.NDArray[np.uint32] = self.state.latched[self.row, ladder]
        return holding
