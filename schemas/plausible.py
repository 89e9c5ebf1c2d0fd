"""Is a value one that a living patient can have? Units known, numbers numbers, by the one table."""

import re
from collections.abc import Mapping
from decimal import Decimal

from schemas.errors import InvalidInput
from schemas.reading import Quantity
from schemas.units import accepted, shown
from schemas.vitals import Quantity as Definition
from schemas.vitals import Vital

_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""Stricter than ``Decimal``, which also reads blanks, underscores and the digits of any script."""
_DECIMAL_CHARACTERS_MAX = 32
_EXPONENT_MAX = 30


def check_values(vital: Vital, quantities: Mapping[str, Quantity]) -> None:
    """Raise ``InvalidInput`` for units, numbers or values that no living patient has."""
    values = canonical_values(vital, quantities)
    for high, low in vital.descending:
        if high in values and low in values and values[high] <= values[low]:
            raise InvalidInput("implausible", f"{high} {values[high]} is not above {low}")


def canonical_values(vital: Vital, quantities: Mapping[str, Quantity]) -> dict[str, Decimal]:
    """Give those quantities that have a value in canonical units; raise ``InvalidInput``."""
    values = {}
    for name, quantity in quantities.items():
        definition = vital.quantity(name)
        if definition is None:
            known = ", ".join(one.name for one in vital.quantities)
            raise InvalidInput("unknown-quantity", f"{vital.name} has no {name!r}, but: {known}")
        conversion = definition.conversion(quantity.unit)
        if conversion is None:
            known = ", ".join(map(shown, accepted(definition)))
            raise InvalidInput(
                "unknown-unit", f"{name} is not measured in {quantity.unit!r}, but in: {known}"
            )
        if quantity.value is not None:
            value = conversion.canonical(received_value(quantity.value))
            values[name] = _plausible(definition, value)
    return values


def received_value(text: str) -> Decimal:
    """Read a decimal exactly as the device sent it; raise ``InvalidInput``."""
    if len(text) <= _DECIMAL_CHARACTERS_MAX and _DECIMAL.fullmatch(text):
        value = Decimal(text)
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)
        if max(abs(exponent), abs(value.adjusted())) <= _EXPONENT_MAX:
            return value
    raise InvalidInput("malformed", f"{text[:_DECIMAL_CHARACTERS_MAX]!r} is no number")


def _plausible(definition: Definition, value: Decimal) -> Decimal:
    low, high = definition.plausible
    if not low <= value <= high:
        raise InvalidInput(
            "implausible",
            f"{definition.name} {value:.6g} {shown(definition.unit)} is no living patient's: "
            f"{low}..{high}",
        )
    return value
