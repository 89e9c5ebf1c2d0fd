"""From an expression to a condition: its fields, units and limits checked by the vitals' table."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from alerts.rules import condition, syntax
from alerts.rules.condition import Condition
from alerts.rules.errors import ExpressionError
from alerts.rules.units import accepted, convert, shown, ucum
from schemas.vitals import Quantity, Vital


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression is bound to.

    ``units``: every limit must be stated in each of these (UCUM). ``band``: how far a limit moves
    towards normal before the condition counts as returned; one amount a unit.
    """

    vital: Vital
    units: tuple[str, ...]
    band: Sequence[syntax.Amount] = ()


def compile_expression(expression: syntax.Expression, context: Context) -> Condition:
    """Bind an expression to its vital's columns. Raises ``ExpressionError``."""
    return _bind(expression, context, wider=True)


def _bind(expression: syntax.Expression, context: Context, *, wider: bool) -> Condition:
    # `wider` tells which way a band moves a limit: under a "not" a condition widens by narrowing.
    match expression:
        case syntax.Comparison():
            return _bind_comparison(expression, context, wider=wider)
        case syntax.Beyond(field=name, side=side, offset=offset):
            place, _ = _quantity(name, offset, context.vital)
            return condition.Beyond(place, name, condition.HI if side == "HI" else condition.LO)
        case syntax.Not(inner=inner):
            return condition.Opposite(_bind(inner, context, wider=not wider))
        case syntax.And(parts=parts):
            return condition.Every(tuple(_bind(part, context, wider=wider) for part in parts))
        case syntax.Or(parts=parts):
            return condition.Some(tuple(_bind(part, context, wider=wider) for part in parts))


def _quantity(name: str, offset: int, vital: Vital) -> tuple[int, Quantity]:
    for place, quantity in enumerate(vital.quantities):
        if quantity.name == name:
            return place, quantity
    known = ", ".join(quantity.name for quantity in vital.quantities)
    raise ExpressionError(offset, f"{vital.name} has no field {name!r}; it has: {known}.")


def _bind_comparison(
    comparison: syntax.Comparison, context: Context, *, wider: bool
) -> condition.Limit:
    place, quantity = _quantity(comparison.field, comparison.offset, context.vital)
    stated = _stated(comparison, quantity, context.units)
    upward = comparison.operator.startswith(">")
    direction = Decimal(-1 if upward == wider else 1)
    bands = _bands(context.band, quantity, stated)
    widened = {unit: number + direction * bands[unit] for unit, number in stated.items()}
    return condition.Limit(
        quantity=place,
        name=quantity.name,
        operator=comparison.operator,
        limits=_by_unit(stated, quantity),
        widened_limits=_by_unit(widened, quantity),
        shown=tuple(_shown(unit, stated) for unit in accepted(quantity)),
    )


def _stated(
    comparison: syntax.Comparison, quantity: Quantity, required: tuple[str, ...]
) -> dict[str, Decimal]:
    stated: dict[str, Decimal] = {}
    for amount in comparison.limit:
        unit = ucum(amount.unit)
        conversion = quantity.conversion(unit)
        if conversion is None:
            known = ", ".join(shown(known) for known in accepted(quantity))
            raise ExpressionError(
                amount.offset, f"{quantity.name} is not measured in {amount.unit}, but in: {known}."
            )
        if unit in stated:
            raise ExpressionError(amount.offset, f"The limit is stated twice in {amount.unit}.")
        lowest, highest = quantity.plausible
        if not lowest <= conversion.canonical(amount.number) <= highest:
            raise ExpressionError(
                amount.offset,
                f"No patient's {quantity.name} can be {amount.number} {amount.unit}: "
                f"plausible is {lowest} to {highest} {shown(quantity.unit)}.",
            )
        stated[unit] = amount.number
    # Units that this quantity never carries bind its siblings only (pulse beside pressures).
    missing = [unit for unit in required if quantity.conversion(unit) and unit not in stated]
    if missing:
        raise ExpressionError(
            comparison.limit[0].offset,
            f"The book wants each limit in {' and '.join(map(shown, required))}: "
            f"{' and '.join(map(shown, missing))} is missing here.",
        )
    return stated


def _bands(
    band: Sequence[syntax.Amount], quantity: Quantity, stated: dict[str, Decimal]
) -> dict[str, Decimal]:
    given = {ucum(amount.unit): amount.number for amount in band}
    missing = [unit for unit in stated if unit not in given]
    if missing:
        raise ExpressionError(
            0,
            f"The rule compares {quantity.name} in {' and '.join(map(shown, missing))}, "
            "but its band is not stated in it.",
        )
    return given


def _by_unit(stated: dict[str, Decimal], quantity: Quantity) -> condition.Floats:
    """Give the limit in every accepted unit: as stated, else converted from a stated one.

    A Decimal becomes the nearest float, as does a value received: equal decimals compare equal.
    """
    source = next(iter(stated))
    numbers = [
        stated[unit] if unit in stated else convert(stated[source], quantity, source, unit)
        for unit in accepted(quantity)
    ]
    return np.array([float(number) for number in numbers])


def _shown(unit: str, stated: dict[str, Decimal]) -> str:
    unit = unit if unit in stated else next(iter(stated))
    return f"{stated[unit]} {shown(unit)}"
