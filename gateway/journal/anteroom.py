"""What came before it was known from whom: on the disk, without a number, until that is judged.

A device may send before it has said who it is, and bluetoothd has confirmed it by then. So it is
kept as durably as a record, but never sent from here: ``Journal.attribute`` makes records of it,
once it is known from whom it came, ``Journal.refuse`` deletes it. Both in one transaction: a
notification is either here, or a record, or refused. ``DEVICE_MOST`` bounds it, and only what a
person has paired here is listened to so early.
"""

import sqlite3

from gateway.journal.damage import disk
from gateway.record import Notification
from schemas.reading import Capture

DEVICE_MOST = 1000
"""Notifications of one device: no cuff remembers more."""

_PUT = """
INSERT INTO anteroom (address, characteristic, payload, session_id,
    boot_id, monotonic_ms, wall_ms, not_before_ms)
SELECT ?,?,?,?,?,?,?,? WHERE (SELECT count(*) FROM anteroom WHERE address = ?) < ?
"""
_OF_SESSION = """
SELECT address, characteristic, payload, session_id, boot_id, monotonic_ms, wall_ms, not_before_ms
FROM anteroom WHERE session_id = ? ORDER BY number
"""


class Anteroom:
    """A part of the open journal."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Use the journal's connection; the journal closes it."""
        self._database = database

    @disk()
    def sessions(self, address: str | None = None) -> list[tuple[str, str]]:
        """Give the visits that left something here, of all devices or one, the earliest first.

        Each with its device's address. Raises ``UnavailableError`` if the disk fails.
        """
        return self._database.execute(
            "SELECT session_id, address FROM anteroom WHERE ? IS NULL OR address = ?"
            " GROUP BY session_id, address ORDER BY min(number)",
            (address, address),
        ).fetchall()

    @disk()
    def count(self, address: str) -> int:
        """Count what waits of a device. Raises ``UnavailableError`` if the disk fails."""
        (count,) = self._database.execute(
            "SELECT count(*) FROM anteroom WHERE address = ?", (address,)
        ).fetchone()
        assert isinstance(count, int)
        return count

    # For the journal, within its transactions.

    def put(self, notification: Notification) -> bool:
        """Write a notification; False if there is no room for more of this device."""
        capture = notification.capture
        return bool(
            self._database.execute(
                _PUT,
                (
                    notification.address,
                    notification.characteristic,
                    notification.payload,
                    notification.session_id,
                    capture.boot_id,
                    capture.monotonic_ms,
                    capture.wall_ms,
                    capture.not_before_ms,
                    notification.address,
                    DEVICE_MOST,
                ),
            ).rowcount
        )

    def take(self, session_id: str) -> list[Notification]:
        """Remove what a visit left, and give it in the order in which it came."""
        rows = self._database.execute(_OF_SESSION, (session_id,)).fetchall()
        if rows:
            self._database.execute("DELETE FROM anteroom WHERE session_id = ?", (session_id,))
        return [
            Notification(address, characteristic, payload, session_id, Capture(*times))
            for address, characteristic, payload, session_id, *times in rows
        ]
