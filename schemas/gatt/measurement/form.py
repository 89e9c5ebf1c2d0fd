"""What a decoded record looks like, and the words that all kinds of records share."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from schemas import vitals
from schemas.gatt.codes import Bits, Code
from schemas.gatt.date_time import DateTime
from schemas.gatt.number import Absent, Number
from schemas.reading import Outcome, Quantity

PER_MINUTE = "/min"
PERCENT = "%"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The record's time by the device's clock.

    ``recorded``: under which the device keeps the record. ``shown``: what its user saw, None if
    unknown. ``offset_min``: from one to the other. ``fault``: the device itself doubts them.
    """

    recorded: DateTime
    shown: datetime | None
    offset_min: int | None = None
    fault: bool = False


@dataclass(frozen=True, slots=True)
class Packet:
    """A payload that was carried inside another one: its characteristic, and its bytes."""

    characteristic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Measurement:
    """A decoded record, with every quantity of its vital (``not-sent`` where it carries none).

    ``status`` None means "not assessed", which is not "fine". ``attributes`` are texts by name.
    ``carried``: the packet that the record keeps, where it only wraps one.
    """

    vital: vitals.Vital
    quantities: dict[str, Quantity]
    outcome: Outcome = "measured"
    status: list[str] | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    user_slot: int | None = None
    record_number: int | None = None
    stamp: Stamp | None = None
    carried: Packet | None = None


def quantity(value: Number | None, unit: str) -> Quantity:
    """Give a number with its unit; None is one that was not sent."""
    if value is None:
        return Quantity(unit, absent="not-sent")
    if isinstance(value, Absent):
        return Quantity(unit, absent=value.value)
    return Quantity(unit, value=f"{value:f}")  # 12E1 is written 120: people will read it


def believable(measurement: Measurement) -> Measurement:
    """Take what is said beside the main values for an error if no patient has such a number.

    A pulse of 0 means that a cuff found none. As a number it would be implausible, and the
    pressures beside it would be refused with it: the severe ones too.
    """
    errors = {
        definition.name: Quantity(measurement.quantities[definition.name].unit, absent="error")
        for definition in measurement.vital.quantities
        if definition.aside and not _possible(definition, measurement.quantities[definition.name])
    }
    if not errors:
        return measurement
    return replace(measurement, quantities=measurement.quantities | errors)


def _possible(definition: vitals.Quantity, found: Quantity) -> bool:
    conversion = definition.conversion(found.unit)
    assert conversion is not None, found.unit
    low, high = definition.plausible
    return found.value is None or low <= conversion.canonical(Decimal(found.value)) <= high


def stamp_of(timestamp: DateTime | None, *, fault: bool = False) -> Stamp | None:
    """Make the stamp of a record with one timestamp."""
    return Stamp(timestamp, timestamp.naive, fault=fault) if timestamp is not None else None


def noticed(status: Bits | None, silent: Bits | None) -> list[str] | None:
    """Name what was noticed; None if nothing was looked at, which a clear word may hide."""
    looked_at_nothing = silent is not None and all(bit in silent for bit in type(silent))
    if status is None or (looked_at_nothing and not status):
        return None
    return list(status.noticed)


def unsaid(status: Bits | None, silent: Bits | None) -> str:
    """Name the bits of a status that are clear only because the device cannot set them."""
    if status is None or silent is None:
        return ""
    return " ".join(label for label in silent.labels if label not in status.labels)


def label(code: Code | None) -> str:
    """Give a code's name, or nothing."""
    return "" if code is None else code.label


def texts(**named: str) -> dict[str, str]:
    """Keep the texts that say something."""
    return {name: text for name, text in named.items() if text}
