"""What the daemon and people's commands tell each other of clocks: a part of admissions.db.

The daemon knows the zones, by its settings and by what the clinic says; a person's command sets a
clock at pairing, and the daemon must know by how much it jumped.
"""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from zoneinfo import ZoneInfo

import msgspec

from gateway.clocks.timeline import ClockSet
from schemas.errors import UnavailableError

HOME = ""
"""Stands for every device: the home's own zone, which goes before."""

LAYOUT = """
CREATE TABLE zones (
    address TEXT PRIMARY KEY,         -- '': the home's own
    zone    TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE clock_sets (
    address TEXT PRIMARY KEY,
    value   TEXT NOT NULL             -- JSON of gateway.clocks.timeline.ClockSet
) WITHOUT ROWID;
"""


class ClockBook:
    """A part of the open record of admissions, with its ways to change it.

    Every method raises ``UnavailableError`` if the disk fails.
    """

    def __init__(
        self, database: sqlite3.Connection, changing: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Use this connection; its owner closes it."""
        self._database = database
        self._changing = changing

    def zone(self, address: str) -> ZoneInfo | None:
        """Give the zone whose time the display of a device is to show; None if nobody said."""
        row = self._read(
            "SELECT zone FROM zones WHERE address IN (?, ?) ORDER BY address = ? DESC",
            (address, HOME, HOME),
        )
        return ZoneInfo(row[0]) if row else None

    def keep_zone(self, address: str, zone: ZoneInfo | None) -> None:
        """Write a device's zone, or with ``HOME`` the home's own; None: there is none any more."""
        name = None if zone is None else zone.key
        row = self._read("SELECT zone FROM zones WHERE address = ?", (address,))
        if row == (None if name is None else (name,)):
            return  # the clinic repeats itself, and each write wears the SD card
        with self._changing():
            if name is None:
                self._database.execute("DELETE FROM zones WHERE address = ?", (address,))
            else:
                self._database.execute("INSERT OR REPLACE INTO zones VALUES (?,?)", (address, name))

    def clock_set(self, address: str) -> ClockSet | None:
        """Give how a person's command has set a device's clock since ``forget_set``, if it has."""
        row = self._read("SELECT value FROM clock_sets WHERE address = ?", (address,))
        return msgspec.json.decode(row[0], type=ClockSet) if row else None

    def keep_set(self, address: str, made: ClockSet) -> None:
        """Write how a device's clock is set."""
        with self._changing():
            self._database.execute(
                "INSERT OR REPLACE INTO clock_sets VALUES (?,?)",
                (address, msgspec.json.encode(made).decode()),
            )

    def note_set(self, address: str, made: ClockSet) -> Callable[[], None]:
        """Write how a device's clock is about to be set; what is given takes that back."""
        before = self.clock_set(address)
        self.keep_set(address, made)

        def take_back() -> None:
            if before is None:
                self.forget_set(address)
            else:
                self.keep_set(address, before)

        return take_back

    def forget_set(self, address: str) -> None:
        """Let go of it: it stands in the device's timeline now."""
        with self._changing():
            self._database.execute("DELETE FROM clock_sets WHERE address = ?", (address,))

    def _read(self, question: str, values: tuple[str, ...]) -> tuple[str, ...] | None:
        try:
            row: tuple[str, ...] | None = self._database.execute(question, values).fetchone()
        except sqlite3.Error as error:
            raise UnavailableError(
                f"What is known of devices' clocks cannot be read: {error}.",
                "Replace the disk, or wait until it answers.",
            ) from error
        return row
