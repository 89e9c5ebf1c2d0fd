"""What the journal keeps of each device beside its records: cursor, clock, battery, a doubt."""

import sqlite3
from typing import NamedTuple

import msgspec

from gateway.clocks.timeline import Timeline
from gateway.journal.damage import disk
from gateway.journal.relations import name_of
from gateway.record_access.cursor import Cursor


class Battery(NamedTuple):
    """A device's battery as it was told last; ``low``: its own newest record said so."""

    percent: int | None = None
    low: bool = False


class KnownDevices:
    """A part of the open journal. Every method raises ``UnavailableError`` if the disk fails."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Use the journal's connection; the journal closes it."""
        self._database = database

    @disk()
    def cursor(self, address: str) -> Cursor | None:
        """Give how far a meter was read."""
        row = self._database.execute(
            "SELECT last, digest, held, complete FROM cursors WHERE address = ?", (address,)
        ).fetchone()
        return Cursor(row[0], row[1], row[2], bool(row[3])) if row else None

    @disk()
    def move_cursor(self, address: str, cursor: Cursor) -> None:
        """Write how far a meter was read; the records up to there must be in the journal."""
        self._database.execute(
            "INSERT OR REPLACE INTO cursors (address, last, digest, held, complete)"
            " VALUES (?,?,?,?,?)",
            (address, cursor.last, cursor.digest, cursor.held, cursor.complete),
        )

    @disk()
    def restore_cursor(self, address: str, cursor: Cursor) -> bool:
        """Take what the server knows of a meter, if this journal knows nothing; tell whether."""
        return bool(
            self._database.execute(
                "INSERT OR IGNORE INTO cursors (address, last, digest, held, complete)"
                " VALUES (?,?,?,?,?)",
                (address, cursor.last, cursor.digest, cursor.held, cursor.complete),
            ).rowcount
        )

    @disk()
    def has_given(self, address: str, measurement: bytes) -> bool:
        """Tell whether a meter has given this glucose measurement at any time."""
        row = self._database.execute(
            "SELECT 1 FROM origins WHERE address = ? AND digest = ?", name_of(address, measurement)
        ).fetchone()
        return row is not None

    @disk()
    def batteries(self) -> dict[str, Battery]:
        """Give what devices have told of their batteries, by address."""
        rows = self._database.execute("SELECT address, percent, low FROM batteries")
        return {address: Battery(percent, bool(low)) for address, percent, low in rows.fetchall()}

    @disk()
    def keep_battery(self, address: str, battery: Battery) -> None:
        """Write what a device has told of its battery, if it is news."""
        told = (address, battery.percent, battery.low)
        known = "SELECT 1 FROM batteries WHERE (address, percent, low) IS (?,?,?)"
        if self._database.execute(known, told).fetchone() is None:
            self._database.execute("INSERT OR REPLACE INTO batteries VALUES (?,?,?)", told)

    @disk()
    def is_doubted(self, address: str) -> bool:
        """Tell whether a device was refused for what it said, and has not been believed since."""
        row = self._database.execute("SELECT 1 FROM doubted WHERE address = ?", (address,))
        return row.fetchone() is not None

    @disk()
    def timeline(self, address: str) -> Timeline:
        """Give what is known of a device's clock."""
        row = self._database.execute(
            "SELECT value FROM timelines WHERE address = ?", (address,)
        ).fetchone()
        return msgspec.json.decode(row[0], type=Timeline) if row else Timeline()

    @disk()
    def keep_timeline(self, address: str, timeline: Timeline) -> None:
        """Write what is known of a device's clock."""
        self._database.execute(
            "INSERT OR REPLACE INTO timelines (address, value) VALUES (?,?)",
            (address, msgspec.json.encode(timeline)),
        )
