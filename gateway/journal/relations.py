"""Which records of the journal belong together: what ``gateway.record.Related`` refers to."""

import hashlib
import sqlite3

from gateway.journal.checksums import checksum, of_row
from gateway.journal.segments import Segments
from gateway.record import (
    BLOOD_PRESSURE_RECORD,
    GLUCOSE,
    GLUCOSE_CONTEXT,
    TWIN_WINDOW_MS,
    Notification,
    Origin,
    Record,
    Related,
    captured_ms,
)
from schemas.reading import Capture

_DIGEST_BYTES = 16
_TWIN_ROWS_MAX = 500  # no device sends more within the twin window

_TEXTS = "stream address characteristic session_id boot_id"
_OTHERS = "seq payload monotonic_ms wall_ms not_before_ms"
CHECKSUM = of_row(_TEXTS, _OTHERS)
"""What is in the column ``checksum`` of a row of ``rows`` that is whole and has no receipt."""
_COLUMNS = ", ".join([*_TEXTS.split(), *_OTHERS.split()])
SEQ = len(_TEXTS.split())
SESSION = _TEXTS.split().index("session_id")
"""Where number and session stand in a row of ``RECORDS``."""
# A row whose stream is not known is found all the same: it is a damaged one.
RECORDS = (
    f"SELECT {_COLUMNS}, checksum, first_stream, first_seq FROM rows"  # noqa: S608  (constants)
    " LEFT JOIN streams USING (stream_id) LEFT JOIN salvaged USING (seq)"
)
WRONG = (
    "SELECT seq FROM rows LEFT JOIN streams USING (stream_id)"  # noqa: S608  (constants)
    f" WHERE {CHECKSUM} NOT IN (checksum, ~checksum)"
)
"""The numbers of rows that are not what was written."""

Row = tuple[
    *tuple[str, str, str, str, str],
    *tuple[int, bytes, int, int | None, int | None],
    *tuple[int, str | None, int | None],
]


def checksum_of(stream: str, seq: int, notification: Notification) -> int:
    """Give the checksum of a row that is to be written."""
    one, capture = notification, notification.capture
    return checksum(
        (
            *(stream, one.address, one.characteristic, one.session_id, capture.boot_id),
            *(seq, one.payload, capture.monotonic_ms, capture.wall_ms, capture.not_before_ms),
        )
    )


def record_of(row: Row) -> Record | None:
    """Read a row of ``RECORDS``; None if it is not what was written."""
    stream, address, characteristic, session_id, boot_id, seq, payload = row[:7]
    capture = Capture(boot_id, *row[7:10])
    written, first_stream, first_seq = row[10:]
    if checksum(row[:10]) not in (written, ~written):
        return None
    first = None
    if first_stream is not None and first_seq is not None:
        first = Origin(first_stream, first_seq, captured_ms(capture))
    return Record(stream, seq, address, characteristic, payload, session_id, capture, first)


def name_of(address: str, payload: bytes) -> tuple[str, bytes]:
    """Name a device's bytes in the table of origins."""
    return address, hashlib.sha256(payload).digest()[:_DIGEST_BYTES]


def related(database: sqlite3.Connection, segments: Segments, record: Record) -> Related:
    """Find the records that an item of this one refers to."""
    if record.characteristic == BLOOD_PRESSURE_RECORD:
        if segments.speaker(record.seq) != record.seq:
            return Related(spoken_for=True)
        return Related(origin=segments.origin(record.seq), parts=segments.spoken_for_by(record.seq))
    measurement = None
    if record.characteristic == GLUCOSE_CONTEXT:
        measurement = _one(
            database,
            # Both layouts: one byte of flags, then the sequence number.
            "session_id = ? AND characteristic = ? AND substr(payload, 2, 2) = ? ORDER BY seq DESC",
            (record.session_id, GLUCOSE, record.payload[1:3]),
        )
    subject = measurement or record
    return Related(measurement, _origin(database, subject), _before(database, subject))


def _before(database: sqlite3.Connection, record: Record) -> Record | None:
    """Find the numbered measurement that came before this one in its session."""
    if record.characteristic != GLUCOSE:
        return None
    return _one(
        database,
        "session_id = ? AND characteristic = ? AND seq < ? ORDER BY seq DESC",
        (record.session_id, GLUCOSE, record.seq),
    )


def _origin(database: sqlite3.Connection, record: Record) -> Origin | None:
    """Find where the record's bytes came first; None: with it."""
    if record.characteristic == GLUCOSE:
        found = database.execute(
            "SELECT stream, seq, captured_ms FROM origins WHERE address = ? AND digest = ?",
            name_of(record.address, record.payload),
        ).fetchone()
        return Origin(*found) if found else None
    twin = _one(
        database,
        "address = ? AND characteristic = ? AND payload = ? AND boot_id = ?"
        " AND monotonic_ms >= ? AND seq BETWEEN ? AND ? ORDER BY seq",
        (
            record.address,
            record.characteristic,
            record.payload,
            record.capture.boot_id,
            record.capture.monotonic_ms - TWIN_WINDOW_MS,
            record.seq - _TWIN_ROWS_MAX,
            record.seq - 1,
        ),
    )
    return twin.origin if twin else None


def _one(
    database: sqlite3.Connection, condition: str, values: tuple[str | bytes | int, ...]
) -> Record | None:
    row = database.execute(f"{RECORDS} WHERE {condition} LIMIT 1", values).fetchone()
    return record_of(row) if row else None
