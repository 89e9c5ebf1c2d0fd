"""The journal as seen from outside, read-only, while the daemon may be writing."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from gateway.admission.live import JournalStatus, Oldest
from gateway.bedside import words
from gateway.journal.damage import files, is_damage, is_emptied, is_foreign, is_no_file, size
from gateway.journal.file import FILE, LAYOUT_VERSION
from gateway.journal.salvage import progress
from gateway.record import GLUCOSE_CONTEXT
from schemas.errors import MisconfiguredError
from schemas.reading import Capture

WAITING_LONG_S = 3600
# SQLite takes the other columns of a group from the row that has the maximum.
_LAST_CAPTURES = (
    "SELECT address, boot_id, monotonic_ms, wall_ms, not_before_ms, max(seq) FROM rows"
    " WHERE characteristic <> ? GROUP BY address"
)


class Seen(NamedTuple):
    """The journal at one moment, and when each device's last measurement in it was captured."""

    status: JournalStatus
    last_captures: Mapping[str, Capture]


def look(state: Path) -> Seen:
    """Read it once; raise ``MisconfiguredError`` if there is no journal to read."""
    with _opened(state) as database:
        database.execute("BEGIN")  # all is of one moment, whatever the daemon writes
        status = _read(database, sum(map(size, files(state / FILE))))
        rows = database.execute(_LAST_CAPTURES, (GLUCOSE_CONTEXT,)).fetchall()
        return Seen(status, {row[0]: Capture(*row[1:5]) for row in rows})


@contextmanager
def _opened(state: Path) -> Iterator[sqlite3.Connection]:
    path = state / FILE
    if not state.is_dir():
        raise no_directory(state)
    if is_no_file(path) or is_emptied(path):
        raise damaged(path, "the file, its log or what was in it is gone")
    if not path.is_file():
        raise MisconfiguredError(
            f"There is no journal in {state}: the gateway's program has not started here yet, or"
            " what it had there was removed.",
            "Look with `systemctl status vitalwire-gateway` whether it runs and what it says; start"
            " it, or give its --state directory.",
        )
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            yield database
    except sqlite3.Error as error:
        foreign = isinstance(error, sqlite3.OperationalError) and is_foreign(error)
        if foreign or is_damage(error):
            raise damaged(path, str(error)) from error
        raise MisconfiguredError(
            f"The journal {path} cannot be read: {error}.",
            "Run this as the daemon's user.",
        ) from error


def no_directory(state: Path) -> MisconfiguredError:
    """Say that nothing can be known without the directory; a program that runs has its page."""
    return MisconfiguredError(
        f"There is no directory {state}: the gateway's program has not started here yet, or its"
        " directory was removed.",
        "Look with `systemctl status vitalwire-gateway`. If it does not run, start it, or give its"
        " --state directory. If it runs, its page says what it lacks, and it still sends what it"
        " holds: tell your contact at the clinic, and restart it only once they have everything;"
        " that makes the directory again.",
    )


def damaged(path: Path, how: str) -> MisconfiguredError:
    """Say that a journal is damaged, and what becomes of it."""
    return MisconfiguredError(
        f"The journal {path} is damaged: {how}.",
        "Run `sudo systemctl restart vitalwire-gateway`: it is set aside and a new one begun. Then "
        "tell your contact at the clinic: readings may be only in the old one.",
    )


def describe(status: JournalStatus, oldest_s: int | None = None) -> Iterator[str]:
    """Say it to a person; ``oldest_s``: how long the oldest reading has waited."""
    long = oldest_s is not None and oldest_s >= WAITING_LONG_S
    since = f", the oldest came {words.ago(oldest_s)}" if status.held and long else ""
    yield f"waiting for the clinic  {status.held}{since}"
    if status.unattributed:
        yield f"from whom is not known  {status.unattributed}, judged when its device is read"
    kept = ", kept here too for 30 days" if status.receipted else ""
    if status.damaged:
        yield f"damaged, not sent       {status.damaged}, kept here for 30 days to be looked at"
    for file, salvaged in status.salvages.items():
        more = f", {salvaged.unreadable} cannot be read" if salvaged.unreadable else ""
        so_far = "" if salvaged.ended else " so far"
        yield f"of a broken journal     {salvaged.brought} brought in{so_far}{more}: {file}"
    yield f"at the clinic           {status.receipted}{kept}"
    yield f"starts of the program   {status.streams}"
    yield f"journal                 {status.file_bytes / 1024:.0f} KiB"


def _read(database: sqlite3.Connection, file_bytes: int) -> JournalStatus:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != LAYOUT_VERSION:
        raise MisconfiguredError(
            f"The journal has layout {version}, this program reads {LAYOUT_VERSION}.",
            "Use the version of vitalwire that runs the daemon.",
        )
    held, receipted, streams, unattributed = database.execute(
        "SELECT (SELECT count(*) FROM rows WHERE receipted_ms IS NULL),"
        " (SELECT count(*) FROM rows WHERE receipted_ms IS NOT NULL),"
        " (SELECT count(*) FROM streams), (SELECT count(*) FROM anteroom)"
    ).fetchone()
    (damaged,) = database.execute("SELECT count(*) FROM damaged_rows").fetchone()
    salvages = {file: told for file, (_, told) in progress(database).items()}
    row = database.execute(
        "SELECT seq, stream, boot_id, monotonic_ms, wall_ms, not_before_ms"
        " FROM rows JOIN streams USING (stream_id) WHERE receipted_ms IS NULL"
        " ORDER BY stream_id, seq LIMIT 1"
    ).fetchone()
    oldest = Oldest(row[0], row[1], Capture(*row[2:])) if row else None
    return JournalStatus(
        held, receipted, streams, file_bytes, oldest, unattributed, damaged, salvages
    )
