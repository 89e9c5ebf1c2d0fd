"""Can a rule hold at all, and not of everybody? Asked of its own condition, at and around limits.

A condition is a step function of each value: it changes at its limits and nowhere else. So it is
asked at each limit, between each two, at the ends of what a patient can have, at HI and at LO.
"""

from itertools import pairwise, product
from math import prod

import numpy as np

from alerts.rules.book import Rule
from alerts.rules.condition import Beyond, Given, HasStatus, Limit
from alerts.rules.values import CLEAR, HI, LO, SET, Truth, Values
from schemas.units import accepted, shown
from schemas.vitals import VITALS, Quantity

_ASKED_MAX = 20_000
"""More combinations than any rule of a clinic has: of such a one nothing is claimed."""


def never_or_always(rule: Rule) -> str | None:
    """Say that a rule holds of no patient, or of every one; None if neither can be told."""
    tests = rule.condition.tests()
    limits = [test for test in tests if isinstance(test, Limit)]
    if any(limit.derived for limit in limits):
        return None  # it steps along a line across two values: these points say nothing of it
    for unit in _units(limits):
        truth = _asked(rule, limits, unit)
        if truth is None:
            return None
        measured = f" in {shown(unit)}" if unit else ""
        if not truth.true.any():
            return f"This can never hold of a patient{measured}: nobody would be told."
        if truth.true.all():
            return f"This holds of every patient{measured}, whatever is measured."
    return None


def _units(limits: list[Limit]) -> list[str]:
    """Name the units in which the first quantity with several is stated; "" if none has several."""
    return next(
        ([unit for unit, _ in one.scale.book] for one in limits if len(one.scale.book) > 1), [""]
    )


def _asked(rule: Rule, limits: list[Limit], unit: str) -> Truth | None:
    """Ask the condition at every combination of values; None if there are too many."""
    quantities = VITALS[rule.vital].quantities
    places = sorted({limit.quantity for limit in limits} | _beyond(rule))
    flags = sorted({one.name for one in rule.condition.tests() if isinstance(one, HasStatus)})
    codes = [_code(quantities[place], unit) for place in places]
    points = [
        _points(quantities[place], code, [one for one in limits if one.quantity == place])
        for place, code in zip(places, codes, strict=True)
    ]
    if prod(map(len, points)) * 2 ** len(flags) > _ASKED_MAX:
        return None
    rows = np.array(list(product(*points, *([(CLEAR, SET)] * len(flags)))), np.float64)
    number = np.full((len(rows), len(quantities)), np.nan)
    units, beyond = np.zeros(number.shape, np.int8), np.zeros(number.shape, np.int8)
    for column, (place, code) in enumerate(zip(places, codes, strict=True)):
        value = rows[:, column]
        number[:, place] = np.where(np.isinf(value), np.nan, value)
        beyond[:, place] = np.where(np.isinf(value), np.where(value > 0, HI, LO), 0)
        units[:, place] = code
    status = {
        name: rows[:, len(places) + column].astype(np.int8) for column, name in enumerate(flags)
    }
    condition = rule.condition.inner if isinstance(rule.condition, Given) else rule.condition
    return condition.truth(Values(number, units, beyond, status))


def _beyond(rule: Rule) -> set[int]:
    return {one.quantity for one in rule.condition.tests() if isinstance(one, Beyond)}


def _code(quantity: Quantity, unit: str) -> int:
    return accepted(quantity).index(unit) if quantity.conversion(unit) else 0


def _points(quantity: Quantity, code: int, limits: list[Limit]) -> list[float]:
    """Give the limits, what is between, the ends, HI and LO; means have the same values."""
    conversion = quantity.conversion(accepted(quantity)[code])
    assert conversion is not None, quantity
    low, high = (float(conversion.received(bound)) for bound in quantity.plausible)
    ends = [*(float(limit.limits[code]) for limit in limits), low, high]
    steps = sorted({min(max(one, low), high) for one in ends})
    between = [(one + other) / 2 for one, other in pairwise(steps)]
    return [*steps, *between, np.inf, -np.inf]
