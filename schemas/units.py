"""Units as rules write them, as readings carry them (UCUM) and as people read them."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal

from schemas.vitals import Quantity

_WRITTEN = {
    "mmHg": "mm[Hg]",
    "lb": "[lb_av]",
    "in": "[in_i]",
    "°C": "Cel",
    "°F": "[degF]",
    "kg/m²": "kg/m2",
}
_STEPS = {"mg/dL": Decimal(1)}
_STEP = Decimal("0.1")
_SHOWN = {ucum: written for written, ucum in _WRITTEN.items()}


def ucum(written: str) -> str:
    """Give the UCUM code of a unit; what is UCUM already stays as it is."""
    return _WRITTEN.get(written, written)


def shown(unit: str) -> str:
    """Give the unit as people read it."""
    return _SHOWN.get(unit, unit)


def accepted(quantity: Quantity) -> tuple[str, ...]:
    """Name every unit that a reading may carry; a column's unit code is the place in this list."""
    return (quantity.unit, *quantity.units)


def convert(number: Decimal, quantity: Quantity, unit: str, into: str) -> Decimal:
    """Convert exactly, by the table of vitals. Both units must be accepted ones."""
    source, target = quantity.conversion(unit), quantity.conversion(into)
    assert source is not None, unit
    assert target is not None, into
    return number if unit == into else target.received(source.canonical(number))


def rounded(number: Decimal, unit: str) -> Decimal:
    """Round a limit half-up as limits are stated: to 1 mg/dL, to 0.1 of any other unit."""
    return number.quantize(_STEPS.get(unit, _STEP), rounding=ROUND_HALF_UP)


def completed(
    stated: Mapping[str, Decimal], quantity: Quantity, units: Iterable[str]
) -> dict[str, Decimal]:
    """State a limit in each of these units: as it is stated, else rounded from what is."""
    source = next(iter(stated))
    return {
        unit: stated[unit]
        if unit in stated
        else rounded(convert(stated[source], quantity, source, unit), unit)
        for unit in units
    }


def same(stated: Mapping[str, Decimal], quantity: Quantity) -> bool:
    """Tell whether amounts in several units are one amount, each rounded by at most its step."""
    ends = [
        tuple(
            convert(number + way * _STEPS.get(unit, _STEP), quantity, unit, quantity.unit)
            for way in (-1, 1)
        )
        for unit, number in stated.items()
    ]
    return max(low for low, _ in ends) <= min(high for _, high in ends)
