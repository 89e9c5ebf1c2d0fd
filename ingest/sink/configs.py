"""What homes cannot know by themselves: cursors, zones, and that something is to come again.

Published, retained, when the sink connects, when a gateway begins a new stream (its journal may be
new too), and when a person asks for a re-send. It tells what the database holds: publishing it too
often, or late, is harmless.
"""

from collections.abc import Iterable
from contextlib import suppress

import msgspec
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ingest.sink.held_numbers import Numbered, cursor_of
from ingest.tables import current_name
from schemas.gatt import uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import content_of_segments
from schemas.vitals import VITALS
from schemas.wire import BoundDevice, Config, Resend

RECORDS_MAX = 2_000
"""Of a device: more than any meter keeps."""

_IN_SEGMENTS = f"{uuids.BLOOD_PRESSURE_RECORD:04x}"
_ZONES = """
SELECT DISTINCT coalesce(
  (SELECT period->>'zone' FROM jsonb_array_elements(details->'zones') AS period
   WHERE (period->>'from_ms')::bigint <= extract(epoch FROM now()) * 1000
   ORDER BY (period->>'from_ms')::bigint DESC LIMIT 1),
  zone)
FROM vitalwire.assignments
JOIN vitalwire.devices USING (device_id) JOIN vitalwire.patients USING (patient_id)
LEFT JOIN vitalwire.care_plans USING (patient_id)
WHERE address = %s AND validity @> now()
"""
_STORED = """
SELECT (extract(epoch FROM time) * 1000)::bigint, record_number, characteristic, raw
FROM {} JOIN vitalwire.devices USING (device_id)
WHERE address = %s AND amends IS NULL AND record_number IS NOT NULL
  AND patient_id = ANY(SELECT patient_id FROM vitalwire.assignments
                       JOIN vitalwire.devices USING (device_id) WHERE address = %s)
ORDER BY time DESC, record_number DESC LIMIT %s
"""
_WAITING = """
SELECT (reading->'stamp'->>'measured_at_ms')::bigint,
       (reading->'reading'->>'record_number')::bigint, reading->'reading'->>'characteristic',
       reading->'reading'->>'raw'
FROM vitalwire.unassigned_readings
WHERE device_address = %s AND released_at IS NULL AND reading->'reading' ? 'record_number'
  AND NOT reading->'reading' ? 'amends'
ORDER BY 1 DESC LIMIT %s
"""
_RESEND = """
SELECT request_id, (extract(epoch FROM since) * 1000)::bigint FROM vitalwire.resend_requests
WHERE gateway_id = %s OR gateway_id IS NULL ORDER BY request_id DESC LIMIT 1
"""
_SEEN = """
INSERT INTO vitalwire.gateway_devices (gateway_id, address) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""


def note_devices(connection: Connection[TupleRow], pairs: Iterable[tuple[str, str]]) -> None:
    """Remember which gateway brings which device; in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(_SEEN, sorted(set(pairs)))  # one order for all: no deadlock


def ask_for_resend(connection: Connection[TupleRow], since_ms: int, gateway_id: str | None) -> int:
    """Ask a home, or every one, to send again what it had receipts for; give the request's number.

    The sink tells them within seconds.
    """
    row = connection.execute(
        "INSERT INTO vitalwire.resend_requests (gateway_id, since)"
        " VALUES (%s, to_timestamp(%s / 1000.0)) RETURNING request_id",
        [gateway_id, since_ms],
    ).fetchone()
    assert row is not None
    return int(row[0])


def newest_request(connection: Connection[TupleRow]) -> int:
    """Give the number of the last request for a re-send; 0 if nobody ever asked."""
    row = connection.execute(
        "SELECT coalesce(max(request_id), 0) FROM vitalwire.resend_requests"
    ).fetchone()
    assert row is not None
    return int(row[0])


def config_of(connection: Connection[TupleRow], gateway_id: str) -> bytes:
    """Build a home's configuration from the tables."""
    addresses = connection.execute(
        "SELECT address FROM vitalwire.gateway_devices WHERE gateway_id = %s ORDER BY address",
        [gateway_id],
    ).fetchall()
    resend = connection.execute(_RESEND, [gateway_id]).fetchone()
    return msgspec.json.encode(
        Config(
            devices=[_bound(connection, address) for (address,) in addresses],
            resend=None if resend is None else Resend(str(resend[0]), int(resend[1])),
        )
    )


def _bound(connection: Connection[TupleRow], address: str) -> BoundDevice:
    zones = [zone for (zone,) in connection.execute(_ZONES, [address])]
    records = [
        Numbered(time_ms, number, _content(characteristic, bytes(raw)))
        for vital in VITALS.values()
        for time_ms, number, characteristic, raw in connection.execute(
            sql.SQL(_STORED).format(sql.Identifier(*current_name(vital).split("."))),
            [address, address, RECORDS_MAX],
        )
    ]
    records += [
        Numbered(time_ms, number, _content(characteristic, bytes.fromhex(raw)))
        for time_ms, number, characteristic, raw in connection.execute(
            _WAITING, [address, RECORDS_MAX]
        )
    ]
    return BoundDevice(
        address=address,
        zone=zones[0] if len(zones) == 1 else None,  # two wearers: nobody's
        cursor=cursor_of(records),
    )


def _content(characteristic: str, raw: bytes) -> bytes:
    """Give what a device says of a record each time: of one in segments, what they carry."""
    if characteristic == _IN_SEGMENTS:
        with suppress(MalformedPayload):
            return content_of_segments([raw])[1]
    return raw
