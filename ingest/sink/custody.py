"""What is held besides the vitals: rejections, waiting readings, reports, and the receipts for all.

Every function writes inside the caller's transaction.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from ingest.instants import from_ms
from ingest.registry.view import Attributed, Waiting
from ingest.sink.entries import Arrival
from schemas import ranges
from schemas.kafka import GatewayReport, Rejected

TEXT_CHARACTERS_MAX = 1_000
_RECEIVED_MS_MAX = 253_402_300_799_000  # the end of the year 9999
_SEQ_MAX = (1 << 63) - 1

_REJECT = """
INSERT INTO vitalwire.rejected_payloads
    (rejected_id, gateway_id, stream, seq, reason, detail, device_address, payload, received_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (rejected_id) DO UPDATE SET times = rejected_payloads.times + 1
"""
_WAIT = """
INSERT INTO vitalwire.unassigned_readings AS waiting
    (reading_id, gateway_id, stream, seq, device_address, reason, time_earliest, time_latest,
     received_at, reading)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (reading_id) DO UPDATE
SET reason = EXCLUDED.reason, released_at = NULL, assignment_id = NULL
WHERE waiting.released_at IS NOT NULL
"""
_REROUTE = """
INSERT INTO vitalwire.unassigned_readings AS waiting
    (reading_id, gateway_id, stream, seq, device_address, reason, time_earliest, time_latest,
     received_at, reading, released_at, assignment_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (reading_id) DO UPDATE
SET released_at = EXCLUDED.released_at, assignment_id = EXCLUDED.assignment_id
WHERE waiting.released_at IS NULL OR waiting.assignment_id <> EXCLUDED.assignment_id
"""
_REROUTED = "re-routed"
_REPORT = """
INSERT INTO vitalwire.gateways AS known
    (gateway_id, state, report, received_at, devices, devices_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (gateway_id) DO UPDATE
SET state = EXCLUDED.state, report = EXCLUDED.report, received_at = EXCLUDED.received_at,
    devices = CASE WHEN EXCLUDED.devices_at IS NULL THEN known.devices ELSE EXCLUDED.devices END,
    devices_at = coalesce(EXCLUDED.devices_at, known.devices_at)
WHERE known.received_at <= EXCLUDED.received_at
"""
_RECEIPT = """
INSERT INTO vitalwire.gateway_receipts AS held (gateway_id, stream, custody)
VALUES (%s, %s, %s)
ON CONFLICT (gateway_id, stream) DO UPDATE
SET custody = held.custody + EXCLUDED.custody, updated_at = now()
"""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The delivery key of something that is in custody now."""

    gateway_id: str
    stream: str
    seq: int


def reject(connection: Connection[TupleRow], rejections: Sequence[Rejected]) -> None:
    """Keep rejected payloads; the same one again is counted in its row."""
    with connection.cursor() as cursor:
        cursor.executemany(_REJECT, [_rejected_row(rejected) for rejected in rejections])


def _rejected_row(rejected: Rejected) -> tuple[Any, ...]:
    """Build a row that the database cannot refuse, whatever the rejection says."""
    said = [rejected.gateway_id, rejected.stream or "", str(rejected.seq), rejected.reason]
    digest = hashlib.sha256("\0".join(said).encode(errors="replace") + rejected.payload).digest()
    return (
        UUID(bytes=digest[:16]),
        _text(rejected.gateway_id),
        None if rejected.stream is None else _text(rejected.stream),
        rejected.seq if rejected.seq is not None and 0 <= rejected.seq <= _SEQ_MAX else None,
        _text(rejected.reason),
        _text(rejected.detail),
        None if rejected.device_address is None else _text(rejected.device_address),
        rejected.payload,
        from_ms(min(max(rejected.received_at_ms, 0), _RECEIVED_MS_MAX)),
    )


def _text(text: str) -> str:
    """Make a text that PostgreSQL takes: no NUL, nothing that is no character, not endless."""
    known = text[:TEXT_CHARACTERS_MAX].encode(errors="replace").decode()
    return known.replace("\0", "\N{REPLACEMENT CHARACTER}")


def wait(connection: Connection[TupleRow], waiting: Sequence[tuple[Arrival, Waiting]]) -> None:
    """Keep readings until somebody assigns their device; known ones stay as they are.

    One that was released to an assignment which ended before it was stored waits again.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            _WAIT, [_waiting_row(arrival, found.reason) for arrival, found in waiting]
        )


def reroute(
    connection: Connection[TupleRow],
    readings: Iterable[tuple[Arrival, Attributed]],
    now: datetime,
) -> list[tuple[Arrival, Attributed]]:
    """Note that readings go to another patient than they came for; give those still to be sent.

    A reading that was sent to that patient already is on its way.
    """
    to_send = []
    for arrival, found in readings:
        row = (*_waiting_row(arrival, _REROUTED), now, UUID(found.assignment_id))
        if connection.execute(_REROUTE, row).rowcount:
            to_send.append((arrival, found))
    return to_send


def _waiting_row(arrival: Arrival, reason: str) -> tuple[Any, ...]:
    reading, stamp = arrival.stamped.reading, arrival.stamped.stamp
    bare = msgspec.structs.replace(arrival.stamped, device_id=None, assignment_id=None)
    return (
        UUID(reading.reading_id),
        arrival.gateway_id,
        arrival.stream,
        reading.seq,
        reading.device.address,
        reason,
        from_ms(stamp.earliest_ms),
        from_ms(stamp.latest_ms),
        from_ms(stamp.received_at_ms),
        Jsonb(msgspec.to_builtins(bare)),
    )


def report(connection: Connection[TupleRow], reports: Iterable[GatewayReport]) -> None:
    """Keep the newest health of each gateway, and what it last said of its devices."""
    newest: dict[str, GatewayReport] = {}
    talking: dict[str, GatewayReport] = {}  # a will says nothing of devices
    for entry in reports:
        newest[entry.gateway_id] = entry
        if entry.health.state == "online":
            talking[entry.gateway_id] = entry
    with connection.cursor() as cursor:
        cursor.executemany(
            _REPORT,
            [
                (
                    gateway_id,
                    newest[gateway_id].health.state,
                    Jsonb(msgspec.to_builtins(newest[gateway_id].health)),
                    from_ms(newest[gateway_id].received_at_ms),
                    *_devices_of(talking.get(gateway_id)),
                )
                for gateway_id in sorted(newest)
            ],
        )


def _devices_of(told: GatewayReport | None) -> tuple[Jsonb, datetime | None]:
    if told is None:
        return Jsonb([]), None
    return Jsonb(msgspec.to_builtins(told.health.devices)), from_ms(told.received_at_ms)


def confirm(connection: Connection[TupleRow], delivered: Iterable[Delivered]) -> None:
    """Add numbers to the sets in custody."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for key in delivered:
        numbers.setdefault((key.gateway_id, key.stream), []).append(key.seq)
    with connection.cursor() as cursor:
        cursor.executemany(
            _RECEIPT,
            [
                (*origin, _multirange(numbers[origin]))
                for origin in sorted(numbers)  # one order for all: no deadlock
            ],
        )


def _multirange(numbers: Iterable[int]) -> Multirange[int]:
    return Multirange([Range(first, last + 1) for first, last in ranges.from_numbers(numbers)])


def held(
    connection: Connection[TupleRow], gateway_ids: Sequence[str], streams_max: int
) -> Mapping[str, dict[str, list[tuple[int, int]]]]:
    """Read the sets in custody by gateway and stream, of each gateway the newest streams."""
    rows = connection.execute(
        "SELECT gateway_id, stream, custody FROM ("
        " SELECT *, row_number() OVER (PARTITION BY gateway_id ORDER BY updated_at DESC) AS age"
        " FROM vitalwire.gateway_receipts WHERE gateway_id = ANY(%s)) AS aged WHERE age <= %s",
        [list(gateway_ids), streams_max],
    )
    found: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for gateway_id, stream, custody in rows:
        found.setdefault(gateway_id, {})[stream] = [
            (part.lower, part.upper - 1) for part in custody
        ]
    return found
