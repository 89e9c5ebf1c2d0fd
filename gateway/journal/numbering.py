"""Numbers of the present stream, and the rows under them: within the journal's transactions."""

import sqlite3

from gateway.journal.relations import checksum_of, name_of
from gateway.record import GLUCOSE, Notification, Origin, Record


class Numbering:
    """A part of the open journal: what it writes its caller commits."""

    def __init__(self, database: sqlite3.Connection, stream: str) -> None:
        """Begin the stream, by the journal's connection; the journal closes it."""
        self._database = database
        self.stream = stream
        cursor = database.execute("INSERT INTO streams (stream) VALUES (?)", (stream,))
        assert cursor.lastrowid is not None
        self.stream_id = cursor.lastrowid

    def write(self, notification: Notification, first: Origin | None = None) -> Record:
        """Make a record of a notification; ``first``: where it came first, if not here."""
        one, capture = notification, notification.capture
        seq = self._next()
        self._database.execute(
            "INSERT INTO rows (seq, stream_id, session_id, address, characteristic, payload,"
            " boot_id, monotonic_ms, wall_ms, not_before_ms, checksum)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(seq, self.stream_id, one.session_id, one.address, one.characteristic),
                *(one.payload, capture.boot_id, capture.monotonic_ms, capture.wall_ms),
                *(capture.not_before_ms, checksum_of(self.stream, seq, one)),
            ),
        )
        record = Record(
            stream=self.stream,
            seq=seq,
            address=one.address,
            characteristic=one.characteristic,
            payload=one.payload,
            session_id=one.session_id,
            capture=capture,
            first=first,
        )
        if one.characteristic == GLUCOSE:
            origin = record.origin
            self._database.execute(
                "INSERT OR IGNORE INTO origins VALUES (?,?,?,?,?)",
                (
                    *name_of(one.address, one.payload),
                    *(origin.stream, origin.seq),
                    origin.captured_ms,
                ),
            )
        return record

    def _next(self) -> int:
        """Give the number that AUTOINCREMENT would: the checksum is of it too."""
        row = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'rows'")
        (last,) = row.fetchone() or (0,)
        assert isinstance(last, int)
        return last + 1
