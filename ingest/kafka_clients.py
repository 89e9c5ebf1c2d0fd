"""Kafka clients as all daemons here need them: durable, impatient, and telling topic ids.

Impatient: a call gives up after seconds, because the daemon itself retries for ever and can say
meanwhile what it waits for. kafka-python's own log is silenced for the same reason.
"""

import logging
from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from schemas.errors import UnavailableError
from schemas.servers import KAFKA_VARIABLE, required
from schemas.topics import KAFKA_TOPICS, KafkaTopic

GIVE_UP_MS = 3_000
CONNECT_WITHIN_MS = 1_500
RECORD_BYTES_MAX = 4 * 1024 * 1024
"""Above anything that the bridge can build of one message; the brokers' own limit decides."""

logging.getLogger("kafka").setLevel(logging.CRITICAL)


def bootstrap_server() -> str:
    """Read where Kafka is."""
    return required(KAFKA_VARIABLE, "127.0.0.1:9092")


def unavailable(server: str, error: BaseException) -> UnavailableError:
    """Say that Kafka does not do its work now, and why."""
    return UnavailableError(
        f"Kafka at {server} is not available: {str(error) or type(error).__name__}.",
        f"Check the broker and {KAFKA_VARIABLE}; nothing is lost meanwhile.",
    )


def producer(server: str, client_id: str) -> KafkaProducer:
    """Make a producer whose records are durable once acknowledged; raise ``UnavailableError``."""
    try:
        return KafkaProducer(
            bootstrap_servers=server,
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            allow_auto_create_topics=False,
            delivery_timeout_ms=2 * GIVE_UP_MS,
            request_timeout_ms=GIVE_UP_MS,
            max_block_ms=GIVE_UP_MS,
            bootstrap_timeout_ms=CONNECT_WITHIN_MS,
            reconnect_backoff_max_ms=1_000,
            max_request_size=RECORD_BYTES_MAX,
            batch_size=256 * 1024,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise unavailable(server, error) from error


def consumer(server: str, client_id: str) -> KafkaConsumer:
    """Make a consumer without a group: its owner assigns partitions and keeps the offsets.

    Raises ``UnavailableError``.
    """
    try:
        return KafkaConsumer(
            bootstrap_servers=server,
            client_id=client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            request_timeout_ms=GIVE_UP_MS,
            bootstrap_timeout_ms=CONNECT_WITHIN_MS,
            reconnect_backoff_max_ms=1_000,
            fetch_max_wait_ms=250,
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise unavailable(server, error) from error


class Topics:
    """Questions about topics over one admin connection, and their creation."""

    def __init__(self, server: str) -> None:
        """Connect; raise ``UnavailableError``."""
        self._server = server
        try:
            self._admin = KafkaAdminClient(
                bootstrap_servers=server,
                request_timeout_ms=GIVE_UP_MS,
                bootstrap_timeout_ms=CONNECT_WITHIN_MS,
                reconnect_backoff_max_ms=1_000,
            )
        except KafkaError as error:
            raise unavailable(server, error) from error

    def ids(self, names: Iterable[str]) -> dict[str, str]:
        """Tell the topic ids of those topics that exist; raise ``UnavailableError``.

        Only the id tells a topic that was re-created, and so begins again at offset 0.
        """
        return {
            topic["name"]: str(topic["topic_id"])
            for topic in self._describe(names)
            if topic["error_code"] == 0
        }

    def partitions(self, names: Iterable[str]) -> list[tuple[str, int]]:
        """List topic and number of each partition; raise ``UnavailableError``."""
        return [
            (topic["name"], partition["partition_index"])
            for topic in self._describe(names)
            if topic["error_code"] == 0
            for partition in topic["partitions"]
        ]

    def create_missing(self, partitions: int) -> list[str]:
        """Create the topics that do not exist; give their names. Raises ``UnavailableError``."""
        known = self.ids(topic.name for topic in KAFKA_TOPICS)
        missing = [topic for topic in KAFKA_TOPICS if topic.name not in known]
        if missing:
            try:
                self._admin.create_topics(
                    [_new_topic(topic, partitions) for topic in missing], timeout_ms=GIVE_UP_MS
                )
            except KafkaError as error:
                raise unavailable(self._server, error) from error
        return [topic.name for topic in missing]

    def close(self) -> None:
        """Hang up."""
        self._admin.close()

    def _describe(self, names: Iterable[str]) -> list[dict[str, Any]]:
        try:
            described: list[dict[str, Any]] = self._admin.describe_topics(list(names))
        except KafkaError as error:
            raise unavailable(self._server, error) from error
        return described


def _new_topic(topic: KafkaTopic, partitions: int) -> NewTopic:
    configuration = {"cleanup.policy": "compact"} if topic.compacted else {}
    return NewTopic(topic.name, topic.partitions or partitions, -1, topic_configs=configuration)
