"""Where a reader of the stream stands: offsets of the topics behind the page, as the SSE event id.

``1f0c2a9d:12.0.7:3:40`` = epoch, then the next offsets by partition of alerts.v1, alerts.actions.v1
and registry.v1 (a patient's name is on every card). The epoch is a digest of Kafka's topic ids: the
same offsets of topics that were created again are another place.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.topics import ACTIONS, ALERTS, REGISTRY

LENGTH_MAX = 4096
TOPICS = (ALERTS, ACTIONS, REGISTRY)
Offsets = Mapping[tuple[str, int], int]
"""The next offset by (topic, partition)."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The offsets up to which the topics have been read; one tuple for each of ``TOPICS``."""

    epoch: str = ""
    offsets: tuple[tuple[int, ...], ...] = ((),) * len(TOPICS)

    def __str__(self) -> str:
        return ":".join([self.epoch, *(".".join(map(str, part)) for part in self.offsets)])

    def advanced(self, news: Offsets) -> "Cursor":
        """Move to the offsets given; what is not given stays, other topics do not count."""
        moved = [
            tuple(news.get((topic, partition), old) for partition, old in enumerate(part))
            for topic, part in zip(TOPICS, self.offsets, strict=True)
        ]
        return Cursor(self.epoch, tuple(moved))


def start_of(topic_ids: Iterable[str], starts: Offsets) -> Cursor:
    """Stand at the beginning of one life of the topics; ``starts`` has every partition."""
    epoch = hashlib.sha256("\n".join(topic_ids).encode()).hexdigest()[:8]
    parts = [[place for place in sorted(starts) if place[0] == topic] for topic in TOPICS]
    return Cursor(epoch, tuple(tuple(starts[place] for place in part) for part in parts))
