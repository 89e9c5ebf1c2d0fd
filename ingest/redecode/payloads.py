"""Many payloads at once, end to end in one buffer, and a cursor that walks through all of them.

No loop here, or in what uses it, goes over payloads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]

LongWords = npt.NDArray[np.uint32]
Booleans = npt.NDArray[np.bool_]

_FLAGS = np.arange(1 << 8)
PADDING = 32
"""Zeros behind the buffer: a cursor may look past a payload that is too short, never past these.

More than the longest layout without its tail has.
"""


@dataclass(frozen=True, slots=True)
class Payloads:
    """``octets``: all payloads and PADDING zeros; ``starts``, ``lengths``: shape (payloads,).

    ``words``: at each place the little-endian 16-bit number that begins there.
    """

    octets: Octets
    words: Words
    starts: Integers
    lengths: Integers

    def __len__(self) -> int:
        """Count the payloads."""
        return len(self.starts)


def ragged(buffer: bytes | Octets, starts: Integers, lengths: Integers) -> Payloads:
    """Take payloads that lie anywhere in a buffer."""
    octets = np.zeros(len(buffer) + PADDING, np.uint8)
    octets[: len(buffer)] = np.frombuffer(buffer, np.uint8)
    wide = octets.astype(np.uint16)
    words = wide[1:] * np.uint16(1 << 8)  # numpy multiplies in half the time of a shift
    words += wide[:-1]
    return Payloads(octets, words, starts, lengths)


def joined(payloads: Sequence[bytes]) -> Payloads:
    """Take a list of payloads."""
    lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
    return ragged(b"".join(payloads), np.cumsum(lengths) - lengths, lengths)


class Cursor:
    """Reads every payload field by field, as its own first byte, the flags, says.

    Where a field lies is worked out once for each value of the flags. What is read where a field
    was not sent, or has no room, is meaningless.
    """

    def __init__(self, payloads: Payloads, first_field: str = "the flags") -> None:
        """Read the flags, a payload's first byte."""
        self._payloads = payloads
        self.flags: Octets = payloads.octets.take(payloads.starts)
        self.fields = [first_field]
        self._places = self.flags.astype(np.intp)
        self._end: int | Integers = 1
        """Of the last field taken: where it ends, by flags once they decide it."""
        self._taken: list[tuple[int, int | None]] = []

    def sent(self, bit: int) -> Booleans:
        """Tell where a bit of the flags is set."""
        sent: Booleans = self.flags & np.uint8(1 << bit) != 0
        return sent

    def take(self, size: int, field: str, bit: int | None = None) -> Integers:
        """Go on behind a field that comes always, or where a bit is set; give its places."""
        begins = self._end
        self._end = begins + (size if bit is None else _sizes(size, bit))
        self._taken.append((size, bit))
        self.fields.append(field)
        return self._payloads.starts + self._by_flags(begins)

    def uint8(self, field: str, bit: int | None = None) -> Octets:
        """Read one byte."""
        return self._payloads.octets.take(self.take(1, field, bit))

    def uint16(self, field: str, bit: int | None = None) -> Words:
        """Read two bytes as an unsigned number."""
        return self._payloads.words.take(self.take(2, field, bit))

    def uint24(self, field: str, bit: int | None = None) -> LongWords:
        """Read three bytes as an unsigned number."""
        at = self.take(3, field, bit)
        return self.words_at(at) | self.octets_at(at + 2).astype(np.uint32) << np.uint32(16)

    def uint32(self, field: str, bit: int | None = None) -> LongWords:
        """Read four bytes as an unsigned number."""
        at = self.take(4, field, bit)
        return self.words_at(at) | self.words_at(at + 2).astype(np.uint32) << np.uint32(16)

    def ends(self) -> Integers:
        """Give the places behind the last byte of each payload."""
        return self._payloads.starts + self._payloads.lengths

    def rest(self) -> Integers:
        """Count the bytes that are left; below zero where there are too few."""
        return self._payloads.lengths - self._by_flags(self._end)

    def missing(self) -> npt.NDArray[np.int8]:
        """Give the place in ``fields`` of the first one without room; beyond the last if none."""
        lengths = np.minimum(self._payloads.lengths, PADDING)
        return _missing(tuple(self._taken)).take(self._places * (PADDING + 1) + lengths)

    def octets_at(self, at: Integers) -> Octets:
        """Read single bytes inside a field that was taken."""
        return self._payloads.octets.take(at)

    def words_at(self, at: Integers) -> Words:
        """Read 16-bit numbers inside a field that was taken."""
        return self._payloads.words.take(at)

    def _by_flags(self, ends: int | Integers) -> int | Integers:
        return ends if isinstance(ends, int) else ends.take(self._places)


@cache
def _sizes(size: int, bit: int) -> Integers:
    """Give by flags the size of a field that comes where a bit is set."""
    return size * (_FLAGS >> bit & 1)


@cache
def _missing(taken: tuple[tuple[int, int | None], ...]) -> npt.NDArray[np.int8]:
    """Count by flags, and in them by length, the fields that have room.

    An end never lies before the one of the field in front: those with room come first.
    """
    sizes = [
        np.full(len(_FLAGS), size) if bit is None else _sizes(size, bit) for size, bit in taken
    ]
    ends = np.cumsum([np.ones(len(_FLAGS), np.int64), *sizes], axis=0)
    room = ends[:, :, np.newaxis] <= np.arange(PADDING + 1)
    missing: npt.NDArray[np.int8] = room.sum(axis=0, dtype=np.int8).ravel()
    return missing
