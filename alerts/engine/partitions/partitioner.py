"""Where Kafka's producers put keys, many at once: kafka-python tells it key by key, slowly.

The default partitioner of every Kafka client: murmur2 (Austin Appleby's 32-bit hash) of the key,
its highest bit cleared, modulo the number of partitions.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_SEED = 0x9747_B28C
_MULTIPLIER = np.uint32(0x5BD1_E995)
_WORD_BYTES = 4

_Hashes = npt.NDArray[np.uint32]


def partitions_of(keys: Iterable[str], partitions: int) -> dict[str, int]:
    """Tell for each key in which of so many partitions its records are."""
    by_size: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    for key in keys:
        encoded = key.encode()
        by_size[len(encoded)].append((key, encoded))
    found: dict[str, int] = {}
    for size, some in by_size.items():
        table = np.frombuffer(b"".join(encoded for _, encoded in some), np.uint8)
        positive = _murmur2(table.reshape(len(some), size)) & np.uint32(0x7FFF_FFFF)
        numbers = (positive % np.uint32(partitions)).tolist()
        found.update(zip((key for key, _ in some), numbers, strict=True))
    return found


def _murmur2(table: npt.NDArray[np.uint8]) -> _Hashes:
    """Hash keys of one size, a row each."""
    count, size = table.shape
    whole = size - size % _WORD_BYTES
    words = np.ascontiguousarray(table[:, :whole]).view("<u4")
    hashes = np.full(count, _SEED ^ size, np.uint32)
    for column in range(words.shape[1]):
        word = words[:, column] * _MULTIPLIER
        word ^= word >> np.uint32(24)
        hashes = hashes * _MULTIPLIER ^ word * _MULTIPLIER
    if whole < size:
        for place in range(whole, size):
            hashes ^= table[:, place].astype(np.uint32) << np.uint32(8 * (place - whole))
        hashes *= _MULTIPLIER
    hashes ^= hashes >> np.uint32(13)
    hashes *= _MULTIPLIER
    return hashes ^ hashes >> np.uint32(15)
