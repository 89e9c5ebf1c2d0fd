"""What came before it was known from whom: on the disk, without a number, until that is judged.

A device may send before it has said who it is, and bluetoothd has confirmed it by then. So it is
kept as durably as a record, but never sent from here: ``Journal.attribute`` makes records of it,
once it is known from whom it came, ``Journal.refuse`` deletes it. Both in one transaction: a
notification is either here, or a record, or refused. ``DEVICE_MOST`` bounds it, and only what a
person has paired here is listened to so early.
"""

import sqlite3
from typing import Any

from gateway.journal.checksums import checksum, of_row
from gateway.journal.damage import disk
from gateway.journal.damaged_rows import DamagedRows
from gateway.record import Notification
from schemas.reading import Capture

DEVICE_MOST = 1000
"""Notifications of one device: no cuff remembers more."""

_TEXTS = "address characteristic session_id boot_id"
_OTHERS = "payload monotonic_ms wall_ms not_before_ms"
CHECKSUM = of_row(_TEXTS, _OTHERS)
_COLUMNS = ", ".join([*_TEXTS.split(), *_OTHERS.split()])
_PUT = (
    f"INSERT INTO anteroom ({_COLUMNS}, checksum) SELECT ?,?,?,?,?,?,?,?,?"  # noqa: S608  (constants)
    " WHERE (SELECT count(*) FROM anteroom WHERE address = ?) < ?"
)
_ALL = f"SELECT number, checksum, {_COLUMNS} FROM anteroom"  # noqa: S608  (constants)


class Anteroom:
    """A part of the open journal."""

    def __init__(self, database: sqlite3.Connection, damaged: DamagedRows) -> None:
        """Use the journal's connection; the journal closes it."""
        self._database = database
        self._damaged = damaged

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
        one, capture = notification, notification.capture
        values = (
            *(one.address, one.characteristic, one.session_id, capture.boot_id),
            *(one.payload, capture.monotonic_ms, capture.wall_ms, capture.not_before_ms),
        )
        written = (*values, checksum(values), one.address, DEVICE_MOST)
        return bool(self._database.execute(_PUT, written).rowcount)

    def take(self, session_id: str) -> list[Notification]:
        """Remove what a visit left, and give it in the order in which it came.

        What is not what was written is set aside.
        """
        rows = self._database.execute(
            f"{_ALL} WHERE session_id = ? ORDER BY number", (session_id,)
        ).fetchall()
        kept = {row[0]: row for row in rows if row[1] == checksum(row[2:])}
        self._damaged.set_aside_of_anteroom(row[0] for row in rows if row[0] not in kept)
        if rows:
            self._database.execute("DELETE FROM anteroom WHERE session_id = ?", (session_id,))
        return [_notification(row) for row in kept.values()]


def whole(database: sqlite3.Connection) -> list[Notification]:
    """Give all that is what was written, of whatever session; raise ``sqlite3.Error``."""
    rows = database.execute(f"{_ALL} ORDER BY number")
    return [_notification(row) for row in rows.fetchall() if row[1] == checksum(row[2:])]


def _notification(row: tuple[Any, ...]) -> Notification:
    _, _, address, characteristic, session_id, boot_id, payload, *times = row
    return Notification(address, characteristic, payload, session_id, Capture(boot_id, *times))
