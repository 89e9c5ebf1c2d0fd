"""Body temperature: 0x2A1C."""

from schemas.gatt import thermometer
from schemas.gatt.measurement.form import Measurement, label, quantity, stamp_of, texts
from schemas.gatt.number import says_nothing
from schemas.gatt.quirks import Quirk
from schemas.gatt.thermometer import TemperatureType
from schemas.vitals import BODY_TEMPERATURE


def measured(payload: bytes, feature: int | None, _quirk: Quirk | None) -> Measurement:
    """Read 0x2A1C; ``feature`` is the place (0x2A1D) of a thermometer that has only one."""
    packet = thermometer.decode(payload)
    place = packet.type
    if place is None and feature is not None:
        place = TemperatureType(feature & 0xFF)
    return Measurement(
        vital=BODY_TEMPERATURE,
        quantities={"temperature": quantity(packet.temperature, packet.unit.value)},
        outcome="failed" if says_nothing(packet.temperature) else "measured",
        attributes=texts(place=label(place), trailing=packet.trailing.hex()),
        stamp=stamp_of(packet.timestamp),
    )
