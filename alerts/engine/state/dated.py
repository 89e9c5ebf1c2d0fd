"""Of each patient the last sessions whose readings all have a time of their own.

Every patient has some, and each record brings one: a checksum of 32 bits each, in a row of plain
numbers, for numpy takes a microsecond to change one of them, and a digest another. Of two sessions
with one checksum the worst that comes is that a reading without a time enters no window.
"""

from array import array
from collections.abc import Iterable
from zlib import crc32

import numpy as np

from alerts.engine.readings.columns import Integers

DATED_MAX = 2
_ROW = bytes(4 * DATED_MAX)


class DatedSessions:
    """Checksums by row, the last one first; 0: none."""

    def __init__(self, rows: int) -> None:
        """Start with none."""
        self._sums = array("I", _ROW * rows)

    def reserve(self, rows: int) -> None:
        """Make room for so many rows."""
        self._sums.frombytes(_ROW * (rows - len(self._sums) // DATED_MAX))

    def note(self, row: int, session_id: str) -> None:
        """Take a session in; the oldest one goes."""
        sums, first, one = self._sums, DATED_MAX * row, crc32(session_id.encode())
        if sums[first] != one:
            sums[first + 1] = sums[first]
            sums[first] = one

    def knows(self, row: int, session_id: str) -> bool:
        """Tell whether a session is one of them."""
        return crc32(session_id.encode()) in self._of(row)

    def kept(self, rows: Integers) -> list[bytes]:
        """Give patients' as bytes; none of none."""
        sums = np.frombuffer(self._sums, np.uint32).reshape(-1, DATED_MAX)[rows]
        whole, size = sums.tobytes(), len(_ROW)
        begins = range(0, len(whole), size)
        return [
            whole[begin : begin + size] if first else b""
            for begin, first in zip(begins, sums[:, 0].tolist(), strict=True)
        ]

    def restore(self, rows: Integers, kept: Iterable[bytes]) -> None:
        """Put different patients' back."""
        sums = np.frombuffer(b"".join(one or _ROW for one in kept), np.uint32)
        every = np.frombuffer(self._sums, np.uint32).reshape(-1, DATED_MAX)
        every[rows] = sums.reshape(-1, DATED_MAX)

    def _of(self, row: int) -> "array[int]":
        return self._sums[DATED_MAX * row : DATED_MAX * (row + 1)]
