"""A reading as a row of its vital's table. No I/O."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec

from ingest.instants import from_ms
from schemas.errors import InvalidInput
from schemas.kafka import StampedReading
from schemas.plausible import canonical_values, received_value
from schemas.reading import DeviceTime, Outcome, Quantity
from schemas.vitals import VITALS, Vital

_DIGEST_BYTES = 8


def reading_row(
    patient_id: str, origin: tuple[str, str], stamped: StampedReading
) -> tuple[Any, ...]:
    """Build the row in the order of ``copied_columns``; raise ``InvalidInput``.

    ``origin``: gateway and stream.
    """
    reading, stamp = stamped.reading, stamped.stamp
    vital = VITALS.get(reading.vital)
    if vital is None:
        raise InvalidInput("unknown-vital", f"no vital is called {reading.vital!r}")
    device_time = reading.device_time
    try:
        return (
            from_ms(stamp.measured_at_ms),
            patient_id,
            stamped.device_id or "",
            UUID(stamped.assignment_id) if stamped.assignment_id else None,
            UUID(reading.reading_id),
            *quantity_columns(vital, reading.quantities),
            unit_received(vital, reading.quantities),
            reading.outcome,
            reading.status,
            reading.attributes,
            reading.user_slot,
            reading.record_number,
            UUID(reading.amends) if reading.amends else None,
            reading.session_id,
            stamp.quality,
            from_ms(stamp.earliest_ms),
            from_ms(stamp.latest_ms),
            device_time.local if device_time else None,
            device_time.offset_min if device_time else None,
            from_ms(stamp.captured_at_ms),
            from_ms(stamp.received_at_ms),
            *origin,
            reading.seq,
            reading.characteristic,
            bytes.fromhex(reading.raw),
            reading.device.model,
            reading.device.manufacturer,
            None if device_time is None else _screens(device_time),
        )
    except (ValueError, OverflowError) as error:
        raise InvalidInput("malformed", str(error)) from error


def _screens(device_time: DeviceTime) -> list[str]:
    """Name why the device's time is not believed: our screens, and its own doubt as ``fault``."""
    doubted = ["fault"] if device_time.fault else []
    return [*device_time.screens, *doubted]


def value_digest(vital: str, outcome: Outcome, quantities: Mapping[str, Quantity]) -> bytes:
    """Give 8 bytes that differ if the same record is said to have other values."""
    said = (vital, outcome, sorted(quantities.items(), key=_name))
    return hashlib.sha256(msgspec.json.encode(said)).digest()[:_DIGEST_BYTES]


def _name(item: tuple[str, Quantity]) -> str:
    return item[0]


def quantity_columns(vital: Vital, quantities: Mapping[str, Quantity]) -> Iterator[Any]:
    """Give three columns a quantity: canonical value, decimal as received, reason of absence."""
    canonical = canonical_values(vital, quantities)
    for definition in vital.quantities:
        quantity = quantities.get(definition.name)
        if quantity is None:
            yield from (None, None, None)
        elif quantity.value is None:
            yield from (None, None, quantity.absent)
        else:
            yield from (float(canonical[definition.name]), received_value(quantity.value), None)


def unit_received(vital: Vital, quantities: Mapping[str, Quantity]) -> str | None:
    """Give the unit of the vital's first quantity; the others have no choice of theirs."""
    units = (
        quantities[definition.name].unit
        for definition in vital.quantities
        if definition.name in quantities
    )
    return next(units, None)
