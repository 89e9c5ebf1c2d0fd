"""Which flags a vital's devices can report: a rule that asks for another one never speaks."""

from collections.abc import Mapping
from functools import cache

from schemas.gatt import blood_pressure, glucose, oximeter
from schemas.gatt.codes import Bits

_BITS: dict[str, tuple[type[Bits], ...]] = {
    "blood_pressure": (blood_pressure.Status,),
    "glucose": (glucose.Status,),
    "oximetry": (oximeter.MeasurementStatus, oximeter.SensorStatus),
}


@cache
def known_flags(vital: str) -> tuple[str, ...]:
    """Name a vital's flags, as readings carry them."""
    return tuple(
        label for bits in _BITS.get(vital, ()) for bit in bits for label in bits(bit).labels
    )


def silent_flags(attributes: Mapping[str, str]) -> list[str]:
    """Name the flags that a device with a status cannot set: it looks for the others alone."""
    said = attributes.get("not_assessed")
    return said.split() if said else []
