"""Kafka clients as all daemons here need them: durable, impatient, and telling topic ids.

Impatient: a call gives up after seconds, because the daemon itself retries for ever and can say
meanwhile what it waits for. kafka-python's own log is silenced for the same reason.
"""

import logging
from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from schemas.errors import UnavailableError
from schemas.kafka_clients import connected
from schemas.servers import KAFKA_VARIABLE
from schemas.topics import KAFKA_TOPICS, KafkaTopic

GIVE_UP_MS = 3_000
CONNECT_WITHIN_MS = 1_500
SEEN_WITHIN_MS = 10_000
RECORD_BYTES_MAX = 4 * 1024 * 1024
"""Above anything that the bridge can build of one message; the brokers' own limit decides."""

logging.getLogger("kafka").setLevel(logging.CRITICAL)


def unavailable(server: str, error: BaseException) -> UnavailableError:
    """Say that Kafka does not do its work now, and why."""
    return UnavailableError(
        f"Kafka at {server} is not available: {str(error) or type(error).__name__}.",
        f"Check the broker and {KAFKA_VARIABLE}; nothing is lost meanwhile.",
    )


def producer(server: str, client_id: str) -> KafkaProducer:
    """Make a producer whose records are durable once acknowledged; raise ``UnavailableError``."""
    try:
        return connected(
            KafkaProducer,
            bootstrap_servers=server,
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
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
        return connected(
            KafkaConsumer,
            bootstrap_servers=server,
            client_id=client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
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
            self._admin = connected(
                KafkaAdminClient,
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
        """Create the topics that do not exist and wait until all are seen; give the new names.

        What exists is for the controller to say: a broker may still show one that was deleted, and
        not yet one that was created. Raises ``UnavailableError``.
        """
        wanted = [_new_topic(topic, partitions) for topic in KAFKA_TOPICS]
        try:
            answers = self._admin.create_topics(wanted, timeout_ms=GIVE_UP_MS, raise_errors=False)
            created = [topic["name"] for topic in answers["topics"] if _was_created(topic)]
            self._admin.wait_for_topics([topic.name for topic in KAFKA_TOPICS], SEEN_WITHIN_MS)
        except KafkaError as error:
            raise unavailable(self._server, error) from error
        return created

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
    count = topic.partitions or partitions
    return NewTopic(topic.name, count, -1, topic_configs=topic.configuration)


def _was_created(topic: dict[str, Any]) -> bool:
    """Read one answer of the controller; raises ``KafkaError`` unless the topic exists now."""
    error = for_code(topic["error_code"])
    if error is TopicAlreadyExistsError:
        return False
    if error is not NoError:
        raise error(f"{topic['name']}: {topic['error_message']}")
    return True
