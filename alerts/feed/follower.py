"""The thread that reads Kafka for the feed and hands batches to the event loop, one at a time.

It waits until the loop has taken a batch before it reads the next, so nothing piles up between.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import structlog

from alerts.feed.latest import READINGS_BACK_MS
from alerts.feed.metrics import REJECTED
from alerts.log import Log, LogRecord, TopicLife, readable
from alerts.records import Place, Record
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import ACTIONS, ALERTS, ENGINES, READINGS, REGISTRY

TOPICS = (ALERTS, ACTIONS, REGISTRY, READINGS, ENGINES)
_POLL_MS = 250
_CHECK_EVERY_MS = 2_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Start:
    """The log is read from its beginning: the ids of its topics, where each partition begins."""

    topic_ids: tuple[str, ...]
    starts: dict[Place, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in log order, and the offsets behind them."""

    records: list[Record]
    next_offsets: dict[Place, int]


@dataclass(frozen=True, slots=True)
class Contact:
    """The broker answered: it holds ``lag`` records that were not read yet.

    ``caught_up``: all that it held at the start has been read.
    """

    lag: int
    caught_up: bool
    at_monotonic_ms: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The log cannot be read now."""

    reason: str


News = Start | Batch | Contact | Lost


Deliver = Callable[[News], bool]
"""Hands news to the event loop and returns when it was taken; False: the loop is gone."""


@dataclass(slots=True)
class Follower:
    """Follows the five topics for ever, through every failure of the broker."""

    bootstrap: str
    clock: Clock
    deliver: Deliver
    rng: Random
    connect: Callable[[str, tuple[str, ...], str], Log] = Log
    _lives: tuple[TopicLife, ...] = ()
    _reached: dict[Place, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Ask ``run`` to return soon."""
        self._stop.set()

    def run(self) -> None:
        """Read until stopped; log the first failure of a row and each change of its reason."""
        backoff, reason = Backoff(self.rng), ""
        while not self._stop.is_set():
            try:
                with self.connect(self.bootstrap, TOPICS, "vitalwire-feed") as log:
                    self._follow(log, backoff)
            except UnavailableError as error:
                if error.cause != reason:
                    _log.warning("log.lost", cause=error.cause)
                reason = error.cause
                if not self.deliver(Lost(reason)):
                    return
                self._stop.wait(backoff.next_s())

    def _follow(self, log: Log, backoff: Backoff) -> None:
        self._begin(log)
        goal, caught_up, checked_ms = log.ends(), False, 0
        while not self._stop.is_set():
            records = log.poll(_POLL_MS)
            if records:
                batch = self._batch(records)
                if not self.deliver(batch):
                    return
                self._reached.update(batch.next_offsets)
            now_ms = self.clock.monotonic_ms()
            if not caught_up or now_ms - checked_ms >= _CHECK_EVERY_MS:
                log.check()
                caught_up = caught_up or _behind(log, goal) == 0
                lag = _behind(log, log.ends())
                if not self.deliver(Contact(lag, caught_up, self.clock.monotonic_ms())):
                    return
                backoff.reset()
                checked_ms = now_ms

    def _begin(self, log: Log) -> None:
        """Go on where the last connection ended, unless the topics were made anew."""
        lives = tuple(log.life(topic) for topic in TOPICS)
        if lives == self._lives:
            log.seek(self._reached)
            return
        log.seek(log.since(READINGS, self.clock.wall_ms() - READINGS_BACK_MS))
        self._lives, self._reached = lives, log.position()
        self.deliver(Start(tuple(life.topic_id for life in lives), dict(self._reached)))

    @staticmethod
    def _batch(records: list[LogRecord]) -> Batch:
        decoded = [record for _, record in readable(records, REJECTED)]
        offsets = {(record.topic, record.partition): record.offset + 1 for record in records}
        return Batch(decoded, offsets)


def _behind(log: Log, ends: dict[Place, int]) -> int:
    position = log.position()
    return sum(max(0, end - position[place]) for place, end in ends.items())
