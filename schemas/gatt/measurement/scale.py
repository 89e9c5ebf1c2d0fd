"""Weight: 0x2A9D."""

from decimal import Decimal

from schemas.gatt import weight
from schemas.gatt.measurement.form import Measurement, quantity, stamp_of, texts
from schemas.gatt.number import Absent, Number
from schemas.gatt.quirks import Quirk
from schemas.gatt.weight import System
from schemas.vitals import WEIGHT

_WEIGHT_UNITS = {System.SI: "kg", System.IMPERIAL: "[lb_av]"}
_HEIGHT_UNITS = {System.SI: "m", System.IMPERIAL: "[in_i]"}


def measured(payload: bytes, _feature: int | None, _quirk: Quirk | None) -> Measurement:
    """Read 0x2A9D."""
    packet = weight.decode(payload)
    body = packet.body
    mass_index = _plain(body.mass_index) if body is not None else None
    height = _plain(body.height) if body is not None else None
    return Measurement(
        vital=WEIGHT,
        quantities={
            "weight": quantity(_plain(packet.weight), _WEIGHT_UNITS[packet.system]),
            "mass_index": quantity(mass_index, "kg/m2"),
            "height": quantity(height, _HEIGHT_UNITS[packet.system]),
        },
        outcome="failed" if isinstance(packet.weight, Absent) else "measured",
        attributes=texts(trailing=packet.trailing.hex()),
        user_slot=packet.user_slot,
        stamp=stamp_of(packet.timestamp),
    )


def _plain(value: Number) -> Number:
    """Drop zeros at the end: a count of steps says nothing of the precision (83.800 kg)."""
    return value.normalize() if isinstance(value, Decimal) else value
