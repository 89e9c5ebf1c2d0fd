"""Keeps a view of the registry from registry.v1, so that attribution needs no database.

It runs in a thread of its own. The view is complete, and readings may be attributed, once the topic
has been read to the end that it had at the start. A topic that was re-created is read from its
beginning over the view that there is: what was known stays known until the publisher has said it
again.
"""

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from threading import Event, Thread

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from prometheus_client import Counter, Gauge

from ingest import kafka_clients
from ingest.kafka_clients import Topics
from ingest.registry.view import RegistryView
from ingest.waiting import Condition, until_available
from schemas.errors import InvalidInput, UnavailableError
from schemas.servers import kafka_server
from schemas.topics import REGISTRY

REGISTRY_READ = "registry"
POLL_MS = 500
_LOOK_AT_ID_EVERY_POLLS = 10
_PARTITION = TopicPartition(REGISTRY, 0)
_log = structlog.get_logger()

devices_known = Gauge("vitalwire_registry_devices", "Devices in the view of the registry.")
records_refused = Counter("vitalwire_registry_refused_total", "Records that could not be read.")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the registry is read from; both raise ``UnavailableError``."""

    topics: Callable[[], Topics]
    consumer: Callable[[], KafkaConsumer]


def kafka_source(client_id: str) -> Source:
    """Read from the Kafka of the environment."""
    server = kafka_server()
    return Source(lambda: Topics(server), lambda: kafka_clients.consumer(server, client_id))


class RegistryFollower:
    """Follows registry.v1 until told to stop."""

    def __init__(self, source: Source, condition: Condition, stop: Event) -> None:
        """``condition`` gets to know what is missing; nothing starts yet."""
        self.view = RegistryView()
        self.complete = Event()
        self._source = source
        self._condition = condition
        self._stop = stop
        self._thread = Thread(
            target=copy_context().run, args=(self._run,), name="registry-follower"
        )

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread after ``stop`` was set."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            topics = until_available(
                self._source.topics, REGISTRY_READ, self._condition, self._stop
            )
            if topics is None:
                return
            try:
                self._follow(topics)
            except (KafkaError, OSError, UnavailableError) as error:
                self._condition.bad(REGISTRY_READ, str(error) or type(error).__name__)
                self._stop.wait(1.0)
            finally:
                topics.close()

    def _follow(self, topics: Topics) -> None:
        """Read one incarnation of the topic, until it is another or Kafka is away."""
        topic_id = topics.ids([REGISTRY]).get(REGISTRY)
        if topic_id is None:
            raise UnavailableError(f"{REGISTRY} does not exist.", "Run `vitalwire ingest setup`.")
        consumer = self._source.consumer()
        try:
            consumer.assign([_PARTITION])
            consumer.seek_to_beginning(_PARTITION)
            end = consumer.end_offsets([_PARTITION])[_PARTITION]
            polls = 0
            while not self._stop.is_set():
                self._read(consumer)
                if consumer.position(_PARTITION) >= end and not self.complete.is_set():
                    self.complete.set()
                    _log.info("registry.read", devices=len(self.view))
                if self.complete.is_set():
                    self._condition.good(REGISTRY_READ)
                polls += 1
                if polls % _LOOK_AT_ID_EVERY_POLLS == 0:
                    self._check_id(topics, topic_id)
        finally:
            consumer.close(autocommit=False)

    def _read(self, consumer: KafkaConsumer) -> None:
        for record in consumer.poll(timeout_ms=POLL_MS).get(_PARTITION, ()):
            try:
                self.view.apply(record.value)
            except InvalidInput as error:
                records_refused.inc()
                _log.warning("registry.refused", offset=record.offset, reason=error.reason)
        devices_known.set(len(self.view))

    def _check_id(self, topics: Topics, topic_id: str) -> None:
        if topics.ids([REGISTRY]).get(REGISTRY) != topic_id:
            raise UnavailableError(f"{REGISTRY} was re-created.", "It is read again.")
