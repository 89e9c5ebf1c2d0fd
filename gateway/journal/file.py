"""The journal's file: its layout, and opening it so that a commit is on the disk."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from gateway.journal import anteroom, known_devices, relations, segments, sessions
from gateway.journal.checksums import of_row, prepare
from schemas.errors import MisconfiguredError

FILE = "journal.db"
LAYOUT_VERSION = 10
CHECKSUMS_SINCE = 8
RECEIPTS_PROVEN_SINCE = 9
"""Since this layout a row's checksum says whether it has its receipt: gateway.journal.checksums."""

OBSERVATION_CHECKSUM = of_row("value", "")
SALVAGE_CHECKSUM = of_row("file", "reached brought unreadable ended")

_TIMELINES = """
CREATE TABLE timelines (
    address TEXT PRIMARY KEY,
    value   TEXT NOT NULL             -- JSON of gateway.clocks.timeline.Timeline
) WITHOUT ROWID;
"""
_RESENDS = """
CREATE TABLE resends (
    request TEXT PRIMARY KEY          -- of the server, that was fulfilled
) WITHOUT ROWID;
"""
_ANTEROOM = """
CREATE TABLE anteroom (               -- see gateway.journal.anteroom
    number         INTEGER PRIMARY KEY,
    session_id     TEXT NOT NULL,
    address        TEXT NOT NULL,
    characteristic TEXT NOT NULL,
    payload        BLOB NOT NULL,
    boot_id        TEXT NOT NULL,
    monotonic_ms   INTEGER NOT NULL,
    wall_ms        INTEGER,
    not_before_ms  INTEGER
);
CREATE INDEX anteroom_address ON anteroom (address);
CREATE TABLE doubted (
    address TEXT PRIMARY KEY          -- refused for what it said of itself, not believed since
) WITHOUT ROWID;
"""
_SEGMENTS = """
CREATE TABLE segments (               -- rows of 0x2B36: see gateway/journal/segments.py
    seq       INTEGER PRIMARY KEY,
    address   TEXT NOT NULL,
    number    INTEGER NOT NULL,       -- of the record
    spoken_by INTEGER,                -- the row that tells the record; NULL: not known yet
    digest    BLOB                    -- in origins; NULL: it completed no record
);
CREATE INDEX segments_spoken ON segments (spoken_by);
CREATE INDEX segments_record ON segments (address, number);
"""
_BATTERIES = """
CREATE TABLE batteries (
    address TEXT PRIMARY KEY,
    percent INTEGER,                  -- NULL: it did not say
    low     INTEGER NOT NULL          -- by its own newest record
) WITHOUT ROWID;
"""
_SALVAGE = """
CREATE TABLE damaged_rows (           -- see gateway.journal.damaged_rows
    number         INTEGER PRIMARY KEY,
    seq            INTEGER,           -- NULL: it had none yet
    session_id, address, characteristic, payload, boot_id, monotonic_ms, wall_ms, not_before_ms,
    set_aside_ms   INTEGER NOT NULL DEFAULT 0  -- 0: when no clock was kept true
);
CREATE TABLE salvaged (               -- rows of journals that were set aside, as they were
    seq            INTEGER PRIMARY KEY,
    first_stream   TEXT NOT NULL,
    first_seq      INTEGER NOT NULL,
    UNIQUE (first_stream, first_seq)
);
CREATE TABLE salvages (               -- see gateway.journal.salvage
    file       TEXT PRIMARY KEY,
    reached    INTEGER NOT NULL,      -- its rows up to here are looked at
    brought    INTEGER NOT NULL,
    unreadable INTEGER NOT NULL,
    ended      INTEGER NOT NULL
) WITHOUT ROWID;
"""
_CHECKED = """
ALTER TABLE cursors ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE timelines ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE observation ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
"""
_CHECKED_TOO = """
ALTER TABLE doubted ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segments ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE salvages ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
"""
LAYOUT = f"""
CREATE TABLE streams (
    stream_id INTEGER PRIMARY KEY,
    stream    TEXT NOT NULL UNIQUE
);
CREATE TABLE rows (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id      INTEGER NOT NULL REFERENCES streams,
    session_id     TEXT NOT NULL,
    address        TEXT NOT NULL,
    characteristic TEXT NOT NULL,
    payload        BLOB NOT NULL,
    boot_id        TEXT NOT NULL,
    monotonic_ms   INTEGER NOT NULL,
    wall_ms        INTEGER,
    not_before_ms  INTEGER,
    receipted_ms   INTEGER,           -- NULL: held; 0: receipted when no clock was kept true
    checksum       INTEGER NOT NULL DEFAULT 0  -- of what came, and whether it has its receipt
);
-- Later streams have higher numbers: this order is also the order of the numbers.
CREATE INDEX rows_held ON rows (stream_id, seq) WHERE receipted_ms IS NULL;
CREATE INDEX rows_gone ON rows (receipted_ms) WHERE receipted_ms IS NOT NULL;
CREATE INDEX rows_session ON rows (session_id);
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    address    TEXT NOT NULL,
    ended      INTEGER NOT NULL,
    facts      TEXT NOT NULL,         -- JSON of gateway.record.SessionFacts
    checksum   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE cursors (
    address  TEXT PRIMARY KEY,
    last     INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    held     INTEGER,                 -- see gateway.record_access.cursor.Cursor
    complete INTEGER NOT NULL
) WITHOUT ROWID;
{_TIMELINES}{_RESENDS}{_ANTEROOM}{_SEGMENTS}{_BATTERIES}{_SALVAGE}
ALTER TABLE anteroom ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
-- Where a numbered record came first: it outlives the row, as the meter does.
CREATE TABLE origins (
    address     TEXT NOT NULL,
    digest      BLOB NOT NULL,        -- SHA-256 of what it says each time, its first 16 bytes
    stream      TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    captured_ms INTEGER NOT NULL,
    PRIMARY KEY (address, digest)
) WITHOUT ROWID;
CREATE TABLE observation (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    value TEXT NOT NULL               -- JSON of gateway.clocks.wall.Observation
);
{_CHECKED}{_CHECKED_TOO}"""

_UPGRADES = {
    # Its cursors do not tell whether anything before them is missing: all is asked for once more.
    1: """
ALTER TABLE cursors ADD COLUMN held INTEGER;
ALTER TABLE cursors ADD COLUMN complete INTEGER NOT NULL DEFAULT 0;
""",
    2: _TIMELINES,
    3: _RESENDS,
    4: _ANTEROOM,
    5: _SEGMENTS,
    6: _BATTERIES,
    # What is there now is taken to be whole.
    7: f"""{_SALVAGE}
ALTER TABLE rows ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE anteroom ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
UPDATE rows SET checksum = coalesce((SELECT {relations.CHECKSUM} FROM streams
    WHERE streams.stream_id = rows.stream_id), 0);
UPDATE sessions SET checksum = {sessions.CHECKSUM};
UPDATE anteroom SET checksum = {anteroom.CHECKSUM};
""",  # noqa: S608  (constants)
    8: f"""{_CHECKED}
UPDATE cursors SET checksum = {known_devices.CURSOR_CHECKSUM};
UPDATE timelines SET checksum = {known_devices.TIMELINE_CHECKSUM};
UPDATE observation SET checksum = {OBSERVATION_CHECKSUM};
UPDATE rows SET checksum = ~checksum WHERE receipted_ms IS NOT NULL;
""",  # noqa: S608  (constants)
    9: f"""{_CHECKED_TOO}
UPDATE doubted SET checksum = {known_devices.DOUBT_CHECKSUM};
UPDATE segments SET checksum = {segments.CHECKSUM};
UPDATE salvages SET checksum = {SALVAGE_CHECKSUM};
""",  # noqa: S608  (constants)
}
"""By the layout that they begin from: what leads to the next one."""


def open_or_create(path: Path) -> sqlite3.Connection:
    """Open the file, durable and small in memory; lay it out, or bring an older layout up.

    Raises ``MisconfiguredError`` if a newer version wrote it, ``sqlite3.Error`` if it is unusable.
    """
    database = sqlite3.connect(path, isolation_level=None)  # each statement commits by itself
    try:
        prepare(database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA cache_size = -512")  # KiB; the Pi's memory is small
        (version,) = database.execute("PRAGMA user_version").fetchone()
        _refuse_newer(path, version)
        if version < LAYOUT_VERSION:
            steps = (_UPGRADES[step] for step in range(version, LAYOUT_VERSION))
            layout = "".join(steps) if version else LAYOUT
            database.executescript(
                f"BEGIN IMMEDIATE; {layout} PRAGMA user_version = {LAYOUT_VERSION}; COMMIT;"
            )
    except BaseException:
        database.close()
        with suppress(OSError):  # what was never begun is not to be taken for what was emptied
            if path.stat().st_size == 0:
                path.unlink()
        raise
    return database


def broken_journals(state: Path) -> list[Path]:
    """List the journals that this run or an earlier one set aside and nobody took away yet.

    Their logs (-wal, -shm) belong to them; of one that was gone, only its log is left. None from a
    disk that cannot be read: the open journal finds that out by itself.
    """
    try:
        found = sorted(state.glob(f"{FILE}.broken-*"))
    except OSError:
        return []
    whole = [file for file in found if not file.name.endswith(("-wal", "-shm"))]
    logs = [file for file in found if file.name.endswith("-wal")]
    return whole + [log for log in logs if log.with_name(log.name[: -len("-wal")]) not in whole]


def _refuse_newer(path: Path, version: int) -> None:
    if version > LAYOUT_VERSION:
        raise MisconfiguredError(
            f"{path} was written by a newer version (layout {version}).",
            "Install that version again, or start with another --state directory.",
        )
