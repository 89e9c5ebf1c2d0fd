"""The daemon that carries the outbox to Kafka, and the registry whole if its topic is new.

Invariants: one publisher at a time (an advisory lock held by its session), rows go in the order of
their numbers, and a row leaves the outbox only after Kafka has acknowledged it. Edits of one key
cannot overtake each other: editors exclude each other.
"""

from collections.abc import Callable
from threading import Event

import msgspec
import psycopg
import structlog
from prometheus_client import Counter, Gauge
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database
from ingest.delivery import Delivery
from ingest.kafka_clients import Topics
from ingest.outgoing import Outgoing
from ingest.registry import entries, outbox
from ingest.registry.rotas import rotas
from ingest.waiting import Condition, until_available
from schemas.errors import UnavailableError
from schemas.postgresql import one_line
from schemas.registry import RegistryEntry
from schemas.topics import REGISTRY

PAGE_ROWS = 500
LOOK_EVERY_S = 2.0
DATABASE, TOPIC = "database", "registry topic"
_PUBLISHER_LOCK = 0x7075626C  # "publ"
_log = structlog.get_logger()

published = Counter("vitalwire_outbox_published_total", "Records sent to Kafka.", ["topic"])
pending = Gauge("vitalwire_outbox_pending", "Outbox rows not yet in Kafka at the last look.")


class Publisher:
    """Carries the outbox until told to stop."""

    def __init__(self, url: str, delivery: Delivery, condition: Condition) -> None:
        """``url`` of the database; ``delivery`` reaches Kafka."""
        self._url = url
        self._delivery = delivery
        self._condition = condition

    def run(self, topics: Callable[[], Topics], stop: Event) -> None:
        """Publish until ``stop``; survives both servers' absence."""
        asking = until_available(topics, TOPIC, self._condition, stop)
        if asking is None:
            return
        try:
            while not stop.is_set():
                connection = until_available(self._connect, DATABASE, self._condition, stop)
                if connection is not None:
                    with connection:
                        self._serve(connection, asking, stop)
        finally:
            asking.close()
            self._delivery.close()

    def _connect(self) -> Connection[TupleRow]:
        connection = database.connect(self._url, "registry")
        connection.autocommit = True
        try:
            locked = connection.execute(
                "SELECT pg_try_advisory_lock(%s)", [_PUBLISHER_LOCK]
            ).fetchone()
            connection.execute(f"LISTEN {outbox.CHANNEL}")
        except psycopg.Error as error:
            connection.close()
            raise database.unavailable(error) from error
        if locked != (True,):
            connection.close()
            raise UnavailableError("Another publisher is at work.", "This one stands by.")
        return connection

    def _serve(self, connection: Connection[TupleRow], topics: Topics, stop: Event) -> None:
        """Work on one connection until it fails."""
        try:
            while not stop.is_set():
                self._publish_if_new(connection, topics, stop)
                while self.publish_page(connection, stop) and not stop.is_set():
                    pass
                for _ in connection.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                    pass
        except psycopg.Error as error:
            self._condition.bad(DATABASE, one_line(error))
            stop.wait(1.0)

    def _publish_if_new(
        self, connection: Connection[TupleRow], topics: Topics, stop: Event
    ) -> None:
        """Publish everything if the topic is another than the one published last."""
        try:
            topic_id = topics.ids([REGISTRY]).get(REGISTRY)
        except UnavailableError as error:
            self._condition.bad(TOPIC, error.cause)
            return
        if topic_id is None:
            self._condition.bad(TOPIC, f"{REGISTRY} does not exist; run `vitalwire ingest setup`")
            return
        self._condition.good(TOPIC)
        known = connection.execute(
            "SELECT topic_id FROM vitalwire.published_topics WHERE topic = %s", [REGISTRY]
        ).fetchone()
        if known != (topic_id,):
            self._publish_whole(connection, topic_id, stop)

    def _publish_whole(self, connection: Connection[TupleRow], topic_id: str, stop: Event) -> None:
        """Publish every entry; outbox rows of the registry that it covers are done with."""
        with connection.transaction():
            connection.execute("DELETE FROM vitalwire.outbox WHERE topic = %s", [REGISTRY])
            whole: list[RegistryEntry] = [
                *entries.patients(connection),
                *entries.devices(connection),
                *entries.books(connection),
                *rotas(connection),
            ]
            records = [
                Outgoing(REGISTRY, outbox.entry_key(entry).encode(), msgspec.json.encode(entry))
                for entry in whole
            ]
            if not self._delivery.deliver(records, stop):
                raise psycopg.Rollback
            connection.execute(
                "INSERT INTO vitalwire.published_topics (topic, topic_id) VALUES (%s, %s)"
                " ON CONFLICT (topic) DO UPDATE"
                " SET topic_id = EXCLUDED.topic_id, published_at = now()",
                [REGISTRY, topic_id],
            )
        published.labels(REGISTRY).inc(len(records))
        _log.info("registry.published_whole", entries=len(records), topic_id=topic_id)

    def publish_page(self, connection: Connection[TupleRow], stop: Event) -> int:
        """Carry the oldest rows of the outbox; give how many."""
        rows = connection.execute(
            "SELECT outbox_id, topic, key, value FROM vitalwire.outbox ORDER BY outbox_id LIMIT %s",
            [PAGE_ROWS],
        ).fetchall()
        pending.set(len(rows))
        records = [Outgoing(topic, key.encode(), bytes(value)) for _, topic, key, value in rows]
        if not rows or not self._delivery.deliver(records, stop):
            return 0
        connection.execute(
            "DELETE FROM vitalwire.outbox WHERE outbox_id = ANY(%s)", [[row[0] for row in rows]]
        )
        for record in records:
            published.labels(record.topic).inc()
        return len(rows)
