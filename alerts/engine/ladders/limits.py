"""A reading, or a window, against the limits of a rule: which of them hold, and whose they are.

Arrays have decided already what matches; here a sentence is made of it, for one reading at a time.
Limits are few and values come in whole numbers: what one says of the other is known mostly.
"""

import operator
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from alerts.engine.ladders.findings import Own, Summed
from alerts.engine.readings.sight import Sight
from alerts.rules import syntax
from alerts.rules.bounds import Bounds, Statement
from alerts.rules.condition import Beyond, HasStatus, Limit, Test
from alerts.rules.values import HI, LO, SIDES
from schemas.alert import LimitInForce
from schemas.reading import Quantity, value_text
from schemas.units import accepted, convert, shown, ucum
from schemas.vitals import VITALS

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TENTH = Decimal("0.1")
_KNOWN_MAX = 1 << 14

Received = tuple[Quantity | None, ...]
"""The quantities that a comparison looks at, as they were received."""


def bounds_of(limit: Limit, own: Own) -> Bounds:
    """Give what a patient's readings are compared with."""
    personal = own.get(limit.setting) if limit.setting else None
    if personal is None:
        return limit.bounds
    return limit.scale.bounds(statement(tuple(personal.values)))


@lru_cache(maxsize=4096)
def statement(values: tuple[str, ...]) -> Statement:
    """Read a personal limit as a book's limit is read."""
    amounts = [syntax.parse_amount(text) for text in values]
    return tuple((ucum(amount.unit), amount.number) for amount in amounts)


def limit_text(limit: Limit, own: Own, unit: str) -> str:
    """Show the limit that a value in this unit (UCUM) is compared with."""
    units = accepted(limit.scale.quantity)
    return bounds_of(limit, own).shown[units.index(unit) if unit in units else 0]


def side_of(quantity: Quantity | None) -> int:
    """Tell HI and LO from all else, which is 0."""
    return SIDES.get(quantity.absent or "", 0) if quantity is not None else 0


def holds(test: Test, sight: Sight, own: Own) -> bool:
    """Tell whether a comparison is true of a reading."""
    match test:
        case HasStatus():
            return test.name in (sight.status or ())
        case Beyond():
            return side_of(sight.quantities.get(test.name)) == test.side
        case Limit():
            return _holds(test, bounds_of(test, own), _received(test, sight))


def field_text(limit: Limit, sight: Sight, sums: Summed | None = None) -> tuple[str, str]:
    """Show the value that a limit looks at, with its unit (UCUM), also where there is none."""
    if sums is not None:
        return _sum_text(limit, sums)
    return _field_text(limit, _received(limit, sight))


def compared_text(limit: Limit, sight: Sight, stated: str) -> str:
    """Show a value in the canonical unit if its limit is not ``stated`` in the one received.

    Else nothing. A cuff may send kPa; 25.9 kPa beside 180 mmHg tells nobody anything.
    """
    number = _number(limit, _received(limit, sight))
    if number is None or stated.endswith(f" {shown(number[1])}"):
        return ""
    quantity = limit.scale.quantity
    value = convert(number[0], quantity, number[1], quantity.unit)
    return f"{value.quantize(_TENTH, ROUND_HALF_UP)} {shown(quantity.unit)}"


def excess(test: Test, sight: Sight, own: Own) -> float:
    """Tell how far beyond its limit a value is, relative to it; HI, LO and flags are farthest."""
    if not isinstance(test, Limit):
        return float("inf")
    number = _number(test, _received(test, sight))
    if number is None:
        return float("inf")
    value, unit = number
    limit = float(bounds_of(test, own).limits[accepted(test.scale.quantity).index(unit)])
    return abs(float(value) - limit) / (abs(limit) or 1.0)


def _received(limit: Limit, sight: Sight) -> Received:
    if not limit.derived:
        return (sight.quantities.get(limit.name),)
    quantities = VITALS[sight.vital].quantities
    return tuple([sight.quantities.get(quantities[place].name) for place, _ in limit.terms])


@lru_cache(maxsize=_KNOWN_MAX)
def _holds(limit: Limit, bounds: Bounds, received: Received) -> bool:
    side = 0 if limit.derived else side_of(received[0])
    if side:
        return side == (HI if limit.operator.startswith(">") else LO)
    number = _number(limit, received)
    if number is None:
        return False
    value, unit = number
    at = bounds.limits[accepted(limit.scale.quantity).index(unit)]
    return _COMPARE[limit.operator](float(value), float(at))


@lru_cache(maxsize=_KNOWN_MAX)
def _field_text(limit: Limit, received: Received) -> tuple[str, str]:
    if not limit.derived:
        quantity = received[0]
        return (value_text(quantity), quantity.unit) if quantity else ("", "")
    number = _number(limit, received)
    if number is None:
        return "", ""
    value, unit = number
    return f"{value.quantize(_TENTH, ROUND_HALF_UP)} {shown(unit)}", unit


def in_force(
    tests: tuple[Test, ...], sight: Sight, own: Own, sums: Summed | None
) -> list[LimitInForce]:
    """List the limits of a rule as they were when it judged a reading."""
    limits = [test for test in tests if isinstance(test, Limit)]
    return [_in_force(limit, _unit(limit, sight, sums), own) for limit in limits]


def _unit(limit: Limit, sight: Sight, sums: Summed | None) -> str:
    if sums is None:
        return _field_text(limit, _received(limit, sight))[1]
    return accepted(limit.scale.quantity)[sums.unit[limit.quantity]]


def _in_force(limit: Limit, unit: str, own: Own) -> LimitInForce:
    personal = own.get(limit.setting) if limit.setting else None
    if personal is None:
        return _of_book(limit, unit)
    return LimitInForce(
        field=_field(limit),
        relation=limit.operator,
        amounts=_amounts(limit, bounds_of(limit, own), unit),
        name=limit.setting,
        author=personal.author,
        role=personal.role,
        reason=personal.reason,
        valid_from_ms=personal.valid_from_ms,
        valid_until_ms=personal.valid_until_ms,
    )


@lru_cache(maxsize=1024)
def _of_book(limit: Limit, unit: str) -> LimitInForce:
    amounts = _amounts(limit, limit.bounds, unit)
    return LimitInForce(_field(limit), limit.operator, amounts, limit.setting)


def _field(limit: Limit) -> str:
    return f"{limit.name} rise" if limit.rise else limit.name


def _amounts(limit: Limit, bounds: Bounds, unit: str) -> list[str]:
    """Give the limit in each unit in which it is stated, that of the reading first."""
    units = accepted(limit.scale.quantity)
    first = units.index(unit) if unit in units else 0
    return list(dict.fromkeys([bounds.shown[first], *bounds.shown]))


def _number(limit: Limit, received: Received) -> tuple[Decimal, str] | None:
    """Give a field's value in the unit received; None if the reading has none."""
    units = accepted(limit.scale.quantity)
    total, unit = Decimal(0), ""
    for (_, weight), quantity in zip(limit.terms, received, strict=True):
        if quantity is None or quantity.value is None or unit not in {"", quantity.unit}:
            return None
        if quantity.unit not in units:
            return None
        total, unit = total + weight * _decimal(quantity.value), quantity.unit
    return (total / limit.divisor, unit) if total.is_finite() else None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:  # the bridge refuses these; a consumer is never stopped by one
        return Decimal("NaN")


def _sum_text(limit: Limit, sums: Summed) -> tuple[str, str]:
    """Show a mean, or a rise over the baseline, to a tenth of its unit."""
    count = sums.count[limit.quantity]
    unit = accepted(limit.scale.quantity)[sums.unit[limit.quantity]]
    if not count:
        return "", unit
    value = _mean(limit, sums.total, count)
    if limit.rise:
        before = sums.baseline_count[limit.quantity] if sums.baseline_count else 0
        if not before or sums.baseline_total is None:
            return "", unit
        value -= _mean(limit, sums.baseline_total, before)
    return f"{value.quantize(_TENTH, ROUND_HALF_UP).normalize():f} {shown(unit)}", unit


def _mean(limit: Limit, total: list[int], count: int) -> Decimal:
    tenths = sum(weight * total[place] for place, weight in limit.terms)
    return Decimal(tenths) / (10 * limit.divisor * count)
