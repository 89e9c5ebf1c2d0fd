"""The records in a batch of Kafka's message format 2, at a third of what kafka-python asks for it.

kafka-python makes two objects with a dozen fields of each record, of which the clinic's side reads
four; of an engine that reads a million patients back that would be a fifth of the time.

A record: its length in bytes, attributes (one byte, without meaning), milliseconds after the
batch's first time, number after the batch's first offset, then key and value with their sizes (-1:
none), then headers, which nobody here reads. Numbers are zigzag varints, as in protocol buffers.
"""

Found = tuple[int, int, bytes | None, bytes | None]
"""Milliseconds after the batch's first time, number after its first offset, key, value."""


def records_in(batch: bytes, begin: int, count: int) -> list[Found]:
    """Find so many records, the first at ``begin``.

    Raises ``ValueError`` unless they end where the batch ends.
    """
    found: list[Found] = []
    try:
        for _ in range(count):
            length, at = _varint(batch, begin)
            begin = at + length
            after_ms, at = _varint(batch, at + 1)
            number, at = _varint(batch, at)
            key, at = _field(batch, at)
            value, at = _field(batch, at)
            if at >= begin:  # there is room for the number of headers, at least
                raise ValueError(f"record {number} is longer than it says")
            found.append((after_ms, number, key, value))
    except IndexError:
        raise ValueError("a record has no end") from None
    if begin != len(batch):
        raise ValueError(f"{count} records end at byte {begin} of {len(batch)}")
    return found


def _field(batch: bytes, at: int) -> tuple[bytes | None, int]:
    size, at = _varint(batch, at)
    return (None, at) if size < 0 else (batch[at : at + size], at + size)


def _varint(batch: bytes, at: int) -> tuple[int, int]:
    """Read a number; give it and where it ends."""
    byte = batch[at]
    value, shift = byte & 127, 7
    while byte >= 128:
        at += 1
        byte = batch[at]
        value |= (byte & 127) << shift
        shift += 7
    return (value >> 1) ^ -(value & 1), at + 1
