"""Readings, messages and devices for the intake's tests."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.bridge.opening import Message
from schemas.identity import Undated, reading_id
from schemas.kafka import PatientReadings, Rejected, Stamp, StampedReading, Unassigned
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import Assignment, DeviceEntry
from schemas.topics import mqtt_topic
from schemas.wire import ReadingsMessage, envelope_for

CUFF = "C0:FF:EE:00:00:01"
GATEWAY = "home-1"
STREAM = "0011223344556677"
BOOT = "ab" * 16
RECEIVED_MS = 1_795_334_400_000
SENT_MONOTONIC_MS = 500_000
ASSIGNMENT = "11111111-1111-1111-1111-111111111111"


def reading(seq: int = 1, systolic: str = "120", **changes: Any) -> Reading:  # noqa: ANN401
    """Give a cuff's reading, captured two seconds before it was sent."""
    raw = f"00{seq:08x}"
    plain = Reading(
        seq=seq,
        reading_id=reading_id(CUFF, "2a35", bytes.fromhex(raw), Undated(GATEWAY, STREAM, seq, 7)),
        vital="blood_pressure",
        device=Device(CUFF),
        characteristic="2a35",
        raw=raw,
        quantities={
            "systolic": Quantity("mm[Hg]", systolic),
            "diastolic": Quantity("mm[Hg]", "80"),
        },
        session_id="session",
        capture=Capture(BOOT, SENT_MONOTONIC_MS - 2_000),
        session_newest=True,
    )
    return msgspec.structs.replace(plain, **changes)


def payload(items: Sequence[object]) -> bytes:
    """Encode a message; an item that is bytes already stays as it is."""
    raw = [
        msgspec.Raw(item if isinstance(item, bytes) else msgspec.json.encode(item))
        for item in items
    ]
    return msgspec.json.encode(ReadingsMessage(BOOT, SENT_MONOTONIC_MS, raw))


def message(items: Sequence[object], first: int = 1, stream: str = STREAM) -> Message:
    """Give a sealed message of these items."""
    body = payload(items)
    sealed = envelope_for(stream, first, len(items), body)
    return Message(mqtt_topic(GATEWAY, "readings"), body, RECEIVED_MS, sealed.user_properties())


def stamp(measured_ms: int = RECEIVED_MS - 2_000) -> Stamp:
    return Stamp(RECEIVED_MS, measured_ms, measured_ms, measured_ms, measured_ms, "receipt")


def stamped(found: Reading, device_id: str | None = "cuff-1") -> StampedReading:
    return StampedReading(found, stamp(), device_id, ASSIGNMENT if device_id else None)


def patient_record(readings: Sequence[Reading], patient_id: str = "p-1") -> bytes:
    """Give a value of readings.v1."""
    owned = [stamped(found) for found in readings]
    return msgspec.json.encode(PatientReadings(patient_id, GATEWAY, STREAM, RECEIVED_MS, owned))


def unassigned_record(found: Reading) -> bytes:
    """Give a value of readings.unassigned.v1."""
    waiting = stamped(found, None)
    return msgspec.json.encode(Unassigned(GATEWAY, STREAM, RECEIVED_MS, "unknown-device", waiting))


def rejected_record(seq: int | None, body: bytes = b"junk", reason: str = "malformed") -> bytes:
    """Give a value of readings.rejected.v1."""
    stream = None if seq is None else STREAM
    return msgspec.json.encode(Rejected(GATEWAY, RECEIVED_MS, reason, body, "why", stream, seq))


def device(*assignments: Assignment, address: str = CUFF, device_id: str = "cuff-1") -> DeviceEntry:
    return DeviceEntry(device_id, address, "", list(assignments))
