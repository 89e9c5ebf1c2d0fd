"""Readings that waited for a patient flow when somebody assigns their device."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.registry import entries, outbox
from ingest.registry.view import Attributed, RegistryView
from schemas.kafka import StampedReading

PAGE_ROWS = 1_000
_PAGE = """
SELECT reading_id, gateway_id, stream, reading::text FROM vitalwire.unassigned_readings
WHERE released_at IS NULL AND device_address = ANY(%s) AND reading_id > %s
ORDER BY reading_id LIMIT %s
"""
_RELEASED = """
UPDATE vitalwire.unassigned_readings AS waiting
SET released_at = %s, assignment_id = released.assignment_id
FROM unnest(%s::uuid[], %s::uuid[]) AS released (reading_id, assignment_id)
WHERE waiting.reading_id = released.reading_id
"""


def release(connection: Connection[TupleRow], addresses: Iterable[str], now: datetime) -> int:
    """Send every waiting reading of these devices that has a patient now; give their number.

    Runs inside the caller's transaction, which holds the lock of ``assignments``.
    """
    listed = list(addresses)
    view = RegistryView(entries.devices_at(connection, listed))
    released = 0
    last = UUID(int=0)
    while page := connection.execute(_PAGE, [listed, last, PAGE_ROWS]).fetchall():
        last = page[-1][0]
        released += _release_page(connection, view, page, now)
    return released


def _release_page(
    connection: Connection[TupleRow], view: RegistryView, page: list[TupleRow], now: datetime
) -> int:
    readings: list[outbox.Owned] = []
    ids: list[tuple[UUID, UUID]] = []
    for reading_id, gateway_id, stream, text in page:
        stamped = msgspec.json.decode(text, type=StampedReading)
        found = view.attribute(stamped)
        if isinstance(found, Attributed):
            owned = own(stamped, found)
            readings.append(outbox.Owned(found.patient_id, gateway_id, stream, owned))
            ids.append((reading_id, UUID(found.assignment_id)))
    if readings:
        outbox.put_readings(connection, readings, now)
        connection.execute(
            _RELEASED, [now, [name for name, _ in ids], [assigned for _, assigned in ids]]
        )
    return len(readings)


def own(stamped: StampedReading, found: Attributed) -> StampedReading:
    """Write into a reading whose device it came from under which assignment."""
    return msgspec.structs.replace(
        stamped, device_id=found.device_id, assignment_id=found.assignment_id
    )


def release_again(connection: Connection[TupleRow], now: datetime) -> int:
    """Send again what was released but never stored: readings.v1 lost it with its log."""
    connection.execute("LOCK TABLE vitalwire.assignments IN SHARE MODE")
    rows = connection.execute(
        "UPDATE vitalwire.unassigned_readings AS waiting SET released_at = NULL"
        " WHERE released_at IS NOT NULL AND NOT EXISTS"
        " (SELECT FROM vitalwire.reading_keys AS known"
        " WHERE known.reading_id = waiting.reading_id) RETURNING device_address"
    ).fetchall()
    return release(connection, {address for (address,) in rows}, now) if rows else 0
