"""Values of the Kafka topics, JSON (UTF-8). Keys: patient_id, gateway_id, or as registry.py says.

A consumer ignores fields it does not know and refuses a major version it does not.
"""

from typing import Literal

import msgspec

from schemas.reading import Item, Outcome, Quantity, Reading
from schemas.wire import MAJOR_VERSION, Health

TimeQuality = Literal["device-clock", "receipt", "bounded", "untrusted"]
"""How the measurement instant is known.

``device-clock``: the session read the device's clock, the age by it is subtracted from the capture;
or, where that clock cannot be read, the stamps of its last sessions prove right to ten minutes.
``receipt``: no trusted device time, newest of its session: the capture is the measurement.
``bounded``: captured before a reboot without a true clock, or stamped in the hour that comes twice:
somewhere in the interval.
``untrusted``: device time not trusted and not newest: stale, outside windows.
"""

UnassignedReason = Literal["unknown-device", "no-assignment", "unknown-user-slot", "ambiguous-time"]


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """The server's view of a reading's time, UTC ms. earliest <= measured <= latest always."""

    received_at_ms: int
    captured_at_ms: int
    measured_at_ms: int
    earliest_ms: int
    latest_ms: int
    quality: TimeQuality


class StampedReading(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A reading with its times and the device it is registered as."""

    reading: Reading
    stamp: Stamp
    device_id: str | None = None
    assignment_id: str | None = None


class PatientReadings(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="readings", tag_field="kind"
):
    """A record of readings.v1: one patient's readings of one MQTT message. Key: patient_id."""

    patient_id: str
    gateway_id: str
    stream: str
    received_at_ms: int
    readings: list[StampedReading]
    version: int = MAJOR_VERSION


class Tick(msgspec.Struct, frozen=True, tag="tick", tag_field="kind"):
    """A record of readings.v1 that only moves log time in its partition. No key."""

    received_at_ms: int
    version: int = MAJOR_VERSION


class CorrectedReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored reading whose raw bytes a mended decoder reads in another way.

    ``revision``: the version that is stored from now on, 2 or more; ``before``, ``outcome_before``,
    ``status_before``: what the one before said; its status is the same as now if it is unset. Name,
    patient, device and times stay what they were.
    """

    reading_id: str
    revision: int
    vital: str
    measured_at_ms: int
    time_quality: TimeQuality
    quantities: dict[str, Quantity]
    before: dict[str, Quantity]
    outcome: Outcome = "measured"
    status: list[str] | None = None
    outcome_before: Outcome = "measured"
    status_before: list[str] | msgspec.UnsetType | None = msgspec.UNSET


class Corrections(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="corrections", tag_field="kind"
):
    """A record of readings.v1: stored readings of one patient were decoded anew. Key: patient_id.

    It is no arrival: nobody is paged for what it says, only for an alert that it had ended.
    """

    patient_id: str
    received_at_ms: int
    reason: str
    readings: list[CorrectedReading]
    version: int = MAJOR_VERSION


class WithdrawnReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored reading that is not this patient's, as it was judged."""

    reading_id: str
    vital: str
    measured_at_ms: int
    time_quality: TimeQuality
    quantities: dict[str, Quantity]
    outcome: Outcome = "measured"
    status: list[str] | None = None


class Withdrawals(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="withdrawals", tag_field="kind"
):
    """A record of readings.v1: readings of one patient are another's. Key: the old patient_id.

    The new patient's come as ordinary readings under a new server stamp, in a record of their own.
    """

    patient_id: str
    received_at_ms: int
    reason: str
    readings: list[WithdrawnReading]
    version: int = MAJOR_VERSION


class Canary(msgspec.Struct, frozen=True, omit_defaults=True, tag="canary", tag_field="kind"):
    """A record of readings.v1 that shows whether alerting works. No key, and no patient anywhere.

    The watcher made the reading up; bridge, engine and desk do with it what they do with a
    patient's, and the desk's decision goes back to the watcher. ``name``: which canary it is.
    """

    name: str
    received_at_ms: int
    reading: StampedReading
    version: int = MAJOR_VERSION


ReadingsRecord = PatientReadings | Tick | Corrections | Withdrawals
"""What readings.v1 holds of patients; a ``Canary`` is never one of these."""


PART = "part"
"""The reason of a ``Rejected`` that rejects nothing: its number is a part of another item."""


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of readings.rejected.v1. Without ``stream`` and ``seq`` it confirms nothing.

    ``payload`` is the rejected message or item itself, base64 in JSON. With the reason ``PART``
    nothing was rejected, and nothing is to be kept: it only confirms.
    """

    gateway_id: str
    received_at_ms: int
    reason: str
    payload: bytes
    detail: str = ""
    stream: str | None = None
    seq: int | None = None
    device_address: str | None = None
    version: int = MAJOR_VERSION


class Unassigned(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of readings.unassigned.v1: waits until somebody assigns its device."""

    gateway_id: str
    stream: str
    received_at_ms: int
    reason: UnassignedReason
    reading: StampedReading
    version: int = MAJOR_VERSION


class GatewayReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of gateways.v1. Key: gateway_id."""

    gateway_id: str
    received_at_ms: int
    health: Health
    version: int = MAJOR_VERSION


class EngineReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of engines.v1: an engine judges this partition of readings.v1. Key: its number.

    Written every few seconds, whatever arrives: whoever shows alerts sees by its age that nobody
    judges. ``at_ms``: the engine's wall clock; ``next_offset``, ``log_ms``: how far it has judged;
    ``late_ms``: how long the oldest record that it knows of has waited to be judged.
    ``from_the_future``: records that this engine found stamped minutes after the broker had them.
    """

    partition: int
    engine: str
    generation: int
    next_offset: int
    log_ms: int
    at_ms: int
    late_ms: int = 0
    from_the_future: int = 0
    version: int = MAJOR_VERSION


ITEM_DECODER: msgspec.json.Decoder[Item] = msgspec.json.Decoder(Item)
READINGS_DECODER: msgspec.json.Decoder[ReadingsRecord | Canary] = msgspec.json.Decoder(
    ReadingsRecord | Canary
)
ENGINE_DECODER: msgspec.json.Decoder[EngineReport] = msgspec.json.Decoder(EngineReport)
UNASSIGNED_DECODER: msgspec.json.Decoder[Unassigned] = msgspec.json.Decoder(Unassigned)
