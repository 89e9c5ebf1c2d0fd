"""A rule's condition, bound to the columns of its vital: three-valued, for all readings at once.

Truth is Kleene's: a comparison with an absent value is neither true nor false. A HI or LO satisfies
the comparisons on its side and contradicts those on the other. Each condition can be asked twice:
as written (does it hold?) and *widened*, every limit moved towards normal by its band: a condition
has returned when the widened one is definitely false.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

HI = 1
LO = -1

_COMPARE: dict[str, Callable[[Floats, Floats], Booleans]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Values:
    """Readings of one vital as columns, shape (readings, quantities of the vital).

    ``number``: as received, NaN if absent; ``unit``: place in the quantity's accepted units;
    ``beyond``: HI, LO or 0.
    """

    number: Floats
    unit: Codes
    beyond: Codes


@dataclass(frozen=True, slots=True)
class Truth:
    """Three-valued, one element a reading: definitely true, definitely false, or neither."""

    true: Booleans
    false: Booleans


class Condition(Protocol):
    """A bound expression."""

    def truth(self, values: Values, *, widened: bool = False) -> Truth:
        """Evaluate for all readings at once."""

    def tests(self) -> "tuple[Limit | Beyond, ...]":
        """List the comparisons inside, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A quantity against a limit; ``limits`` and ``widened_limits`` have one entry a unit code."""

    quantity: int
    name: str
    operator: str
    limits: Floats
    widened_limits: Floats
    shown: tuple[str, ...]
    """The limit as a person reads it, one entry a unit code."""

    def truth(self, values: Values, *, widened: bool = False) -> Truth:
        """Compare in the unit received."""
        number = values.number[:, self.quantity]
        beyond = values.beyond[:, self.quantity]
        limits = self.widened_limits if widened else self.limits
        holds = _COMPARE[self.operator](number, limits[values.unit[:, self.quantity]])
        side = HI if self.operator.startswith(">") else LO
        return Truth(holds | (beyond == side), ~(holds | np.isnan(number)) | (beyond == -side))

    def tests(self) -> "tuple[Limit | Beyond, ...]":
        """This one."""
        return (self,)


@dataclass(frozen=True, slots=True)
class Beyond:
    """Whether a quantity is HI or LO; unknown if it is absent for another reason."""

    quantity: int
    name: str
    side: int

    def truth(self, values: Values, *, widened: bool = False) -> Truth:
        """Look at the censoring alone; there is no limit that could be moved."""
        del widened
        beyond = values.beyond[:, self.quantity]
        known = ~np.isnan(values.number[:, self.quantity]) | (beyond != 0)
        return Truth(beyond == self.side, known & (beyond != self.side))

    def tests(self) -> "tuple[Limit | Beyond, ...]":
        """This one."""
        return (self,)


@dataclass(frozen=True, slots=True)
class Opposite:
    """Not."""

    inner: Condition

    def truth(self, values: Values, *, widened: bool = False) -> Truth:
        """Swap true and false; unknown stays unknown."""
        inner = self.inner.truth(values, widened=widened)
        return Truth(inner.false, inner.true)

    def tests(self) -> tuple[Limit | Beyond, ...]:
        """Those inside."""
        return self.inner.tests()


@dataclass(frozen=True, slots=True)
class Every:
    """And: false as soon as one part is, true only if all are."""

    parts: tuple[Condition, ...]

    def truth(self, values: Values, *, widened: bool = False) -> Truth:
        """Combine the parts."""
        truths = [part.truth(values, widened=widened) for part in self.parts]
        return Truth(
            np.logical_and.reduce([truth.true for truth in truths]),
            np.logical_or.reduce([truth.false for truth in truths]),
        )

    def tests(self) -> tuple[Limit | Beyond, ...]:
        """Those of all parts."""
        return tuple(test for part in self.parts for test in part.tests())


@dataclass(frozen=True, slots=True)
class Some:
    """Or: true as soon as one part is, false only if all are."""

    parts: tuple[Condition, ...]

    def truth(self, values: Values, *, widened: bool = False) -> Truth:
        """Combine the parts."""
        truths = [part.truth(values, widened=widened) for part in self.parts]
        return Truth(
            np.logical_or.reduce([truth.true for truth in truths]),
            np.logical_and.reduce([truth.false for truth in truths]),
        )

    def tests(self) -> tuple[Limit | Beyond, ...]:
        """Those of all parts."""
        return tuple(test for part in self.parts for test in part.tests())
