"""One record as the gateway sends it: decoded as far as it can be, the raw bytes always beside it.

Decimals travel as strings (2.0 is not 2.00). Nothing here names a patient: the home holds no names.
"""

from typing import Literal

import msgspec

from schemas.units import shown

Outcome = Literal["measured", "failed", "control-solution", "demonstration"]
"""Only ``measured`` is judged. ``failed``: the device tried and has no value, or none that it
stands by (a contact, not a measurement). The others test the device, not the patient."""

Absence = Literal[
    "not-a-number", "error", "positive-infinity", "negative-infinity", "not-sent", "unknown"
]
"""Why a value is absent, in FHIR's words; +/- infinity are a meter's HI and LO."""
BEYOND: dict[Absence, str] = {"positive-infinity": "HI", "negative-infinity": "LO"}
"""What a meter shows in place of a value that it cannot measure."""


class Quantity(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A value with its unit as received, or the reason why there is none: never both."""

    unit: str
    value: str | None = None
    absent: Absence | None = None

    def __post_init__(self) -> None:
        """Refuse a quantity that says both or neither."""
        if (self.value is None) == (self.absent is None):
            message = "a quantity has either a value or a reason for its absence"
            raise ValueError(message)


def value_text(quantity: Quantity) -> str:
    """Show a value exactly as received: ``192 mmHg``, ``HI``, or why there is none."""
    if quantity.value is not None:
        return f"{quantity.value} {shown(quantity.unit)}"
    assert quantity.absent is not None
    return BEYOND.get(quantity.absent, quantity.absent)


class Device(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The device as Bluetooth names it; ``address`` is its identity address, upper case."""

    address: str
    model: str | None = None
    manufacturer: str | None = None
    serial: str | None = None


class Capture(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """When the gateway's fsync held the bytes, in clocks that do not depend on a battery.

    ``wall_ms`` is given only if something kept the wall clock true at that moment;
    ``not_before_ms`` is the last true wall time that the gateway had seen by then.
    """

    boot_id: str
    monotonic_ms: int
    wall_ms: int | None = None
    not_before_ms: int | None = None


TimeScreen = Literal[
    "clock-unset",
    "year-unknown",
    "epoch-default",
    "before-2015",
    "in-the-future",
    "repeated-stamp",
    "out-of-order",
    "clock-moved",
]
"""Why a device's time is not believed.

``clock-unset``: the device's clock itself shows a year before 2015. ``year-unknown``,
``epoch-default`` (the first of January of such a year), ``before-2015``: the stamp does.
``in-the-future``: later than the device's own clock, or by more than 10 min later than it can be
anywhere on earth. ``repeated-stamp``, ``out-of-order``: against the record before it in its
session, another number has the same stamp, or the numbers rise while the stamps fall.
``clock-moved``: the clock was set since the record, and nobody can tell how the stamp is meant.
"""


class Coincidence(msgspec.Struct, frozen=True):
    """A session's latest stamp beside its capture: the freshest that its device has shown.

    ``local``: ISO 8601 without zone, as its user saw it; ``captured_ms``: by a wall clock that was
    kept true. The difference, in the zone of whoever wears the device, is the session's lag.
    """

    captured_ms: int
    local: str


class DeviceTime(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the device's clock said of the record.

    ``local``: ISO 8601 without zone, exactly as sent. ``offset_min``: the meter's user offset.
    ``age_ms``: how old the record was at its capture by the device's own clock, which this session
    read; None if the session could not read it, or if it is not believed. ``fault``: the device
    itself doubts the stamp; ``screens``: we do. ``coincidences``: of the last sessions with a
    device whose clock cannot be read, this one's last.
    """

    local: str
    offset_min: int | None = None
    age_ms: int | None = None
    fault: bool = False
    screens: list[TimeScreen] = []
    coincidences: list[Coincidence] = []


class Reading(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="reading", tag_field="kind"
):
    """A decoded record.

    ``status`` None means "not assessed", which is not "fine". ``amends`` is the reading_id that a
    glucose context completes. ``session_newest`` None: the session has not told yet.
    """

    seq: int
    reading_id: str
    vital: str
    device: Device
    characteristic: str
    raw: str
    quantities: dict[str, Quantity]
    session_id: str
    capture: Capture
    outcome: Outcome = "measured"
    session_newest: bool | None = None
    user_slot: int | None = None
    status: list[str] | None = None
    attributes: dict[str, str] = {}
    record_number: int | None = None
    device_time: DeviceTime | None = None
    amends: str | None = None


class Part(msgspec.Struct, frozen=True, tag="part", tag_field="kind"):
    """A segment of a record, whose bytes another item has: the reading, or an ``Undecodable``.

    It has a number of its own, and so a receipt of its own; nothing else is to be done with it.
    """

    seq: int
    device: Device
    characteristic: str
    session_id: str


class Undecodable(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="undecodable", tag_field="kind"
):
    """Bytes that no codec understood; sent on with the reason, so that somebody looks at them.

    ``parts``: of a record that came in segments, or never came whole, those before ``raw``.
    """

    seq: int
    device: Device
    characteristic: str
    raw: str
    reason: str
    session_id: str
    capture: Capture
    parts: list[str] = []


Item = Reading | Part | Undecodable
