"""Reads a journal that was set aside, as far as it can be read, and never writes to it."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.journal import anteroom, first_page, relations, sessions
from gateway.journal.checksums import prepare
from gateway.journal.damage import is_damage
from gateway.journal.file import CHECKSUMS_SINCE, LAYOUT_VERSION, RECEIPTS_PROVEN_SINCE
from gateway.journal.relations import RECORDS, record_of
from gateway.record import Notification, Origin, SessionFacts

ROWS = 100
_ROWS = RECORDS.replace(" FROM ", ", receipted_ms, checksum < 0 FROM ", 1)
_ROW_BYTES_LEAST = 64  # no row is shorter: bounds how far numbers are looked for


@dataclass(frozen=True, slots=True)
class Found:
    """A row that is whole; ``facts``: what its session told, None if nothing.

    ``proven``: its checksum says too that it has its receipt.
    """

    seq: int
    notification: Notification
    origin: Origin
    receipted_ms: int | None
    proven: bool
    facts: SessionFacts | None


@dataclass(slots=True)
class Part:
    """What was read: rows up to number ``reached``.

    ``waiting``: what had no number yet, with what its session told. ``unreadable``: numbers under
    which something may have been that cannot be read, or is not what was written.
    """

    reached: int
    rows: list[Found] = field(default_factory=list)
    waiting: list[tuple[Notification, SessionFacts | None]] = field(default_factory=list)
    unreadable: int = 0
    ended: bool = False


class _LostError(Exception):
    """What a session told cannot be read: without it a reading may get another name."""


def read_part(path: Path, after: int) -> Part | None:
    """Read the rows behind a number; None if the file is none that has checksums.

    One that lost its first page is read in a copy with another one.
    """
    part, copy = None, None
    with suppress(sqlite3.Error, OSError):
        copy = None if _has_tables(path) else first_page.copied(path)
        part = _read_part(copy or path, after)
    if copy is None or part is None or part.ended:
        first_page.forget(path)
    return part


def _has_tables(path: Path) -> bool:
    """Tell whether SQLite finds its way to the tables, whatever became of what is in them."""
    with _opened(path) as database:
        try:
            database.execute("SELECT 1 FROM rows, sessions LIMIT 0")
        except sqlite3.Error as error:
            return not is_damage(error)
    return True


def _opened(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))


def _read_part(path: Path, after: int) -> Part | None:
    with _opened(path) as database:
        prepare(database)
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if not CHECKSUMS_SINCE <= version <= LAYOUT_VERSION:
            return None
        part = _read(database, after, path.stat().st_size)
        if version >= RECEIPTS_PROVEN_SINCE:
            part.rows = [
                one if one.proven else replace(one, receipted_ms=None) for one in part.rows
            ]
        if part.ended:
            _read_anteroom(database, part)
        return part


def _read(database: sqlite3.Connection, after: int, file_bytes: int) -> Part:
    try:
        rows = database.execute(f"{_ROWS} WHERE seq > ? ORDER BY seq LIMIT ?", (after, ROWS))
        found = rows.fetchall()
    except sqlite3.Error:
        return _read_singly(database, after, file_bytes)
    part = Part(after, ended=len(found) < ROWS)
    session = relations.SESSION
    if not part.ended and found[0][session] != found[-1][session]:
        last = found[-1][session]  # comes whole with the next part: one of its rows is its newest
        while found[-1][session] == last:
            found.pop()
    for row in found:
        part.reached = row[relations.SEQ]
        _take(database, row, part)
    return part


def _read_singly(database: sqlite3.Connection, after: int, file_bytes: int) -> Part:
    """Read row by row: one that cannot be read keeps none from us that can."""
    part = Part(after + ROWS, ended=after + ROWS >= _last(database, file_bytes))
    for seq in range(after + 1, after + ROWS + 1):
        try:
            for row in database.execute(f"{_ROWS} WHERE seq = ?", (seq,)):
                _take(database, row, part)
        except sqlite3.Error:
            part.unreadable += 1
    return part


def _last(database: sqlite3.Connection, file_bytes: int) -> int:
    """Give the highest number that there may be."""
    for question in (
        "SELECT seq FROM sqlite_sequence WHERE name = 'rows'",
        "SELECT max(seq) FROM rows",
    ):
        with suppress(sqlite3.Error):
            row = database.execute(question).fetchone()
            if row is not None and isinstance(row[0], int):
                return row[0]
    return file_bytes // _ROW_BYTES_LEAST


def _take(database: sqlite3.Connection, row: tuple[object, ...], part: Part) -> None:
    *written, receipted_ms, proven = row
    record = record_of(tuple(written))  # type: ignore[arg-type]
    facts = None
    try:
        if record is not None:
            facts = _facts(database, record.session_id)
    except _LostError:
        record = None
    if record is None or not isinstance(receipted_ms, int | None):
        part.unreadable += 1
        return
    notification = Notification(
        record.address, record.characteristic, record.payload, record.session_id, record.capture
    )
    part.rows.append(
        Found(record.seq, notification, record.origin, receipted_ms, bool(proven), facts)
    )


def _facts(database: sqlite3.Connection, session_id: str) -> SessionFacts | None:
    try:
        row = database.execute(f"{sessions.ALL} WHERE session_id = ?", (session_id,)).fetchone()
    except sqlite3.Error as error:
        raise _LostError from error
    facts = sessions.facts_of(row) if row else None
    if row and facts is None:
        raise _LostError
    return facts


def _read_anteroom(database: sqlite3.Connection, part: Part) -> None:
    try:
        for notification in anteroom.whole(database):
            part.waiting.append((notification, _facts(database, notification.session_id)))
    except (sqlite3.Error, _LostError):
        part.unreadable += 1
