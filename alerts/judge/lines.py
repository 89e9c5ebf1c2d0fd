"""A log written as lines of JSON, as people and other programs write it: lenient in form.

Each line is a record of readings.v1, a patient's entry of registry.v1 or a report of gateways.v1 as
Kafka holds it, a tick, one reading in wire format (an item of ``…/readings``) with ``patient_id``
and ``received_at`` beside it, or a whole readings message with both. Where ``patient_id`` is null
the device is nobody's. Times are UTC ms or ISO 8601; numbers may be numbers. What a single
reading's way through the bridge would add is added: the meaning is that of the bridge.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from alerts.engine.offline import LogRecord
from alerts.judge.fields import Strange
from alerts.judge.form import as_object, converted, object_of
from alerts.judge.names import Names
from alerts.judge.readings import Beside, nowhere, stamped
from alerts.judge.times import instants
from alerts.judge.values import as_sent, brief, vital_named
from alerts.records import Removed, possible
from schemas.errors import InvalidInput
from schemas.kafka import (
    Corrections,
    GatewayReport,
    PatientReadings,
    StampedReading,
    Tick,
    Unassigned,
    Withdrawals,
)
from schemas.plausible import check_values
from schemas.registry import PatientEntry
from schemas.stamp import ZoneAt
from schemas.time_zone import zone_named
from schemas.wire import refuse_other_major

_KINDS: dict[str, type[Corrections | Withdrawals]] = {
    "corrections": Corrections,
    "withdrawals": Withdrawals,
}
_NOTHING_TO_RULES = {"book", "canary", "device", "rota"}
_STAMPED = {"gateway", "message", "reading", "readings", "tick", "unassigned", *_KINDS}


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
        return nowhere if entry is None else partial(_zone, entry)


def _zone(entry: PatientEntry, at_ms: int) -> ZoneInfo | None:
    return zone_named(entry.zone_at(at_ms))


def _raw(line: str) -> dict[str, Any] | Removed:
    """Give the object of a line, with its kind and times as its record has them."""
    raw = object_of(line)
    if "value" in raw and "kind" not in raw:  # as tools that copy topics write it
        if raw["value"] is None:
            return Removed(str(raw.get("key", "")))
        value = raw["value"]
        raw = object_of(value) if isinstance(value, str) else as_object(value)
    raw = as_object(instants(raw))
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
        return converted(raw, GatewayReport)
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
        return _sane(converted({"reason": "", **_as_sent(raw)}, _KINDS[kind]))
    return _readings(number, raw, kind, zone_of(patient_id))


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
    entry = converted({"pseudonym": str(raw.get("patient_id", "")), **raw}, PatientEntry)
    refuse_other_major(entry.version)
    return entry


def _readings(number: int, raw: dict[str, Any], kind: str, zone_at: ZoneAt) -> PatientReadings:
    beside = converted(raw, Beside)
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
            _each(place, len(entries), partial(stamped, number, one, beside, zone_at))
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
    if raw["kind"] == "readings" and "vital" not in raw:
        said = "of a device that nobody wears each reading is a line of its own, without readings"
        raise InvalidInput("malformed", said)
    beside = converted({**raw, "patient_id": ""}, Beside)
    inner = as_object(raw["reading"]) if "reading" in raw else raw
    told = stamped(number, inner, beside, nowhere)
    told_by = {"gateway_id": "", "stream": "", "reason": "no-assignment", **raw}
    return converted({**told_by, "reading": told}, Unassigned)


def _as_sent(raw: dict[str, Any]) -> dict[str, Any]:
    """Write the values of corrected or withdrawn readings as the wire does."""
    if not isinstance(raw.get("readings"), list):
        raise InvalidInput("malformed", "readings are a list")
    return {**raw, "readings": [_told_anew(as_object(one)) for one in raw["readings"]]}


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
