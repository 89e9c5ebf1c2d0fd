"""The records of one of Kafka's record batches: of each no more than whoever reads a log wants.

A record: its size; a byte of attributes; how much later and further on it is than the batch says;
key and value, each behind its size; headers. Numbers are of as many bytes as they need, seven bits
in each, the lowest first, and zigzag: 0, -1, 1, -2, …
"""

from collections.abc import Iterator
from typing import TypeAlias

Entry: TypeAlias = tuple[int, int, bytes | None, bytes | None]
"""Offset behind the batch's first, milliseconds behind its first time, key, value."""


def entries(body: bytes, count: int) -> Iterator[Entry]:
    """Read a batch behind its header, not compressed; ``ValueError`` or ``IndexError``: no batch.

    Headers are passed over: nothing of ours has any.
    """
    pos = 0
    for _ in range(count):
        size, pos = _number(body, pos)
        ends = pos + size
        later_ms, pos = _number(body, pos + 1)
        further, pos = _number(body, pos)
        key = value = None
        size, pos = _number(body, pos)
        if size >= 0:
            key = body[pos : pos + size]
            pos += size
        size, pos = _number(body, pos)
        if size >= 0:
            value = body[pos : pos + size]
            pos += size
        if not pos < ends <= len(body):  # how many headers there are is said in any case
            raise ValueError("a record ends elsewhere than it says")
        pos = ends
        yield further, later_ms, key, value
    if pos != len(body):
        raise ValueError("something is behind the last record")


def _number(body: bytes, pos: int) -> tuple[int, int]:
    """Read a number; say where the next thing begins."""
    said, pos = body[pos], pos + 1
    zigzag, place = said & 127, 7
    while said > 127:
        said, pos = body[pos], pos + 1
        zigzag |= (said & 127) << place
        place += 7
    return zigzag >> 1 ^ -(zigzag & 1), pos
