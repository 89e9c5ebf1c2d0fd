"""A log written as lines of JSON, as people and other programs write it: lenient in form.

Each line is a record of readings.v1, a patient's entry of registry.v1 or a report of gateways.v1 as
Kafka holds it, a tick, one reading in wire format (an item of ``…/readings``) with ``patient_id``
and ``received_at`` beside it, or a whole readings message with both. Where ``patient_id`` is null
the device is nobody's. Times are UTC ms or ISO 8601; numbers may be numbers. What a single
reading's way through the bridge would add is added: the meaning is that of the bridge.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from alerts.records import Removed, possible
from schemas.errors import InvalidInput
from schemas.kafka import (
    Corrections,
    GatewayReport,
    PatientReadings,
    ReadingsRecord,
    Stamp,
    StampedReading,
    Tick,
    TimeQuality,
    Unassigned,
    Withdrawals,
)
from schemas.reading import Reading
from schemas.registry import PatientEntry
from schemas.stamp import Sending, stamp
from schemas.units import ucum
from schemas.vitals import VITALS
from schemas.wire import refuse_other_major

LogRecord = ReadingsRecord | Unassigned | GatewayReport | PatientEntry | Removed
ZoneAt = Callable[[int], ZoneInfo | None]

_T = TypeVar("_T", bound=msgspec.Struct)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: dict[str, type[Corrections | Withdrawals]] = {
    "corrections": Corrections,
    "withdrawals": Withdrawals,
}
_NOTHING_TO_RULES = {"device", "book", "rota"}
_INSTANTS = {
    "care_plan_from",
    "therapy_start",
    "valid_from",
    "valid_until",
    "entered_at",
    "from",
    "until",
    "measured_at",
    "received_at",
}
"""Keys that may stand without their ``_ms``."""


class _Beside(msgspec.Struct):
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


_DEVICE = {"address": "00:00:00:00:00:00"}


class LogLines:
    """Reads the lines of a log in their order: a stamp is read in the zone of its patient."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._patients: dict[str, PatientEntry] = {}

    def read(self, number: int, line: str) -> LogRecord | None:
        """Read one line; None if it tells the rules nothing. Raises ``InvalidInput``."""
        record = _read(number, line, self._zone_of)
        if isinstance(record, PatientEntry):
            self._patients[record.patient_id] = record
        return record

    def _zone_of(self, patient_id: str) -> ZoneAt:
        entry = self._patients.get(patient_id)
        return _nowhere if entry is None else partial(_zone, entry)


def _zone(entry: PatientEntry, at_ms: int) -> ZoneInfo | None:
    periods = sorted(entry.zones, key=lambda period: period.from_ms)
    name = next((one.zone for one in reversed(periods) if one.from_ms <= at_ms), entry.zone)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder
        return None


def _nowhere(at_ms: int) -> None:
    """Know no zone: nobody wears the device, or nobody said where."""
    del at_ms


def _read(number: int, line: str, zone_of: Callable[[str], ZoneAt]) -> LogRecord | None:
    raw = _object(line)
    if "value" in raw and "kind" not in raw:  # as tools that copy topics write it
        if raw["value"] is None:
            return Removed(str(raw.get("key", "")))
        value = raw["value"]
        raw = _object(value) if isinstance(value, str) else _dict(value)
    raw = _dict(_instants(raw))
    raw["kind"] = kind = str(raw.get("kind") or _guessed(raw))
    if kind in _NOTHING_TO_RULES:
        return None
    if kind == "patient":
        return _patient(raw)
    if kind == "removed":
        return Removed(str(raw.get("key") or f"patient/{raw.get('patient_id', '')}"))
    received_ms = raw.get("received_at_ms")
    if not isinstance(received_ms, int) or not possible(received_ms):
        raise InvalidInput("time", "received_at is missing, or no time that a calendar has")
    if kind == "tick":
        return Tick(received_ms)
    if kind == "gateway":
        return _converted(raw, GatewayReport)
    return _of_patient(number, raw, zone_of)


def _of_patient(number: int, raw: dict[str, Any], zone_of: Callable[[str], ZoneAt]) -> LogRecord:
    kind, patient_id = raw["kind"], raw.get("patient_id")
    if kind == "unassigned" or ("patient_id" in raw and patient_id is None):
        return _unassigned(number, raw)
    if not isinstance(patient_id, str) or not patient_id:
        raise InvalidInput("patient", "patient_id is missing; null is a device that nobody wears")
    if kind in _KINDS:
        return _sane(_converted({"reason": "", **raw}, _KINDS[kind]))
    return _readings(number, raw, kind, zone_of(patient_id))


def _object(text: str) -> dict[str, Any]:
    try:
        return _dict(json.loads(text, parse_float=Decimal, parse_constant=_no_number))
    except (ValueError, RecursionError) as error:
        raise InvalidInput("malformed", f"not JSON: {error}") from error


def _no_number(text: str) -> None:
    message = f"{text} is no number"
    raise ValueError(message)


def _dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput("malformed", "a line is one JSON object")
    return value


def _guessed(raw: Mapping[str, object]) -> str:
    """Tell what a line is that does not say so."""
    if "items" in raw:
        return "message"
    if "readings" in raw:
        return "readings"
    if "health" in raw:
        return "gateway"
    if "reading" in raw or "item" in raw:
        return "reading" if "patient_id" in raw else "unassigned"
    if "quantities" in raw or "vital" in raw:
        return "reading"
    if "books" in raw or "pseudonym" in raw:
        return "patient"
    return "tick"


def _instants(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Turn every time into UTC ms, under the name that it has in the records."""
    if isinstance(value, list):
        return [_instants(one) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{key}_ms" if key in _INSTANTS else key
        timed = name.endswith("_ms") and isinstance(inner, str | Decimal)
        found[name] = _instant(inner) if timed else _instants(inner)
    return found


def _instant(value: str | Decimal) -> int:
    if isinstance(value, Decimal) or value.strip().lstrip("-").isdigit():
        return int(value)
    try:
        instant = datetime.fromisoformat(value.strip())
        instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return (instant - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("time", f"{value!r} is no time such as 2026-11-24T08:00Z") from error


def _patient(raw: dict[str, Any]) -> PatientEntry:
    entry = _converted({"pseudonym": str(raw.get("patient_id", "")), **raw}, PatientEntry)
    refuse_other_major(entry.version)
    return entry


def _readings(number: int, raw: dict[str, Any], kind: str, zone_at: ZoneAt) -> PatientReadings:
    beside = _converted(raw, _Beside)
    refuse_other_major(beside.version)
    if kind == "reading":
        entries: object = [raw]
    elif kind in ("readings", "message"):
        entries = raw.get("readings", raw.get("items"))
    else:
        raise InvalidInput("kind", f"{kind!r} is no kind of record that rules judge")
    if not isinstance(entries, list):
        raise InvalidInput("malformed", "readings are a list")
    return PatientReadings(
        beside.patient_id,
        beside.gateway_id,
        beside.stream,
        beside.received_at_ms,
        [_stamped(number, _dict(one), beside, zone_at) for one in entries],
    )


def _unassigned(number: int, raw: dict[str, Any]) -> Unassigned:
    beside = _converted({**raw, "patient_id": ""}, _Beside)
    inner = _dict(raw["reading"]) if "reading" in raw else raw
    told = _stamped(number, inner, beside, _nowhere)
    told_by = {"gateway_id": "", "stream": "", "reason": "no-assignment", **raw}
    return _converted({**told_by, "reading": told}, Unassigned)


def _stamped(
    number: int, entry: dict[str, Any], beside: _Beside, zone_at: ZoneAt
) -> StampedReading:
    """Take a reading with its stamp as it is; stamp one without, as the bridge would."""
    inner = _dict(entry.get("reading", entry.get("item", entry)))
    reading = _reading(number, inner, beside.received_at_ms)
    if "stamp" in entry:
        told = _converted(_dict(entry["stamp"]), Stamp)
    elif inner.get("measured_at_ms") is not None:
        told = _measured(_converted(inner, _Told), beside.received_at_ms)
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


def _measured(told: _Told, received_ms: int) -> Stamp:
    """Believe a line that says itself when its reading was measured; nothing is from the future."""
    at_ms = min(told.measured_at_ms, received_ms)
    return Stamp(received_ms, received_ms, at_ms, at_ms, at_ms, told.time_quality)


def _reading(number: int, raw: dict[str, Any], received_ms: int) -> Reading:
    """Fill in what only delivery needs."""
    quantities = {name: _quantity(one) for name, one in _dict(raw.get("quantities")).items()}
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
    reading = _converted(whole, Reading)
    if reading.vital not in VITALS:
        raise InvalidInput("unknown-vital", f"no vital is called {reading.vital!r}")
    return reading


def _quantity(raw: object) -> dict[str, Any]:
    told = dict(_dict(raw))
    value = told.get("value")
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        told["value"] = format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(told.get("unit"), str):
        told["unit"] = ucum(told["unit"])
    return told


def _sane(record: Corrections | Withdrawals) -> Corrections | Withdrawals:
    if not all(possible(one.measured_at_ms) for one in record.readings):
        raise InvalidInput("time", "a time that no calendar has")
    return record


def _converted(raw: dict[str, Any], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput("malformed", str(error)) from error
