"""The admitted devices on disk, beside the journal: written by people's commands and the daemon.

Several processes share the file (SQLite, one transaction a change, fsynced), so a device counts as
soon as the command that paired it has returned. A damaged file is set aside and the devices that
are paired then are adopted again: the bond still keeps strangers out, and a home that falls silent
over this record would be worse.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from gateway.admission.admission import Admission, AdmittedBy
from gateway.clocks import book as clock_book
from gateway.clocks.book import ClockBook
from gateway.journal.damage import (
    is_foreign,
    is_no_file,
    is_passing,
    refuse_damaged,
    set_aside,
)
from schemas.errors import MisconfiguredError, UnavailableError, VitalwireError
from schemas.reading import Device

FILE = "admissions.db"
LAYOUT_VERSION = 3
BUSY_TIMEOUT_S = 2.0

_FORGOTTEN = """
-- Unpaired by a person, while the adapter that holds the bond was away, or would not let it go.
CREATE TABLE forgotten (address TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_LAYOUT = f"""
CREATE TABLE admissions (
    address      TEXT PRIMARY KEY,
    admitted_by  TEXT NOT NULL,
    name         TEXT NOT NULL,
    admitted_ms  INTEGER,             -- NULL: no clock was kept true
    model        TEXT,
    manufacturer TEXT,
    serial       TEXT
) WITHOUT ROWID;
-- One row once the devices paired before this record began are in it.
CREATE TABLE adoption (only INTEGER PRIMARY KEY CHECK (only = 1));
{clock_book.LAYOUT}{_FORGOTTEN}"""
_MISSING = {0: _LAYOUT, 1: f"{clock_book.LAYOUT}{_FORGOTTEN}", 2: _FORGOTTEN}
"""By the layout that is there."""
_COLUMNS = "address, admitted_by, name, admitted_ms, model, manufacturer, serial"
_ADMISSIONS = f"SELECT {_COLUMNS} FROM admissions ORDER BY address"  # noqa: S608  (constants)


def broken_admissions(directory: Path) -> list[Path]:
    """List the damaged records that were set aside and nobody took away yet.

    None from a disk that cannot be read: the open journal finds that out by itself.
    """
    try:
        return sorted(directory.glob(f"{FILE}.broken-*[0-9]"))
    except OSError:
        return []


class Admissions:
    """The open record; each process opens its own, and sees what another one writes."""

    def __init__(self, directory: Path, *, mend: bool = False) -> None:
        """Open or create. ``mend``: set a damaged file aside; for the daemon, which starts alone.

        Raises ``MisconfiguredError`` if this user cannot write there, or the file is damaged or
        from a newer version, and ``UnavailableError`` if the disk is full.
        """
        self._path = directory / FILE
        self._seen_change: int | None = None
        self._known: dict[str, Admission] = {}
        self._bonds_to_go: list[str] = []
        self._adopted = False
        if is_no_file(self._path):
            self._mend(mend=mend)
        try:
            self._begin()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not is_foreign(error):
                raise _unusable(self._path, error) from error
            self._mend(mend=mend)
            self._begin()

    def __enter__(self) -> Self:
        """Give the open record."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close; nothing is lost without it."""
        self._database.close()

    @property
    def adopted(self) -> bool:
        """Whether the devices that were paired before this record began are in it."""
        self._refresh()
        return self._adopted

    def get(self, address: str) -> Admission | None:
        """Give the admission of a device; None if nobody admitted it."""
        self._refresh()
        return self._known.get(address)

    def all(self) -> list[Admission]:
        """Give every admission, by address."""
        self._refresh()
        return list(self._known.values())

    def admit(self, admission: Admission) -> None:
        """Write an admission, in place of an earlier one of the same device."""
        with self._changing():
            self._insert("INSERT OR REPLACE", admission)

    def adopt(self, found: list[Admission]) -> None:
        """Write, once, the devices that were paired before; admitted ones stay as they are."""
        with self._changing():
            for admission in found:
                self._insert("INSERT OR IGNORE", admission)
            self._database.execute("INSERT OR IGNORE INTO adoption VALUES (1)")

    def learn(self, device: Device) -> None:
        """Keep what an admitted device says of itself, where it has not said it before."""
        known = self.get(device.address)
        if known is None or (known.model, known.manufacturer, known.serial) == (
            known.model or device.model,
            known.manufacturer or device.manufacturer,
            known.serial or device.serial,
        ):
            return
        with self._changing():
            self._database.execute(
                "UPDATE admissions SET model = coalesce(model, ?),"
                " manufacturer = coalesce(manufacturer, ?), serial = coalesce(serial, ?)"
                " WHERE address = ?",
                (device.model, device.manufacturer, device.serial, device.address),
            )

    def forget(self, address: str) -> bool:
        """Remove an admission; False if there was none. Its bond is to go too: ``bonds_to_go``."""
        with self._changing():
            removed = self._database.execute(
                "DELETE FROM admissions WHERE address = ?", (address,)
            ).rowcount
            self._database.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (address,))
        return removed > 0

    def bonds_to_go(self) -> list[str]:
        """Give the devices that were forgotten and of which a bond may yet be in bluetoothd."""
        self._refresh()
        return list(self._bonds_to_go)

    def bond_may_stay(self, address: str) -> None:
        """Look for its bond no more: it is gone, or is about to be made anew by a person."""
        with self._changing():
            self._database.execute("DELETE FROM forgotten WHERE address = ?", (address,))

    # Inside.

    def _mend(self, *, mend: bool) -> None:
        """Set a damaged file aside, or raise ``MisconfiguredError`` if that is not ours to do."""
        if not mend:
            raise MisconfiguredError(
                f"The record of paired devices {self._path} is damaged.",
                "Restart the gateway: it begins a new one with the devices that are paired.",
            )
        set_aside(self._path, str(len(broken_admissions(self._path.parent)) + 1))

    def _begin(self) -> None:
        new = not self._path.exists()
        self._database = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            self._database.execute("PRAGMA journal_mode = WAL")  # who reads waits for no writer
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA cache_size = -64")  # KiB
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            self._refuse_newer(version)
            if version < LAYOUT_VERSION:
                self._lay_out()
            refuse_damaged(self._database)
            self.clocks = ClockBook(self._database, self._changing)
            self._refresh()
        except BaseException:
            self._database.close()
            raise
        if new:
            _give_to_owner_of_directory(self._path)

    def _refuse_newer(self, version: int) -> None:
        if version > LAYOUT_VERSION:
            raise MisconfiguredError(
                f"{self._path} was written by a newer version (layout {version}).",
                "Install that version again.",
            )

    def _lay_out(self) -> None:
        """Create the tables that are missing, unless another process has just done so."""
        self._database.execute("BEGIN IMMEDIATE")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        self._database.execute("COMMIT")
        if version < LAYOUT_VERSION:
            self._database.executescript(
                f"BEGIN; {_MISSING[version]} PRAGMA user_version = {LAYOUT_VERSION}; COMMIT;"
            )

    def _refresh(self) -> None:
        """Read the record if this or another process has changed it; else it costs a few µs.

        A disk that cannot be read leaves what was known: devices do not lose their place over it.
        """
        with suppress(sqlite3.OperationalError):
            (change,) = self._database.execute("PRAGMA data_version").fetchone()
            if change == self._seen_change:
                return
            rows = self._database.execute(_ADMISSIONS)
            self._known = {row[0]: _admission(row) for row in rows.fetchall()}
            forgotten = self._database.execute("SELECT address FROM forgotten ORDER BY address")
            self._bonds_to_go = [address for (address,) in forgotten.fetchall()]
            adopted = self._database.execute("SELECT count(*) FROM adoption").fetchone()
            self._adopted = adopted[0] > 0
            self._seen_change = change

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change, on the disk when this returns; raise ``UnavailableError`` if it refuses."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise UnavailableError(
                f"The record of paired devices {self._path} cannot be written: {error}.",
                "Free space on its disk, or run this as root (sudo).",
            ) from error
        self._seen_change = None
        self._refresh()

    def _insert(self, verb: str, admission: Admission) -> None:
        self._database.execute(
            f"{verb} INTO admissions ({_COLUMNS}) VALUES (?,?,?,?,?,?,?)",
            (
                admission.address,
                admission.by.value,
                admission.name,
                admission.admitted_ms,
                admission.model,
                admission.manufacturer,
                admission.serial,
            ),
        )


def _admission(
    row: tuple[str, str, str, int | None, str | None, str | None, str | None],
) -> Admission:
    address, by, name, admitted_ms, model, manufacturer, serial = row
    return Admission(address, AdmittedBy(by), name, admitted_ms, model, manufacturer, serial)


def _give_to_owner_of_directory(path: Path) -> None:
    """Let the daemon write what root's command created: it runs as another user."""
    path.chmod(0o600)
    owner = path.parent.stat()
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _unusable(path: Path, error: sqlite3.Error) -> VitalwireError:
    kind = UnavailableError if is_passing(error) else MisconfiguredError
    return kind(
        f"The record of paired devices {path} cannot be opened: {error}.",
        "Run this as root (sudo), or give the gateway's --state directory.",
    )
