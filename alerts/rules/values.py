"""What a condition is asked about: readings as columns, means as sums, and three-valued answers.

Means, rises and derived fields are compared in scaled integers, so that a sum does not depend on
the order in which it was added: values in tenths of their unit, limits in millionths.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from alerts.rules.bounds import Statement

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int64]

HI = 1
LO = -1
SIDES: dict[str, int] = {"positive-infinity": HI, "negative-infinity": LO}
"""On which side of a meter's range a value lies, by why it is absent."""

SET = 1
CLEAR = 0
NOT_ASSESSED = -1


@dataclass(frozen=True, slots=True)
class Requirement:
    """A circumstance that a rule asks for: an attribute of the reading is one of these words."""

    attribute: str
    words: tuple[str, ...]

    def met(self, attributes: Mapping[str, str]) -> bool:
        """Tell whether a reading says so; one that does not tell is not judged by the rule."""
        return attributes.get(self.attribute) in self.words


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which limit each reading is compared with: 0 is the book's, n is ``stated[n - 1]``."""

    choice: Integers
    stated: tuple[Statement, ...]

    def some(self, places: Integers) -> "Chosen":
        """Give those of some readings."""
        return Chosen(self.choice[places], self.stated)


@dataclass(frozen=True, slots=True)
class Values:
    """Readings of one vital as columns, shape (readings, quantities of the vital).

    ``number``: as received, NaN if absent; ``unit``: place in the quantity's accepted units;
    ``beyond``: HI, LO or 0. By name: ``status`` SET, CLEAR or NOT_ASSESSED of each flag that a
    rule asks for, ``met`` whether a requirement is, ``chosen`` where limits are personal.
    """

    number: Floats
    unit: Codes
    beyond: Codes
    status: Mapping[str, Codes] = field(default_factory=dict)
    met: Mapping[Requirement, Booleans] = field(default_factory=dict)
    chosen: Mapping[str, Chosen] = field(default_factory=dict)

    def some(self, places: Integers) -> "Values":
        """Give some of the readings."""
        return Values(
            self.number[places],
            self.unit[places],
            self.beyond[places],
            {name: flag[places] for name, flag in self.status.items()},
            {need: met[places] for need, met in self.met.items()},
            {name: chosen.some(places) for name, chosen in self.chosen.items()},
        )

    def sums(self) -> "Sums":
        """Take each reading for the mean of itself: derived fields are compared as integers."""
        known = ~np.isnan(self.number)
        tenths = np.rint(np.where(known, self.number, 0.0) * 10).astype(np.int64)
        return Sums(tenths, known.astype(np.int64), self.unit, chosen=self.chosen)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the window that ends at each reading, shape (readings, quantities of the vital).

    ``total``: of values in tenths of ``unit``; ``count``: how many there are, 0 is unknown;
    HI and LO are left out of both. ``baseline_total``, ``baseline_count``: the same over the
    patient's baseline, in the same unit, for rules about a rise.
    """

    total: Integers
    count: Integers
    unit: Codes
    baseline_total: Integers | None = None
    baseline_count: Integers | None = None
    met: Mapping[Requirement, Booleans] = field(default_factory=dict)
    chosen: Mapping[str, Chosen] = field(default_factory=dict)

    def some(self, places: Integers) -> "Sums":
        """Give some of the sums."""
        return Sums(
            self.total[places],
            self.count[places],
            self.unit[places],
            None if self.baseline_total is None else self.baseline_total[places],
            None if self.baseline_count is None else self.baseline_count[places],
            {need: met[places] for need, met in self.met.items()},
            {name: chosen.some(places) for name, chosen in self.chosen.items()},
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """Three-valued, one element a reading: definitely true, definitely false, or neither."""

    true: Booleans
    false: Booleans


def unknown(size: int) -> Truth:
    """Know nothing."""
    nothing = np.zeros(size, np.bool_)
    return Truth(nothing, nothing)
