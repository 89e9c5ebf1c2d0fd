"""Units as rules write them, as readings carry them (UCUM) and as people read them."""

from decimal import Decimal

from schemas.vitals import Quantity

_WRITTEN = {
    "mmHg": "mm[Hg]",
    "lb": "[lb_av]",
    "in": "[in_i]",
    "°C": "Cel",
    "°F": "[degF]",
    "kg/m²": "kg/m2",
}
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
