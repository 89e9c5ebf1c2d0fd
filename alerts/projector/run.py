"""Follows the alert topics into PostgreSQL for ever, through every failure of either side."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import psycopg
import structlog
from prometheus_client import Counter, Gauge
from psycopg import Connection
from psycopg.rows import TupleRow

from alerts.log import Log, LogRecord, TopicLife, readable
from alerts.projector.rows import Found
from alerts.projector.store import Advance, begin, connect, write
from alerts.records import Place
from schemas.alert import Action, Transition
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import ACTIONS, ALERTS

TOPICS = (ALERTS, ACTIONS)
_POLL_MS = 500
_CHECK_EVERY_MS = 2_000

PROJECTED = Counter("vitalwire_projector_records", "Records passed.")
REJECTED = Counter(
    "vitalwire_projector_records_rejected", "Records that could not be read.", ["topic", "reason"]
)
LAG = Gauge("vitalwire_projector_lag_records", "Records in the log that are not in the tables yet.")

_log = structlog.get_logger()


@dataclass(slots=True)
class Projector:
    """Runs in one thread; ``trouble`` says why it does not do its work, None if it does."""

    bootstrap: str
    database_url: str
    clock: Clock
    rng: Random
    connect_database: Callable[[str], Connection[TupleRow]] = connect
    trouble: str | None = "not connected yet"
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Ask ``run`` to return soon."""
        self._stop.set()

    def run(self) -> None:
        """Project until stopped; log the first failure of a row and each change of its reason."""
        backoff = Backoff(self.rng)
        while not self._stop.is_set():
            try:
                with (
                    self.connect_database(self.database_url) as connection,
                    Log(self.bootstrap, TOPICS, "vitalwire-projector") as log,
                ):
                    connection.autocommit = True  # each batch opens its own transaction
                    self._project(log, connection, backoff)
            except (UnavailableError, psycopg.Error) as error:
                trouble = _sentence(error)
                if trouble != self.trouble:
                    _log.warning("projector.waiting", cause=trouble)
                self.trouble = trouble
                self._stop.wait(backoff.next_s())

    def _project(self, log: Log, connection: Connection[TupleRow], backoff: Backoff) -> None:
        lives = {topic: log.life(topic) for topic in TOPICS}
        log.seek({})
        reached = begin(connection, lives.values(), log.position())
        log.seek(reached)
        _log.info("projector.running")
        checked_ms = 0
        while not self._stop.is_set():
            records = log.poll(_POLL_MS)
            if records:
                write(connection, _decoded(records), _advances(records, reached, lives))
                reached |= _ends(records)
                PROJECTED.inc(len(records))
            now_ms = self.clock.monotonic_ms()
            if now_ms - checked_ms >= _CHECK_EVERY_MS:
                log.check()
                connection.execute("SELECT 1")  # a dead database is noticed on a quiet day too
                LAG.set(sum(max(0, end - reached[place]) for place, end in log.ends().items()))
                self.trouble, checked_ms = None, now_ms
                backoff.reset()


def _decoded(records: list[LogRecord]) -> list[Found]:
    return [
        Found(record, one.topic, one.partition, one.offset)
        for one, record in readable(records, REJECTED)
        if isinstance(record, Transition | Action)
    ]


def _ends(records: list[LogRecord]) -> dict[Place, int]:
    return {(one.topic, one.partition): one.offset + 1 for one in records}


def _advances(
    records: list[LogRecord], reached: dict[Place, int], lives: dict[str, TopicLife]
) -> list[Advance]:
    return [
        Advance(topic, partition, lives[topic].topic_id, reached[topic, partition], end)
        for (topic, partition), end in _ends(records).items()
    ]


def _sentence(error: Exception) -> str:
    """Give one line: libpq writes several."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
