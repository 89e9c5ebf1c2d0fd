"""Where to resume a partition, and by how much its offset moves. No I/O."""

from dataclasses import dataclass

Partition = tuple[str, int]
"""Topic and number."""


@dataclass(frozen=True, slots=True)
class Advance:
    """A partition's offset moves from ``expected`` to ``next_offset``, if it is ``expected``."""

    topic: str
    partition: int
    topic_id: str
    expected: int
    next_offset: int

    def standing(self) -> "Advance":
        """Give the same check without the move."""
        return Advance(self.topic, self.partition, self.topic_id, self.expected, self.expected)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What Kafka has of a partition: the first offset kept and the end."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where to resume a partition; ``reason`` says why it is not the stored offset."""

    offset: int
    reason: str | None = None


def start_of(stored: tuple[str, int] | None, topic_id: str, bounds: Bounds) -> Start:
    """Decide where to resume: at the stored offset, unless it means nothing in this log.

    ``stored``: topic id and offset. Starting too early is harmless (the keys drop what is stored);
    too late loses readings.
    """
    if stored is None:
        return Start(bounds.first, "new")
    known_id, offset = stored
    if known_id != topic_id:
        return Start(bounds.first, "topic-re-created")
    if offset > bounds.end:
        return Start(bounds.first, "log-shorter-than-offset")
    if offset < bounds.first:
        return Start(bounds.first, "past-retention")
    return Start(offset)
