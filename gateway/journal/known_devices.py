"""What the journal keeps of each device beside its records: cursor, clock, battery, a doubt."""

import sqlite3
from typing import NamedTuple

import msgspec
import structlog

from gateway.addresses import short
from gateway.clocks.timeline import Timeline
from gateway.journal.checksums import checksum, of_row
from gateway.journal.damage import disk
from gateway.journal.relations import name_of
from gateway.record_access.cursor import Cursor

CURSOR_CHECKSUM = of_row("address digest", "last held complete")
TIMELINE_CHECKSUM = of_row("address value", "")
DOUBT_CHECKSUM = of_row("address", "")
_CURSOR = "INTO cursors (address, last, digest, held, complete, checksum) VALUES (?,?,?,?,?,?)"

log = structlog.get_logger(__name__)


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
        """Give how far a meter was read; None if what says so was overwritten.

        Then all is asked for: a wrong count could hide that records are missing.
        """
        row = self._database.execute(
            "SELECT last, digest, held, complete, checksum FROM cursors WHERE address = ?",
            (address,),
        ).fetchone()
        if row is None:
            return None
        last, digest, held, complete, told = row
        if told != checksum((address, digest, last, held, complete)):
            log.error("cursor.damaged", device=short(address))
            return None
        return Cursor(last, digest, held, bool(complete))

    @disk()
    def move_cursor(self, address: str, cursor: Cursor) -> None:
        """Write how far a meter was read; the records up to there must be in the journal."""
        self._database.execute(f"INSERT OR REPLACE {_CURSOR}", _written(address, cursor))

    @disk()
    def restore_cursor(self, address: str, cursor: Cursor) -> bool:
        """Take what the server knows of a meter, if this journal knows nothing; tell whether."""
        return bool(
            self._database.execute(
                f"INSERT OR IGNORE {_CURSOR}", _written(address, cursor)
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
        """Tell whether a device was refused for what it said, and has not been believed since.

        Either of two tells it: one changed byte must not make of a stranger one of us.
        """
        row = self._database.execute(
            "SELECT 1 FROM doubted WHERE address = ? OR checksum = ?", _doubt(address)
        )
        return row.fetchone() is not None

    def doubt(self, address: str) -> None:
        """Believe a device no more; the caller holds a transaction."""
        self._database.execute(
            "INSERT OR REPLACE INTO doubted (address, checksum) VALUES (?,?)", _doubt(address)
        )

    def believe(self, address: str) -> None:
        """Doubt a device no more; the caller holds a transaction."""
        self._database.execute(
            "DELETE FROM doubted WHERE address = ? OR checksum = ?", _doubt(address)
        )

    @disk()
    def timeline(self, address: str) -> Timeline:
        """Give what is known of a device's clock: nothing, if that was overwritten."""
        row = self._database.execute(
            "SELECT value, checksum FROM timelines WHERE address = ?", (address,)
        ).fetchone()
        if row is None:
            return Timeline()
        value, told = row
        if told != checksum((address, value)):
            log.error("timeline.damaged", device=short(address))
            return Timeline()
        return msgspec.json.decode(value, type=Timeline)

    @disk()
    def keep_timeline(self, address: str, timeline: Timeline) -> None:
        """Write what is known of a device's clock."""
        value = msgspec.json.encode(timeline)
        self._database.execute(
            "INSERT OR REPLACE INTO timelines (address, value, checksum) VALUES (?,?,?)",
            (address, value, checksum((address, value))),
        )


def _doubt(address: str) -> tuple[str, int]:
    """Give a row of ``doubted``."""
    return address, checksum((address,))


def _written(address: str, cursor: Cursor) -> tuple[str, int, str, int | None, int, int]:
    """Give a row of ``cursors`` with its checksum."""
    last, digest, held, complete = cursor.last, cursor.digest, cursor.held, int(cursor.complete)
    told = checksum((address, digest, last, held, complete))
    return address, last, digest, held, complete, told
