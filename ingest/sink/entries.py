"""Kafka records to what the sink keeps of them. No I/O, no clock, no exception.

A record that cannot be read becomes a rejection like any other: it is kept, counted, and the
consumer goes on.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.sink.rows import reading_row
from schemas import topics
from schemas.errors import UNREADABLE, InvalidInput
from schemas.kafka import (
    READINGS_DECODER,
    Canary,
    Corrections,
    GatewayReport,
    Rejected,
    StampedReading,
    Tick,
    Unassigned,
    Withdrawals,
)
from schemas.wire import refuse_other_major

UNKNOWN_GATEWAY = "unknown"
SINK_TOPICS = (topics.READINGS, topics.REJECTED, topics.UNASSIGNED, topics.GATEWAYS)
_REJECTED = msgspec.json.Decoder(Rejected)
_UNASSIGNED = msgspec.json.Decoder(Unassigned)
_REPORT = msgspec.json.Decoder(GatewayReport)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A reading as it came: for a patient, or (None) for nobody yet.

    ``row`` is what the vital's table would hold, in the order of ``copied_columns``.
    """

    patient_id: str | None
    gateway_id: str
    stream: str
    stamped: StampedReading
    row: tuple[Any, ...]

    @property
    def reading_id(self) -> str:
        """The reading's name: 32 hexadecimal digits."""
        return self.stamped.reading.reading_id


Entry = Arrival | Rejected | GatewayReport


def read(topic: str, value: bytes | None, written_ms: int) -> list[Entry]:
    """Read a record of one of SINK_TOPICS; ``written_ms``: when Kafka says it was written."""
    try:
        return _read(topic, value or b"")
    except InvalidInput as error:
        return [unreadable(value or b"", written_ms, error)]
    except UNREADABLE as error:
        return [unreadable(value or b"", written_ms, InvalidInput("record", str(error)))]


def unreadable(value: bytes, written_ms: int, error: InvalidInput) -> Rejected:
    """Keep a record that says nothing, or nothing that can be trusted: it confirms nothing."""
    return Rejected(UNKNOWN_GATEWAY, max(written_ms, 0), error.reason, value, error.detail)


def refused(entry: Entry, reason: str, detail: str) -> Rejected:
    """Turn an entry that cannot be stored as what it is into a rejection.

    A reading is confirmed by it. A rejection that was refused itself confirms nothing any more: its
    delivery key was what could not be stored.
    """
    match entry:
        case Arrival():
            reading = entry.stamped.reading
            return Rejected(
                gateway_id=entry.gateway_id,
                received_at_ms=entry.stamped.stamp.received_at_ms,
                reason=reason,
                detail=detail,
                payload=msgspec.json.encode(entry.stamped),
                stream=entry.stream,
                seq=reading.seq,
                device_address=reading.device.address,
            )
        case Rejected():
            return msgspec.structs.replace(
                entry, reason=reason, detail=detail, stream=None, seq=None
            )
        case GatewayReport():
            payload = msgspec.json.encode(entry)
            return Rejected(entry.gateway_id, entry.received_at_ms, reason, payload, detail)


def _read(topic: str, value: bytes) -> list[Entry]:
    match topic:
        case topics.READINGS:
            record = READINGS_DECODER.decode(value)
            refuse_other_major(record.version)
            if isinstance(record, Tick | Corrections | Withdrawals):  # the tables knew these first
                return []
            if isinstance(record, Canary):  # made up, and nobody's
                return []
            return [
                _arrival(record.patient_id, record.gateway_id, record.stream, stamped)
                for stamped in record.readings
            ]
        case topics.UNASSIGNED:
            waiting = _UNASSIGNED.decode(value)
            refuse_other_major(waiting.version)
            return [_arrival(None, waiting.gateway_id, waiting.stream, waiting.reading)]
        case topics.REJECTED:
            rejected = _REJECTED.decode(value)
            refuse_other_major(rejected.version)
            return [rejected]
        case _:
            report = _REPORT.decode(value)
            refuse_other_major(report.version)
            return [report]


def _arrival(
    patient_id: str | None, gateway_id: str, stream: str, stamped: StampedReading
) -> Entry:
    """Make the reading's row; a reading that has none is kept as rejected."""
    try:
        row = reading_row(patient_id or "", (gateway_id, stream), stamped)
    except InvalidInput as error:
        bare = Arrival(patient_id, gateway_id, stream, stamped, ())
        return refused(bare, error.reason, error.detail)
    return Arrival(patient_id, gateway_id, stream, stamped, row)
