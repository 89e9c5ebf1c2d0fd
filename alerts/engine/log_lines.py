"""A log written as lines of JSON, as people and other programs write it: lenient in form.

Each line is a record of readings.v1, a patient's entry of registry.v1 or a report of gateways.v1 as
Kafka holds it, a tick, one reading in wire format (an item of ``…/readings``) with ``patient_id``
and ``received_at`` beside it, or a whole readings message with both. Where ``patient_id`` is null
the device is nobody's. Times are UTC ms or ISO 8601; numbers may be numbers. What a single
reading's way through the bridge would add is added: the meaning is that of the bridge.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from alerts.engine.log_fields import Strange
from alerts.engine.log_names import Names
from alerts.engine.log_times import instants
from alerts.engine.log_values import as_sent, brief, quantities_of, vital_named
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
from schemas.plausible import check_values
from schemas.reading import Reading
from schemas.registry import PatientEntry
from schemas.stamp import Sending, stamp
from schemas.time_zone import zone_named
from schemas.wire import refuse_other_major

LogRecord = ReadingsRecord | Unassigned | GatewayReport | PatientEntry | Removed
ZoneAt = Callable[[int], ZoneInfo | None]

_T = TypeVar("_T", bound=msgspec.Struct)
_KINDS: dict[str, type[Corrections | Withdrawals]] = {
    "corrections": Corrections,
    "withdrawals": Withdrawals,
}
_NOTHING_TO_RULES = {"book", "canary", "device", "rota"}
_STAMPED = {"gateway", "message", "reading", "readings", "tick", "unassigned", *_KINDS}


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


_CLOCKS_DIFFER_MS = 10 * 60_000
_DEVICE = {"address": "00:00:00:00:00:00"}


class LogLines:
    """Reads the lines of a log in their order: a stamp is read in the zone of its patient."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.names = Names()
        self.strange = Strange()
        self._patients: dict[str, PatientEntry] = {}

    def read(self, number: int, line: str) -> LogRecord | None:
        """Read one line; None if it tells the rules nothing. Raises ``InvalidInput``."""
        raw = _raw(line)
        record = raw if isinstance(raw, Removed) else _read(number, raw, self._zone_of)
        if record is not None and not isinstance(raw, Removed):
            self.strange.look(number, raw)
        if isinstance(record, PatientEntry):
            self._patients[record.patient_id] = record
        return self.names.kept(record)

    def _zone_of(self, patient_id: str) -> ZoneAt:
        entry = self._patients.get(patient_id)
        return _nowhere if entry is None else partial(_zone, entry)


def _zone(entry: PatientEntry, at_ms: int) -> ZoneInfo | None:
    periods = sorted(entry.zones, key=lambda period: period.from_ms)
    name = next((one.zone for one in reversed(periods) if one.from_ms <= at_ms), entry.zone)
    return zone_named(name)


def _nowhere(at_ms: int) -> None:
    """Know no zone: nobody wears the device, or nobody said where."""
    del at_ms


def _raw(line: str) -> dict[str, Any] | Removed:
    """Give the object of a line, with its kind and times as its record has them."""
    raw = _object(line)
    if "value" in raw and "kind" not in raw:  # as tools that copy topics write it
        if raw["value"] is None:
            return Removed(str(raw.get("key", "")))
        value = raw["value"]
        raw = _object(value) if isinstance(value, str) else _dict(value)
    raw = _dict(instants(raw))
    raw["kind"] = str(raw.get("kind") or _guessed(raw))
    return raw


def _read(number: int, raw: dict[str, Any], zone_of: Callable[[str], ZoneAt]) -> LogRecord | None:
    kind = raw["kind"]
    if kind in _NOTHING_TO_RULES:
        return None
    if kind == "patient":
        return _patient(raw)
    if kind == "removed":
        return Removed(str(raw.get("key") or f"patient/{raw.get('patient_id', '')}"))
    if kind not in _STAMPED:
        known = ", ".join(sorted({"patient", "removed", *_STAMPED}))
        said = f"{brief(kind)} is no kind of record that rules judge; there are: {known}"
        raise InvalidInput("kind", said)
    return _of_its_time(number, raw, zone_of)


def _of_its_time(number: int, raw: dict[str, Any], zone_of: Callable[[str], ZoneAt]) -> LogRecord:
    kind = raw["kind"]
    received_ms = raw.get("received_at_ms")
    if not isinstance(received_ms, int) or isinstance(received_ms, bool):
        raise InvalidInput("time", "received_at is missing, such as 2026-11-24T08:00Z")
    if not possible(received_ms):
        raise InvalidInput("time", f"received_at {received_ms} is no time that a calendar has")
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
        raise InvalidInput(
            "patient", "patient_id, a text, is missing; null is a device that nobody wears"
        )
    if kind in _KINDS:
        return _sane(_converted({"reason": "", **_as_sent(raw)}, _KINDS[kind]))
    return _readings(number, raw, kind, zone_of(patient_id))


def _object(text: str) -> dict[str, Any]:
    try:
        return _dict(json.loads(text, parse_float=Decimal, parse_constant=_no_number))
    except json.JSONDecodeError as error:  # its own message counts lines within this one
        raise InvalidInput("malformed", f"not JSON: {error.msg}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput("malformed", f"not JSON: {error}") from error


def _no_number(text: str) -> None:
    raise InvalidInput("malformed", f"{text} is no number; absent says why there is none")


def _dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(
            "malformed", f"{brief(value)} is no object: a line is one JSON object, {{…}}"
        )
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


def _patient(raw: dict[str, Any]) -> PatientEntry:
    entry = _converted({"pseudonym": str(raw.get("patient_id", "")), **raw}, PatientEntry)
    refuse_other_major(entry.version)
    return entry


def _readings(number: int, raw: dict[str, Any], kind: str, zone_at: ZoneAt) -> PatientReadings:
    beside = _converted(raw, _Beside)
    refuse_other_major(beside.version)
    if kind == "reading":
        entries: object = [raw]
    else:
        entries = raw.get("readings", raw.get("items"))
    if not isinstance(entries, list):
        raise InvalidInput("malformed", "readings are a list")
    return PatientReadings(
        beside.patient_id,
        beside.gateway_id,
        beside.stream,
        beside.received_at_ms,
        [
            _each(place, len(entries), partial(_stamped, number, one, beside, zone_at))
            for place, one in enumerate(entries, start=1)
        ],
    )


def _each(place: int, count: int, read: Callable[[], StampedReading]) -> StampedReading:
    """Say which of a line's readings cannot be read."""
    try:
        return read()
    except InvalidInput as error:
        if count == 1:
            raise
        raise InvalidInput(error.reason, f"reading {place} of {count}: {error.detail}") from error


def _unassigned(number: int, raw: dict[str, Any]) -> Unassigned:
    beside = _converted({**raw, "patient_id": ""}, _Beside)
    inner = _dict(raw["reading"]) if "reading" in raw else raw
    told = _stamped(number, inner, beside, _nowhere)
    told_by = {"gateway_id": "", "stream": "", "reason": "no-assignment", **raw}
    return _converted({**told_by, "reading": told}, Unassigned)


def _stamped(number: int, told_of: object, beside: _Beside, zone_at: ZoneAt) -> StampedReading:
    """Take a reading with its stamp as it is; stamp one without, as the bridge would."""
    entry = _dict(told_of)
    inner = _dict(entry.get("reading", entry.get("item", entry)))
    reading = _reading(number, inner, beside.received_at_ms)
    if "stamp" in entry:
        told = _converted(_dict(entry["stamp"]), Stamp)
    elif inner.get("measured_at_ms") is not None:
        told = _measured(_converted(inner, _Told), reading, beside.received_at_ms)
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


def _measured(told: _Told, reading: Reading, received_ms: int) -> Stamp:
    """Believe a line that says itself when its reading was measured; nothing is from the future.

    Two clocks may differ by as much as a device's may. A time that is later by more is as good as
    none: then the reading was measured when it came, if it is its session's newest.
    """
    if told.measured_at_ms > received_ms + _CLOCKS_DIFFER_MS:
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
    return _converted(whole, Reading)


def _as_sent(raw: dict[str, Any]) -> dict[str, Any]:
    """Write the values of corrected or withdrawn readings as the wire does."""
    if not isinstance(raw.get("readings"), list):
        raise InvalidInput("malformed", "readings are a list")
    return {**raw, "readings": [_told_anew(_dict(one)) for one in raw["readings"]]}


def _told_anew(one: dict[str, Any]) -> dict[str, Any]:
    vital = vital_named(one.get("vital"))
    told = {key: as_sent(vital, one[key]) for key in ("quantities", "before") if key in one}
    return one | told


def _sane(record: Corrections | Withdrawals) -> Corrections | Withdrawals:
    if not all(possible(one.measured_at_ms) for one in record.readings):
        raise InvalidInput("time", "a time that no calendar has")
    for one in record.readings:
        check_values(vital_named(one.vital), one.quantities)
    return record


def _converted(raw: dict[str, Any], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput("malformed", str(error)) from error
