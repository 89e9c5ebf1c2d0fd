"""A file that is replaced at once, and only by a whole one; its SHA-256 is its last bytes."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

DIGEST_BYTES = 32


class NewFile:
    """One that is being written, under another name until it is whole."""

    def __init__(self, path: Path) -> None:
        """Begin; raises ``OSError``, as all of this does."""
        self._path = path
        descriptor, name = tempfile.mkstemp(prefix=path.name, suffix=".new", dir=path.parent)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._new = Path(name)
        self._digest = hashlib.sha256()

    def put(self, written: bytes) -> None:
        """Write on."""
        self._digest.update(written)
        self._file.write(written)

    def keep(self) -> None:
        """Let it take the place of the one before, once the disk has it."""
        self._file.write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._new.replace(self._path)

    def abandon(self) -> None:
        """Leave no trace."""
        self._file.close()
        self._new.unlink(missing_ok=True)
