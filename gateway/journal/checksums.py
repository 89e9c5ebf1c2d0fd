"""A checksum for each row that matters: SQLite has none, and a memory card may change a few bytes.

CRC-32 over what was written, as MessagePack: lengths and types are in it, so no value can take over
a byte of the next. It is no protection against somebody, only against chance. Of a record that has
its receipt the checksum is turned over, bit by bit, and so below 0: one changed bit must not make a
receipt, for what has one is sent no more.
"""

import sqlite3
import zlib
from collections.abc import Iterable

import msgspec

Value = str | bytes | int | None
_encode = msgspec.msgpack.Encoder().encode
FUNCTION = "checksum_of"
RECEIPTED = "min(checksum, ~checksum)"
HELD = "max(checksum, ~checksum)"
"""SQL of a record's checksum with its receipt, and without, whichever it had."""


def checksum(values: Iterable[Value]) -> int:
    """Give the checksum of a row's values; text counts as its UTF-8 bytes."""
    octets = [one.encode() if isinstance(one, str) else one for one in values]
    return zlib.crc32(_encode(octets))


def prepare(database: sqlite3.Connection) -> None:
    """Let a connection compare checksums (``checksum_of``), and read text that is none any more."""
    database.text_factory = _text
    database.create_function(FUNCTION, -1, lambda *values: checksum(values), deterministic=True)


def _text(octets: bytes) -> str:
    """Decode; what is no UTF-8 was overwritten, and must not keep what is beside it from us."""
    return octets.decode(errors="replace")


def of_row(texts: str, octets: str) -> str:
    """Give the SQL of a row's checksum; ``texts`` are columns of text, by blanks, ``octets`` not.

    Text goes as bytes: SQLite hands a function no text that is no UTF-8.
    """
    columns = [f"CAST({one} AS BLOB)" for one in texts.split()] + octets.split()
    return f"{FUNCTION}({', '.join(columns)})"
