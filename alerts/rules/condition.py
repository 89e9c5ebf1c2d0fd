"""A rule's condition, bound to the columns of its vital: three-valued, for all readings at once.

Truth is Kleene's: a comparison with an absent value is neither true nor false. A HI or LO satisfies
the comparisons on its side and contradicts those on the other; what is derived from one is unknown.
Each condition can be asked twice: as written (does it hold?) and *widened*, every limit moved
towards normal by its band: a condition has returned when the widened one is definitely false.

Asked with ``Values`` a condition judges readings, with ``Sums`` means and rises.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from alerts.rules.bounds import MILLIONTHS, Bounds, Scale
from alerts.rules.values import (
    CLEAR,
    HI,
    LO,
    SET,
    Booleans,
    Floats,
    Integers,
    Requirement,
    Sums,
    Truth,
    Values,
    unknown,
)

_TENTHS_IN_MILLIONTHS = MILLIONTHS // 10
_COMPARE: dict[str, Callable[[Any, Any], Booleans]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Condition(Protocol):
    """A bound expression."""

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Evaluate for all readings at once."""

    def tests(self) -> "tuple[Test, ...]":
        """List the comparisons inside, in the order in which they are written."""


@dataclass(frozen=True, eq=False, slots=True)
class Limit:
    """A quantity against a limit, which is the book's unless ``setting`` names a personal one.

    ``terms`` and ``divisor``: the field is the sum of (quantity, weight) / divisor: what is written
    as ``map`` is (systolic + 2 diastolic) / 3. ``rise``: the field is its rise over the baseline.
    """

    quantity: int
    name: str
    operator: str
    bounds: Bounds
    scale: Scale
    terms: tuple[tuple[int, int], ...]
    divisor: int
    rise: bool
    setting: str

    @property
    def limits(self) -> Floats:
        """The book's limit, one entry a unit code."""
        return self.bounds.limits

    @property
    def shown(self) -> tuple[str, ...]:
        """The book's limit as a person reads it, one entry a unit code."""
        return self.bounds.shown

    @property
    def derived(self) -> bool:
        """Tell whether the field is calculated from what the device sent."""
        return len(self.terms) > 1

    def described(self) -> str:
        """Spell the comparison out, with the book's limit: ``systolic > 180 mmHg``."""
        stated = ", ".join(dict.fromkeys(self.shown))
        return f"{self.name}{' rise' if self.rise else ''} {self.operator} {stated}"

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Compare in the unit received."""
        if isinstance(values, Sums):
            return self._mean_truth(values, widened=widened)
        if self.derived or self.rise:
            return self._mean_truth(values.sums(), widened=widened)
        number = values.number[:, self.quantity]
        beyond = values.beyond[:, self.quantity]
        limits = self._floats(values, widened=widened)
        holds = _COMPARE[self.operator](number, limits)
        side = HI if self.operator.startswith(">") else LO
        return Truth(holds | (beyond == side), ~(holds | np.isnan(number)) | (beyond == -side))

    def tests(self) -> "tuple[Test, ...]":
        """This one."""
        return (self,)

    def _floats(self, values: Values, *, widened: bool) -> Floats:
        unit, chosen = values.unit[:, self.quantity], values.chosen.get(self.setting)
        if chosen is None:
            return (self.bounds.widened if widened else self.bounds.limits).take(unit)
        every = [self.bounds, *map(self.scale.bounds, chosen.stated)]
        table = np.stack([each.widened if widened else each.limits for each in every])
        return table[chosen.choice, unit]

    def _exact(self, sums: Sums, *, widened: bool) -> Integers:
        unit, chosen = sums.unit[:, self.quantity], sums.chosen.get(self.setting)
        if chosen is None:
            return (self.bounds.exact_widened if widened else self.bounds.exact)[unit]
        every = [self.bounds, *map(self.scale.bounds, chosen.stated)]
        table = np.stack([each.exact_widened if widened else each.exact for each in every])
        return table[chosen.choice, unit]

    def _mean_truth(self, sums: Sums, *, widened: bool) -> Truth:
        """Compare total >= limit * count, never a quotient: nothing is rounded."""
        total, count, known = self._sum(sums.total, sums.count, sums)
        limit = self._exact(sums, widened=widened) * self.divisor
        if self.rise:
            if sums.baseline_total is None or sums.baseline_count is None:
                return unknown(len(total))
            before, days, told = self._sum(sums.baseline_total, sums.baseline_count, sums)
            total, count, known = total * days - before * count, count * days, known & told
        holds = _COMPARE[self.operator](total * _TENTHS_IN_MILLIONTHS, limit * count)
        return Truth(holds & known, ~holds & known)

    def _sum(
        self, totals: Integers, counts: Integers, sums: Sums
    ) -> tuple[Integers, Integers, Booleans]:
        count, unit = counts[:, self.quantity], sums.unit[:, self.quantity]
        total, known = np.zeros_like(count), count > 0
        for quantity, weight in self.terms:
            total = total + weight * totals[:, quantity]
            known = known & (counts[:, quantity] == count) & (sums.unit[:, quantity] == unit)
        return total, count, known


@dataclass(frozen=True, slots=True)
class Beyond:
    """Whether a quantity is HI or LO; unknown if it is absent for another reason."""

    quantity: int
    name: str
    side: int

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Look at the censoring alone; there is no limit that could be moved."""
        del widened
        if isinstance(values, Sums):
            return unknown(len(values.count))
        beyond = values.beyond[:, self.quantity]
        known = ~np.isnan(values.number[:, self.quantity]) | (beyond != 0)
        return Truth(beyond == self.side, known & (beyond != self.side))

    def described(self) -> str:
        """Spell the test out: ``glucose is LO``."""
        return f"{self.name} is {'HI' if self.side == HI else 'LO'}"

    def tests(self) -> "tuple[Test, ...]":
        """This one."""
        return (self,)


@dataclass(frozen=True, slots=True)
class HasStatus:
    """Whether the device reported a flag; unknown if it did not look for it."""

    name: str

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Look at the flag; there is no limit that could be moved."""
        del widened
        if isinstance(values, Sums):
            return unknown(len(values.count))
        flag = values.status.get(self.name)
        return unknown(len(values.number)) if flag is None else Truth(flag == SET, flag == CLEAR)

    def described(self) -> str:
        """Name the flag."""
        return self.name

    def tests(self) -> "tuple[Test, ...]":
        """This one."""
        return (self,)


Test = Limit | Beyond | HasStatus


@dataclass(frozen=True, slots=True)
class Opposite:
    """Not."""

    inner: Condition

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Swap true and false; unknown stays unknown."""
        inner = self.inner.truth(values, widened=widened)
        return Truth(inner.false, inner.true)

    def tests(self) -> tuple[Test, ...]:
        """Those inside."""
        return self.inner.tests()


@dataclass(frozen=True, slots=True)
class Every:
    """And: false as soon as one part is, true only if all are."""

    parts: tuple[Condition, ...]

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Combine the parts."""
        truths = [part.truth(values, widened=widened) for part in self.parts]
        return Truth(
            np.logical_and.reduce([truth.true for truth in truths]),
            np.logical_or.reduce([truth.false for truth in truths]),
        )

    def tests(self) -> tuple[Test, ...]:
        """Those of all parts."""
        return tuple(test for part in self.parts for test in part.tests())


@dataclass(frozen=True, slots=True)
class Some:
    """Or: true as soon as one part is, false only if all are."""

    parts: tuple[Condition, ...]

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Combine the parts."""
        truths = [part.truth(values, widened=widened) for part in self.parts]
        return Truth(
            np.logical_or.reduce([truth.true for truth in truths]),
            np.logical_and.reduce([truth.false for truth in truths]),
        )

    def tests(self) -> tuple[Test, ...]:
        """Those of all parts."""
        return tuple(test for part in self.parts for test in part.tests())


@dataclass(frozen=True, slots=True)
class Given:
    """A condition that is asked only in some circumstances: elsewhere it is unknown.

    A reading after a meal neither opens nor ends what a rule says of fasting values.
    """

    requirements: tuple[Requirement, ...]
    inner: Condition

    def truth(self, values: Values | Sums, *, widened: bool = False) -> Truth:
        """Let the answer stand where every requirement is met."""
        truth = self.inner.truth(values, widened=widened)
        met = np.ones(len(truth.true), np.bool_)
        for requirement in self.requirements:
            met &= values.met.get(requirement, np.zeros(len(met), np.bool_))
        return Truth(truth.true & met, truth.false & met)

    def tests(self) -> tuple[Test, ...]:
        """Those inside."""
        return self.inner.tests()
