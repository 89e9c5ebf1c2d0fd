"""A partition's state in a local file, so that a restart need not read all of alerts.state.v1.

Written in slices while the engine judges: first the place in alerts.state.v1 is noted, then all
patients are written as they come up. Whoever changes meanwhile is in the topic behind that place,
and is read over the file's. The file counts only when it is whole: written under another name,
synced, renamed; and only with its digest, for the topics that it was written for.

Format: a line of JSON; records of (length of key, length of value, key, value), lengths as
little-endian 32-bit numbers; SHA-256 of all before it.
"""

import hashlib
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from alerts.engine.partitions.replica import Replica, Write
from alerts.new_file import DIGEST_BYTES, NewFile

VERSION = 1
_LENGTHS = struct.Struct("<II")
_READ_BYTES = 1 << 20
_AT_ONCE = 5_000

_log = structlog.get_logger()


class Header(msgspec.Struct, frozen=True):
    """What the file is of: lives of the two topics, where alerts.state.v1 is to be read on."""

    readings_id: str
    state_id: str
    partition: int
    state_offset: int
    version: int = VERSION


class Saving:
    """A snapshot that is being written."""

    def __init__(self, folder: Path, header: Header, replica: Replica) -> None:
        """Begin; raises ``OSError``."""
        self.replica = replica
        self._file = NewFile(place(folder, header.partition))
        self._row = 0
        self._file.put(msgspec.json.encode(header) + b"\n")
        self._file.put(b"".join(map(_record, replica.notes())))

    def advance(self, rows: int) -> bool:
        """Write some patients more; True when the file is there. Raises ``OSError``."""
        ends = min(self._row + rows, len(self.replica))
        self._file.put(b"".join(map(_record, self.replica.items(range(self._row, ends)))))
        self._row = ends
        if ends < len(self.replica):
            return False
        self._file.keep()
        return True

    def abandon(self) -> None:
        """Leave no trace."""
        self._file.abandon()


def place(folder: Path, partition: int) -> Path:
    """Name the file of a partition."""
    return folder / f"{partition}.state"


def load(folder: Path, wanted: Header, replica: Replica) -> int:
    """Let a replica follow what the file says; give where alerts.state.v1 is to be read on.

    ``wanted.state_offset`` is of no account. Without a file that is whole and meant for these
    topics the replica stays as it is, and all of alerts.state.v1 is to be read: 0.
    """
    path = place(folder, wanted.partition)
    try:
        with path.open("rb") as file:
            reason, header = _checked(file, path.stat().st_size, wanted)
            if header is not None:
                records = _records(file, path.stat().st_size - DIGEST_BYTES)
                while some := list(islice(records, _AT_ONCE)):
                    replica.follow(some)
                return header.state_offset
    except FileNotFoundError:
        return 0
    except OSError as error:
        reason = error.strerror or "cannot be read"
    _log.warning("snapshot.discarded", partition=wanted.partition, reason=reason)
    path.unlink(missing_ok=True)
    return 0


def _checked(file: BinaryIO, size: int, wanted: Header) -> tuple[str, Header | None]:
    """Check digest and header; leave the file behind its header."""
    digest, left = hashlib.sha256(), size - DIGEST_BYTES
    while left > 0 and (read := file.read(min(left, _READ_BYTES))):
        digest.update(read)
        left -= len(read)
    if left != 0 or file.read() != digest.digest():
        return "not whole", None
    file.seek(0)
    try:
        header = msgspec.json.decode(file.readline(), type=Header)
    except msgspec.DecodeError:
        return "of another release", None
    if msgspec.structs.replace(header, state_offset=wanted.state_offset) != wanted:
        return "of other topics, or of another release", None
    return "", header


def _records(file: BinaryIO, ends: int) -> Iterator[tuple[bytes, bytes]]:
    offset = file.tell()
    while offset < ends:
        key_size, value_size = _LENGTHS.unpack(file.read(_LENGTHS.size))
        yield file.read(key_size), file.read(value_size)
        offset += _LENGTHS.size + key_size + value_size


def _record(write: Write) -> bytes:
    key, value = write
    assert value is not None, "a snapshot removes nothing"
    return _LENGTHS.pack(len(key), len(value)) + key + value
