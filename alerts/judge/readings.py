"""One reading of a line, with the time that its line says or that the bridge would give it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from alerts.judge.form import as_object, converted
from alerts.judge.values import quantities_of, vital_named
from alerts.records import possible
from schemas.errors import InvalidInput
from schemas.kafka import Stamp, StampedReading, TimeQuality
from schemas.reading import Reading
from schemas.stamp import Sending, ZoneAt, stamp

CLOCKS_DIFFER_MS = 10 * 60_000
_DEVICE = {"address": "00:00:00:00:00:00"}


class Beside(msgspec.Struct):
    """What a line says beside its readings: whose they are, when they came, by which clocks."""

    received_at_ms: int
    patient_id: str = ""
    gateway_id: str = ""
    stream: str = ""
    boot_id: str | None = None
    sent_monotonic_ms: int | None = None
    sent_wall_ms: int | None = None
    version: int = 1


class _Told(msgspec.Struct):
    """When a reading was measured, if its line says so itself."""

    measured_at_ms: int
    time_quality: TimeQuality = "device-clock"


def nowhere(at_ms: int) -> None:
    """Know no zone: nobody wears the device, or nobody said where."""
    del at_ms


def inner_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give the reading of an entry: it may stand in it, as readings.v1 has it, or be it."""
    return as_object(entry.get("reading", entry.get("item", entry)))


def stamped(number: int, told_of: object, beside: Beside, zone_at: ZoneAt) -> StampedReading:
    """Take a reading with its stamp as it is; stamp one without, as the bridge would."""
    entry = as_object(told_of)
    inner = inner_of(entry)
    reading = _reading(number, inner, beside.received_at_ms)
    if "stamp" in entry:
        told = converted(as_object(entry["stamp"]), Stamp)
    elif inner.get("measured_at_ms") is not None or _says_how_alone(inner):
        measured_ms = inner.get("measured_at_ms")
        come = beside.received_at_ms if measured_ms is None else measured_ms
        given = converted({**inner, "measured_at_ms": come}, _Told)
        told = _measured(given, reading, beside.received_at_ms)
    else:
        capture = reading.capture
        sent_ms = beside.sent_monotonic_ms
        sending = Sending(
            beside.received_at_ms,
            capture.boot_id if beside.boot_id is None else beside.boot_id,
            capture.monotonic_ms if sent_ms is None else sent_ms,
            beside.sent_wall_ms,
        )
        if reading.device_time is None and reading.session_newest is None:
            # Nothing but its arrival tells when it was taken, and no other reading came with it.
            reading = msgspec.structs.replace(reading, session_newest=True)
        told = stamp(reading, sending, zone_at)
    if not possible(told.measured_at_ms) or not possible(told.earliest_ms):
        raise InvalidInput("time", "a time that no calendar has")
    device_id, assignment_id = (entry.get(key) for key in ("device_id", "assignment_id"))
    return StampedReading(reading, told, device_id, assignment_id)


def _says_how_alone(inner: dict[str, Any]) -> bool:
    """Tell whether a line says only how well a time is known: it was measured when it came."""
    silent = not {"capture", "device_time"} & inner.keys()
    return silent and inner.get("time_quality", "device-clock") != "device-clock"


def _measured(told: _Told, reading: Reading, received_ms: int) -> Stamp:
    """Believe a line that says itself when its reading was measured; nothing is from the future.

    Two clocks may differ by as much as a device's may. A time that is later by more is as good as
    none: then the reading was measured when it came, if it is its session's newest.
    """
    if told.measured_at_ms > received_ms + CLOCKS_DIFFER_MS:
        quality: TimeQuality = "untrusted" if reading.session_newest is False else "receipt"
    else:
        quality = told.time_quality
    at_ms = min(told.measured_at_ms, received_ms)
    return Stamp(received_ms, received_ms, at_ms, at_ms, at_ms, quality)


def _reading(number: int, raw: dict[str, Any], received_ms: int) -> Reading:
    """Fill in what only delivery needs."""
    vital = vital_named(raw.get("vital"))
    quantities = quantities_of(vital, raw.get("quantities"))
    device = raw.get("device", _DEVICE)
    whole: dict[str, Any] = {
        "seq": number,
        "characteristic": "",
        "raw": "",
        "session_id": f"line-{number}",
        "capture": {"boot_id": "", "monotonic_ms": 0, "wall_ms": received_ms},
        **raw,
        "kind": "reading",
        "quantities": quantities,
        "device": {"address": device} if isinstance(device, str) else device,
    }
    if not isinstance(raw.get("reading_id"), str):
        raise InvalidInput("malformed", "reading_id is missing: text that no other reading has")
    return converted(whole, Reading)
