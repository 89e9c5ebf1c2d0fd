"""Readings as gateways decode them, and the rows that the sink makes of them."""

from decimal import Decimal
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.redecode.derived import Layout, layout_of
from ingest.redecode.examine import StoredRow
from ingest.sink.entries import Arrival, read
from ingest.sink.rows import reading_row
from ingest.sink.store import Stored, store
from schemas.gatt.measurement import believable, measure
from schemas.gatt.quirks import quirk_of
from schemas.identity import Undated, reading_id
from schemas.kafka import PatientReadings, StampedReading
from schemas.reading import Capture, Device, DeviceTime, Quantity, Reading
from schemas.topics import READINGS
from schemas.vitals import VITALS
from tests.ingest.factories import ASSIGNMENT, BOOT, CUFF, GATEWAY, RECEIVED_MS, STREAM, stamp
from tests.servers import NOW

Database = Connection[TupleRow]
SEVERE = bytes.fromhex("1EC0007C009300EA07030E0705096000010400")
UNKNOWN = {"pulse": Quantity("/min", absent="unknown")}
BM85 = Device(CUFF, model="BM85", manufacturer="Beurer GmbH")


def decoded(
    characteristic: str,
    payload: bytes,
    feature: int | None = None,
    seq: int = 1,
    **changes: Any,  # noqa: ANN401
) -> Reading:
    """Give the reading that a gateway makes of a payload; ``changes``: what it got wrong."""
    quirk = quirk_of(model=BM85.model, manufacturer=BM85.manufacturer)
    measurement = believable(measure(characteristic, payload, feature, quirk))
    moment = measurement.stamp
    told = moment is not None and not moment.recorded.unknown
    reading = Reading(
        seq=seq,
        reading_id=reading_id(CUFF, characteristic, payload, Undated(GATEWAY, STREAM, seq, seq)),
        vital=measurement.vital.name,
        device=BM85,
        characteristic=characteristic,
        raw=payload.hex(),
        quantities=measurement.quantities,
        session_id="session",
        capture=Capture(BOOT, 1),
        outcome=measurement.outcome,
        status=measurement.status,
        user_slot=measurement.user_slot,
        attributes=measurement.attributes,
        record_number=measurement.record_number,
        device_time=DeviceTime(moment.recorded.text, moment.offset_min)
        if moment and told
        else None,
    )
    return msgspec.structs.replace(reading, **changes)


def stamped(reading: Reading, measured_ms: int = RECEIVED_MS - 2_000) -> StampedReading:
    return StampedReading(reading, stamp(measured_ms), "cuff-1", ASSIGNMENT)


def stored_row(reading: Reading) -> tuple[Layout, StoredRow]:
    """Give the row as a scan of the table gives it."""
    found = reading_row("p-1", (GATEWAY, STREAM), stamped(reading))
    layout = layout_of(VITALS[reading.vital])
    return layout, StoredRow(found, 1, scales(layout, found), "BM85", CUFF)


def scales(layout: Layout, row: tuple[Any, ...]) -> tuple[int | None, ...]:
    """Give the decimal places of what was received."""
    names = (f"{one.name}_received" for one in layout.vital.quantities)
    return tuple(_scale(row[layout.place(name)]) for name in names)


def _scale(received: Decimal | None) -> int | None:
    """Do what PostgreSQL's ``scale`` does."""
    if received is None:
        return None
    exponent = received.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


def take(connection: Connection[TupleRow], *readings: Reading, at_ms: int | None = None) -> Stored:
    """Let the sink store readings that came by Kafka."""
    owned = [stamped(one, at_ms or RECEIVED_MS - 2_000) for one in readings]
    record = PatientReadings("p-1", GATEWAY, STREAM, RECEIVED_MS, owned)
    entries = read(READINGS, msgspec.json.encode(record), 0)
    assert all(isinstance(entry, Arrival) for entry in entries), entries
    return store(connection, entries, [], NOW)


def misread(seq: int = 1, payload: bytes = SEVERE, **changes: Any) -> Reading:  # noqa: ANN401
    """Give a reading whose pulse an older decoder did not understand."""
    right = decoded("2a35", payload, seq=seq)
    return msgspec.structs.replace(right, quantities={**right.quantities, **UNKNOWN}, **changes)


def rows(connection: Database, what: str) -> list[TupleRow]:
    return connection.execute(f"SELECT {what}".encode()).fetchall()
