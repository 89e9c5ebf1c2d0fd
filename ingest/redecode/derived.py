"""What today's decoder makes of a stored row's bytes, as columns of its table. No I/O.

Only what the payload says is derived anew. The instant of a measurement, its name and its patient
rest on things that are not stored (the session's clock, who wore the device) and stay.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingest.sink.rows import quantity_columns, unit_received
from ingest.tables import copied_columns
from schemas.errors import InvalidInput
from schemas.gatt.measurement import Measurement, believable, measure
from schemas.gatt.quirks import Quirk, quirk_of, quirk_titled
from schemas.plausible import check_values
from schemas.reading import Outcome, Quantity
from schemas.vitals import Vital

DECODED_ATTRIBUTES = frozenset(
    {
        "carbohydrate_kind",
        "context_follows",
        "health",
        "meal",
        "medication_kind",
        "quirk",
        "reported",
        "sample_location",
        "sample_type",
        "tester",
        "trailing",
    }
)
"""Attributes that follow from the payload and the device's quirk. Others stay as stored unless the
payload says them too: ``not_assessed``, ``checksum`` and the ``place`` of a thermometer that has
only one come from the device's features, which no row keeps."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a vital's rows have what; ``derived`` names the columns that follow from the bytes."""

    vital: Vital
    columns: tuple[str, ...]
    derived: tuple[str, ...]

    def place(self, column: str) -> int:
        """Find a column in a row."""
        return self.columns.index(column)

    def named(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """Give a row's columns by name."""
        return dict(zip(self.columns, row, strict=False))


def layout_of(vital: Vital) -> Layout:
    """Lay out the rows of a vital: the columns that the sink fills, in its order."""
    own = [name for name, _ in vital.sql_columns()]
    rest = ["unit_received", "outcome", "status", "attributes", "user_slot", "record_number"]
    if vital.amends is None:  # else the device's time is borrowed from the record it completes
        rest += ["device_time", "device_offset_min"]
    return Layout(vital, tuple(name for name, _ in copied_columns(vital)), (*own, *rest))


@dataclass(frozen=True, slots=True)
class Derived:
    """The derived columns by name, and the quantities that they come from."""

    columns: dict[str, Any]
    quantities: dict[str, Quantity]
    outcome: Outcome
    status: list[str] | None


def quirk_in_force(
    model: str | None, manufacturer: str | None, stored: Mapping[str, str]
) -> Quirk | None:
    """Find the quirk of a row's device: by its model, or the one that its gateway applied.

    The gateway also knows under which name the device advertises; no row keeps that.
    """
    applied = stored.get("quirk")
    if applied is not None:
        return quirk_titled(applied)
    return quirk_of(model=model, manufacturer=manufacturer)


def derive(layout: Layout, stored: Mapping[str, Any], quirk: Quirk | None) -> Derived:
    """Decode a row's bytes anew.

    Raises ``InvalidInput`` where the row must stay as it is: the bytes cannot be decoded any more,
    or what they say now could not be stored.
    """
    vital = layout.vital
    read = measure(stored["characteristic"], stored["raw"], quirk=quirk)
    measurement = believable(read)
    if measurement.vital is not vital:
        raise InvalidInput("other-vital", f"the bytes are {measurement.vital.name} now")
    check_values(vital, measurement.quantities)
    own = zip(
        (name for name, _ in vital.sql_columns()),
        quantity_columns(vital, measurement.quantities),
        strict=True,
    )
    status = kept_status(stored["status"], measurement.status)
    columns = {
        **dict(own),
        "unit_received": unit_received(vital, measurement.quantities),
        "outcome": measurement.outcome,
        "status": status,
        "attributes": merged(stored["attributes"], measurement.attributes),
        "user_slot": measurement.user_slot,
        "record_number": measurement.record_number,
        **_device_time(measurement),
    }
    named = {name: columns[name] for name in layout.derived}
    return Derived(named, measurement.quantities, measurement.outcome, status)


def kept_status(stored: list[str] | None, decoded: list[str] | None) -> list[str] | None:
    """Keep "not assessed" where the bits are clear: the device's features may have said so."""
    return None if stored is None and decoded == [] else decoded


def merged(stored: Mapping[str, str], decoded: Mapping[str, str]) -> dict[str, str]:
    """Put what was decoded beside the attributes that do not follow from the payload."""
    kept = {name: text for name, text in stored.items() if name not in DECODED_ATTRIBUTES}
    return {**kept, **decoded}


def _device_time(measurement: Measurement) -> dict[str, Any]:
    stamp = measurement.stamp
    told = stamp is not None and not stamp.recorded.unknown
    return {
        "device_time": stamp.recorded.text if stamp and told else None,
        "device_offset_min": stamp.offset_min if stamp and told else None,
    }


def same(before: object, after: object) -> bool:
    """Tell whether a column says the same; 2.0 and 2.00 differ."""
    if isinstance(before, Decimal) and isinstance(after, Decimal):
        return before.as_tuple() == after.as_tuple()
    return before == after


def stored_quantities(vital: Vital, stored: Mapping[str, Any]) -> Iterator[tuple[str, Quantity]]:
    """Give the quantities that a row's columns say.

    The row keeps the unit of the first quantity; one that cannot have it has its canonical one.
    """
    for definition in vital.quantities:
        unit = stored["unit_received"]
        if definition.conversion(unit or "") is None:
            unit = definition.unit
        value, absent = stored[f"{definition.name}_received"], stored[f"{definition.name}_absent"]
        if value is not None:
            yield definition.name, Quantity(unit, f"{value:f}")
        elif absent is not None:
            yield definition.name, Quantity(unit, absent=absent)
