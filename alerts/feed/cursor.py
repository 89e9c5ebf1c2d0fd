"""Where a reader of the stream stands: the offsets of both alert topics, as the SSE event id.

``1f0c2a9d:12.0.7:3`` = epoch, next offsets of alerts.v1 by partition, of alerts.actions.v1. The
epoch is a digest of Kafka's topic ids: the same offsets of re-created topics are another place.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.topics import ACTIONS, ALERTS

LENGTH_MAX = 4096


@dataclass(frozen=True, slots=True)
class Cursor:
    """The offsets up to which both topics have been read."""

    epoch: str = ""
    alerts: tuple[int, ...] = ()
    actions: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.epoch}:{_join(self.alerts)}:{_join(self.actions)}"

    def advanced(self, offsets: Mapping[tuple[str, int], int]) -> "Cursor":
        """Move to the next offsets given by (topic, partition); other topics do not count."""
        return Cursor(
            self.epoch,
            _replaced(self.alerts, ALERTS, offsets),
            _replaced(self.actions, ACTIONS, offsets),
        )


def epoch_of(topic_ids: Iterable[str]) -> str:
    """Name one life of the topics."""
    return hashlib.sha256("\n".join(topic_ids).encode()).hexdigest()[:8]


def _join(offsets: Iterable[int]) -> str:
    return ".".join(map(str, offsets))


def _replaced(
    offsets: tuple[int, ...], topic: str, news: Mapping[tuple[str, int], int]
) -> tuple[int, ...]:
    return tuple(news.get((topic, partition), old) for partition, old in enumerate(offsets))
