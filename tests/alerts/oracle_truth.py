"""Three-valued truth of an expression, in Decimal, one reading at a time.

What an expression is asked about is a ``View``: a reading, or the mean of many.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Protocol, TypeVar

from alerts.rules import syntax
from schemas.reading import Quantity

MMHG_IN_KPA = Decimal("0.133322387415")

Number = TypeVar("Number", Decimal, Fraction)
Band = dict[str, Decimal]
Limits = Callable[[syntax.Comparison], dict[str, Decimal]]
"""The limit of a comparison in each unit in which it is stated: the book's, or the patient's."""


class View(Protocol):
    """What fields mean."""

    def compare(self, test: syntax.Comparison, band: Band) -> bool | None: ...
    def beyond(self, test: syntax.Beyond) -> bool | None: ...
    def reported(self, test: syntax.HasStatus) -> bool | None: ...


def holds(expression: syntax.Expression, view: View, band: Band | None = None) -> bool | None:
    """Three-valued truth; with a band, of the condition whose limits are moved towards normal."""
    match expression:
        case syntax.And(parts=parts):
            truths = [holds(part, view, band) for part in parts]
            return False if False in truths else None if None in truths else True
        case syntax.Or(parts=parts):
            truths = [holds(part, view, band) for part in parts]
            return True if True in truths else None if None in truths else False
        case syntax.Not(inner=inner):
            # What makes "not ..." easier to hold makes the inside harder: the band turns round.
            turned = band and {unit: -number for unit, number in band.items()}
            truth = holds(inner, view, turned)
            return None if truth is None else not truth
        case syntax.Beyond():
            return view.beyond(expression)
        case syntax.HasStatus():
            return view.reported(expression)
        case syntax.Comparison():
            return view.compare(expression, band or {})


@dataclass(frozen=True)
class OneReading:
    """A reading as received, compared in its own unit."""

    values: dict[str, Quantity]
    status: list[str] | None
    limits: Limits

    def compare(self, test: syntax.Comparison, band: Band) -> bool | None:
        if test.field == "map":
            return self.compare_mean_arterial(test, band)
        value = self.values.get(test.field)
        if value is None:
            return None
        if value.value is None:
            side = censored(value)
            return None if side is None else (side == "HI") == upward(test)
        limits = {
            unit: towards_normal(test, unit, limit, band)
            for unit, limit in self.limits(test).items()
        }
        number, unit = Decimal(value.value), value.unit.replace("mm[Hg]", "mmHg")
        if unit not in limits:  # a kPa cuff: convert the reading
            assert unit == "kPa"
            number, unit = number / MMHG_IN_KPA, "mmHg"
        return related(number, test.operator, limits[unit])

    def compare_mean_arterial(self, test: syntax.Comparison, band: Band) -> bool | None:
        """Diastolic pressure and a third of what systolic pressure is above it."""
        systolic, diastolic = mmhg(self.values, "systolic"), mmhg(self.values, "diastolic")
        if systolic is None or diastolic is None:
            return None
        limit = towards_normal(test, "mmHg", self.limits(test)["mmHg"], band)
        return related((systolic + 2 * diastolic) / 3, test.operator, Fraction(limit))

    def beyond(self, test: syntax.Beyond) -> bool | None:
        value = self.values.get(test.field)
        if value is None or (value.absent and censored(value) is None):
            return None
        return censored(value) == test.side

    def reported(self, test: syntax.HasStatus) -> bool | None:
        return None if self.status is None else test.flag in self.status


def mmhg(values: dict[str, Quantity], field: str) -> Fraction | None:
    value = values.get(field)
    if value is None or value.value is None:
        return None
    number = Fraction(value.value)
    return number / Fraction(MMHG_IN_KPA) if value.unit == "kPa" else number


def censored(value: Quantity) -> str | None:
    """HI, LO, or neither."""
    return {"positive-infinity": "HI", "negative-infinity": "LO"}.get(value.absent or "")


def upward(test: syntax.Comparison) -> bool:
    return test.operator.startswith(">")


def towards_normal(test: syntax.Comparison, unit: str, number: Decimal, band: Band) -> Decimal:
    if not band:
        return number
    return number - band[unit] if upward(test) else number + band[unit]


def related(number: Number, operator: str, limit: Number) -> bool:
    match operator:
        case "<":
            return number < limit
        case "<=":
            return number <= limit
        case ">":
            return number > limit
        case _:
            return number >= limit


def excess(expression: syntax.Expression, one: OneReading) -> float:
    """Tell how far beyond its limit a match lies, relative to the limit.

    HI, LO and flags are the farthest.
    """
    match expression:
        case syntax.Or(parts=parts) | syntax.And(parts=parts):
            return max(excess(part, one) for part in parts)
        case syntax.Not(inner=inner):
            return excess(inner, one)
        case syntax.Comparison():
            return beyond_limit(expression, one) if one.compare(expression, {}) else 0.0
        case syntax.Beyond() | syntax.HasStatus():
            return float("inf") if holds(expression, one) else 0.0


def beyond_limit(test: syntax.Comparison, one: OneReading) -> float:
    limits = one.limits(test)
    if test.field == "map":
        systolic, diastolic = mmhg(one.values, "systolic"), mmhg(one.values, "diastolic")
        assert systolic is not None
        assert diastolic is not None
        value, limit = float((systolic + 2 * diastolic) / 3), float(limits["mmHg"])
        return abs(value - limit) / limit
    received = one.values[test.field]
    if received.value is None:
        return float("inf")
    unit = received.unit.replace("mm[Hg]", "mmHg")
    limit = float(limits[unit] if unit in limits else limits["mmHg"] * MMHG_IN_KPA)
    return abs(float(received.value) - limit) / limit
