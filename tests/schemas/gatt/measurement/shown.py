"""Measurements as the tests show them."""

from schemas.gatt.measurement import Measurement


def sent(measurement: Measurement) -> dict[str, str]:
    """Show the quantities that carry a value, with their units."""
    return {
        name: f"{quantity.value} {quantity.unit}"
        for name, quantity in measurement.quantities.items()
        if quantity.value is not None
    }
