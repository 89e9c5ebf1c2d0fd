"""A journal that lost its first page is read with another one, put before a copy of the rest.

SQLite's first page leads to the pages that say where every table begins. Those are looked for in
the file itself; without one of them nothing is read. Nothing false could come of it: a row is
believed only if its checksum fits.
"""

import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from gateway.journal.checksums import prepare
from gateway.journal.damage import files, size
from gateway.journal.file import FILE, LAYOUT, LAYOUT_VERSION, broken_journals

SPACE_LEFT_BYTES = 64 * 1024 * 1024
"""What a copy must leave free: new readings come first."""
_PAGE_BYTES = 4096  # SQLite's own choice, and nobody made another
_TABLES = ("streams", "rows", "salvaged", "sessions", "anteroom", "sqlite_sequence")
# A line of SQLite's own table of tables: type, name, name, first page, SQL.
_LINE = re.compile(
    rf"table({'|'.join(_TABLES)})\1(.{{1,2}})CREATE TABLE \1\b".encode(), flags=re.DOTALL
)
_COPY = ".copy-"
_UNIQUE = re.compile(r",\s*UNIQUE \([^)]*\)| UNIQUE")
_LEGACY, _LOGGED = b"\x01\x01", b"\x02\x02"
# Of the header: where it says how it is written, how many pages there are, and what is free.
_FORMAT, _PAGES, _FREE, _VALID_FOR = slice(18, 20), slice(24, 32), slice(32, 40), slice(92, 96)


def copied(path: Path) -> Path | None:
    """Give a copy of a broken journal with a new first page; None if its tables are not found.

    It is made once, for the broken one never changes. Raises ``OSError``.
    """
    copy = _copy_of(path)
    if copy.exists():
        return copy
    begins = _beginnings(path)
    if begins is None or shutil.disk_usage(path.parent).free < 2 * size(path) + SPACE_LEFT_BYTES:
        return None
    begun = copy.with_name(f"{copy.name}-begun")
    shutil.copyfile(path, begun)
    log, log_of_copy = files(path)[1], files(copy)[1]
    if log.exists():
        shutil.copyfile(log, log_of_copy)
    with begun.open("r+b") as file:
        file.write(_first_page(size(path) // _PAGE_BYTES, begins, logged=log.exists()))
        os.fsync(file.fileno())
    begun.rename(copy)
    return copy


def forget(path: Path) -> None:
    """Delete the copy, if there is one."""
    copy = _copy_of(path)
    for file in (*files(copy), copy.with_name(f"{copy.name}-begun")):
        with suppress(OSError):
            file.unlink()


def forget_others(directory: Path) -> None:
    """Delete copies of what somebody took away meanwhile: nobody else would."""
    kept = [file for path in broken_journals(directory) for file in files(_copy_of(path))]
    with suppress(OSError):
        for file in set(directory.glob(f"{FILE}{_COPY}*")) - set(kept):
            file.unlink()


def _copy_of(path: Path) -> Path:
    return path.with_name(path.name.replace(".broken-", _COPY))


def _beginnings(path: Path) -> dict[str, int] | None:
    """Find the first page of each table; None if one is missing, or told in two ways."""
    found: dict[str, set[int]] = {}
    with path.open("rb") as file:
        while page := file.read(_PAGE_BYTES):
            for name, number in _LINE.findall(page):
                found.setdefault(name.decode(), set()).add(int.from_bytes(number, "big"))
    if found.keys() != set(_TABLES) or any(len(numbers) > 1 for numbers in found.values()):
        return None
    return {name: number for name, (number,) in found.items()}


def _first_page(pages: int, begins: dict[str, int], *, logged: bool) -> bytes:
    """Make the first page of a database of ``pages`` that has what is read of a journal."""
    with closing(sqlite3.connect(":memory:")) as whole:
        prepare(whole)
        whole.executescript(LAYOUT)
        told = dict(whole.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as head:
        head.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        head.execute("PRAGMA writable_schema = ON")
        head.executemany(
            "INSERT INTO sqlite_schema VALUES ('table', ?, ?, ?, ?)",
            # Without what needs an index: nothing is looked for by it.
            [(name, name, page, _UNIQUE.sub("", told[name])) for name, page in begins.items()],
        )
        head.execute(f"PRAGMA user_version = {LAYOUT_VERSION}")
        first = bytearray(head.serialize()[:_PAGE_BYTES])
    first[_FORMAT] = _LOGGED if logged else _LEGACY
    first[_PAGES] = (1).to_bytes(4, "big") + pages.to_bytes(4, "big")
    first[_VALID_FOR] = (1).to_bytes(4, "big")
    first[_FREE] = bytes(8)
    return bytes(first)
