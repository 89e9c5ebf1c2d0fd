"""The thread that reads Kafka for the feed and hands batches to the event loop, one at a time.

It waits until the loop has taken a batch before it reads the next, so nothing piles up between.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

import structlog

from alerts import kept_file
from alerts.desk.filed import Filed
from alerts.desk.fold import Desk
from alerts.feed.abreast import further_back
from alerts.feed.bookmark_file import PageBookmark
from alerts.feed.latest import READINGS_BACK_MS
from alerts.feed.metrics import REJECTED
from alerts.kept_file import EndLostError, Last, Read
from alerts.log import Log, LogRecord, TopicLife, readable
from alerts.records import CanaryDecided, CanaryFound, Place, Record
from schemas.alert import Action, Transition
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import ACTIONS, ALERTS, ENGINES, READINGS, REGISTRY

TOPICS = (ALERTS, ACTIONS, REGISTRY, READINGS, ENGINES)
_CLIENT_ID = "vitalwire-feed"
_POLL_MS = 250
_CHECK_EVERY_MS = 2_000
_AT_ONCE_MAX = 2_000  # records that the page takes while it shows none of them
_ABREAST_FROM = 10_000  # records; of fewer it matters little which come first
_ABREAST_BYTES = 1024 * 1024  # of a partition at once: so far it may be ahead of the others
_MARK_EVERY_MS = 24 * 60 * 60 * 1000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Start:
    """The log is read anew: the ids of its topics, where each partition begins.

    ``desk``: what is known of alerts by a bookmark; None: they are read from their beginning.
    """

    topic_ids: tuple[str, ...]
    starts: dict[Place, int]
    desk: Desk | None = None


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


@dataclass(slots=True)
class Keep:
    """A question: whoever takes it puts into ``alerts`` all that is known of them by now."""

    alerts: dict[str, Filed] = field(default_factory=dict)


News = Start | Batch | Contact | Lost | Keep


Deliver = Callable[[News], bool]
"""Hands news to the event loop and returns when it was taken; False: the loop is gone."""


@dataclass(slots=True)
class Follower:
    """Follows the five topics for ever, through every failure of the broker."""

    bootstrap: str
    clock: Clock
    deliver: Deliver
    rng: Random
    connect: Callable[..., Log] = Log
    bookmark: PageBookmark = field(default_factory=PageBookmark)
    _marked_ms: int | None = None
    _reached_ms: dict[Place, int] = field(default_factory=dict)
    _last: dict[Place, Last] = field(default_factory=dict)
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
                with self.connect(self.bootstrap, TOPICS, _CLIENT_ID) as log:
                    self._follow(log, backoff)
            except UnavailableError as error:
                if error.cause != reason:
                    _log.warning("log.lost", cause=error.cause)
                reason = error.cause
                if isinstance(error, EndLostError):
                    self._lives = ()
                if not self.deliver(Lost(reason)):
                    return
                self._stop.wait(backoff.next_s())

    def _follow(self, log: Log, backoff: Backoff) -> None:
        self._begin(log)
        goal, caught_up, checked_ms = log.ends(), False, 0
        if sum(goal[place] - self._reached[place] for place in _alerts(goal)) > _ABREAST_FROM:
            if not self._read_abreast(log, goal):
                return
            log.seek(self._reached)
        while not self._stop.is_set():
            if not self._take(log.poll(_POLL_MS, None if caught_up else _AT_ONCE_MAX)):
                return
            now_ms = self.clock.monotonic_ms()
            arrived = not caught_up and self._behind(log, goal) == 0
            if arrived or now_ms - checked_ms >= _CHECK_EVERY_MS:
                caught_up = caught_up or arrived
                if not self._touch(log, caught_up=caught_up):
                    return
                backoff.reset()
                checked_ms = now_ms
                if caught_up and not self._keep_bookmark(now_ms):
                    return

    def _read_abreast(self, log: Log, goal: dict[Place, int]) -> bool:
        """Read the alert topics, which may hold years, to where they end; False: the loop is gone.

        By a connection of its own, a partition at a time.
        """
        left = {place: self._reached[place] for place in _alerts(goal)}
        checked_ms = self.clock.monotonic_ms()
        with self._narrow(_ABREAST_BYTES) as both:
            while unread := [place for place, at in left.items() if at < goal[place]]:
                place = further_back(self._reached_ms, unread)
                records, left[place] = both.read_one(place, left[place], _AT_ONCE_MAX)
                if self._stop.is_set() or not self._take(records):
                    return False
                now_ms = self.clock.monotonic_ms()
                if now_ms - checked_ms >= _CHECK_EVERY_MS:
                    if not self._touch(log, caught_up=False):
                        return False
                    checked_ms = now_ms
        return True

    def _narrow(self, partition_bytes_max: int) -> Log:
        """Connect to the alert topics, to read little of each partition at once."""
        topics = (ALERTS, ACTIONS)
        return self.connect(
            self.bootstrap, topics, _CLIENT_ID, partition_bytes_max=partition_bytes_max
        )

    def _take(self, records: list[LogRecord]) -> bool:
        if not records:
            return True
        kept_file.refuse_steps_back(records, self._reached)
        batch = self._batch(records)
        if not self.deliver(batch):
            return False
        self._reached.update(batch.next_offsets)
        return True

    def _touch(self, log: Log, *, caught_up: bool) -> bool:
        """Ask the broker whether it is there, and how much it holds."""
        log.check()
        lag = self._behind(log, log.ends())
        return self.deliver(Contact(lag, caught_up, self.clock.monotonic_ms()))

    def _behind(self, log: Log, ends: dict[Place, int]) -> int:
        """Count what is not read: a position is behind what is no record, too."""
        read = {place: max(at, self._reached[place]) for place, at in log.position().items()}
        return sum(max(0, end - read[place]) for place, end in ends.items())

    def _begin(self, log: Log) -> None:
        """Go on where the last connection ended, unless the topics lost that, or were made anew."""
        lives = tuple(log.life(topic) for topic in TOPICS)
        if lives == self._lives and self._are_there(self._last):
            log.seek(self._reached)
            return
        starts = log.since(READINGS, self.clock.wall_ms() - READINGS_BACK_MS)
        known = self.bookmark.begin(lives, log.ends(), self._are_there)
        log.seek(starts | (known.read.reached if known else {}))
        self._lives, self._reached, self._reached_ms = lives, log.position(), {}
        self._last = known.read.last if known else {}
        self._marked_ms = None
        ids = tuple(life.topic_id for life in lives)
        self.deliver(Start(ids, dict(self._reached), known.desk if known else None))

    def _are_there(self, last: Mapping[Place, Last]) -> bool:
        with self._narrow(kept_file.LOOK_BYTES) as log:
            return kept_file.are_there(last, log)

    def _keep_bookmark(self, now_ms: int) -> bool:
        """Once a day write down what is known; False: nobody is there to say it."""
        if self._marked_ms is not None and now_ms - self._marked_ms < _MARK_EVERY_MS:
            return True
        self._marked_ms, asked = now_ms, Keep()
        if self.bookmark.folder is None:
            return True
        if not self.deliver(asked):
            return False
        self.bookmark.keep(asked.alerts, self._lives, Read(self._reached, self._last))
        return True

    def _batch(self, records: list[LogRecord]) -> Batch:
        decoded = []
        for one, record in readable(records, REJECTED):
            decoded.append(record)
            if (at_ms := _at_ms(record)) is not None:
                self._reached_ms[one.topic, one.partition] = at_ms
        newest = {(record.topic, record.partition): record for record in records}
        self._last |= kept_file.last_of(records)
        return Batch(decoded, {place: record.offset + 1 for place, record in newest.items()})


def _at_ms(record: Record) -> int | None:
    """Give the time of a record of the alert topics."""
    match record:
        case Transition() | Action():
            return record.at_ms
        case CanaryFound(one) | CanaryDecided(one):
            return one.at_ms
        case _:
            return None


def _alerts(places: Iterable[Place]) -> list[Place]:
    return [place for place in places if place[0] in (ALERTS, ACTIONS)]
