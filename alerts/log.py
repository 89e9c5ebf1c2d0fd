"""Reading Kafka topics from chosen offsets, without a group, and noticing when they are re-created.

Kafka errors leave this module as ``UnavailableError`` (try again) or ``TopicsChangedError`` (what
was read belongs to topics that no longer exist: start again).
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import msgspec
import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from prometheus_client import Counter

from alerts.fetched import give_records
from alerts.records import Place, Record, decode
from schemas.errors import InvalidInput, UnavailableError
from schemas.kafka_clients import connected
from schemas.servers import KAFKA_VARIABLE

_CONNECT_TIMEOUT_MS = 5_000
_REQUEST_TIMEOUT_MS = 5_000
_FETCH_WAIT_MS = 100  # bounds how late a record is seen if a broker does not wake a waiting fetch
_POLL_RECORDS_MAX = 500
_WHOLE_RECORDS_MAX = 5_000  # where nothing else is done meanwhile
_POLL_MS = 250
_WAY_OUT = f"Check the server and {KAFKA_VARIABLE}."  # whether it is tried again, its user knows
PARTITION_BYTES_MAX = 4 * 1024 * 1024
"""Of one answer of the broker: each further one is waited for."""

_log = structlog.get_logger()
logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its errors are raised to us, and said once


class TopicsChangedError(UnavailableError):
    """A topic is missing, or was created again while it was read."""


@dataclass(frozen=True, slots=True)
class TopicLife:
    """One life of a topic: a topic created again under its name has another ``topic_id``."""

    name: str
    topic_id: str
    partitions: int

    @property
    def places(self) -> list[Place]:
        """The topic's partitions."""
        return [(self.name, partition) for partition in range(self.partitions)]


class LogRecord(
    msgspec.Struct, frozen=True, gc=False
):  # a dataclass takes ten times as long to make
    """One record, undecoded; ``appended_ms``: the broker's time, or the producer's if it has none.

    Which of the two: the topic's ``message.timestamp.type``.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    appended_ms: int = 0


class Log(AbstractContextManager["Log"]):
    """A connection that reads given topics; use it from one thread."""

    def __init__(
        self,
        bootstrap: str,
        topics: tuple[str, ...],
        client_id: str,
        *,
        partition_bytes_max: int = PARTITION_BYTES_MAX,
    ) -> None:
        """Connect and find the topics' partitions; creates no topic."""
        self._partition_bytes_max = partition_bytes_max
        settings: dict[str, Any] = {
            "bootstrap_servers": bootstrap,
            "client_id": client_id,
            "bootstrap_timeout_ms": _CONNECT_TIMEOUT_MS,
            "request_timeout_ms": _REQUEST_TIMEOUT_MS,
            "reconnect_backoff_max_ms": 1_000,
        }
        with _kafka_errors(f"Kafka at {bootstrap} does not answer"):
            self._admin = connected(KafkaAdminClient, **settings)
            try:
                self._lives = self._describe(topics)
                self._consumer = connected(
                    KafkaConsumer,
                    enable_auto_commit=False,
                    auto_offset_reset="earliest",
                    metrics_enabled=False,
                    **settings,
                    **self._reading(),
                )
            except BaseException:
                self._admin.close()
                raise
        give_records(self._consumer, LogRecord)
        self._partitions = [
            TopicPartition(*place) for life in self._lives.values() for place in life.places
        ]
        self._subscribe()

    def _reading(self) -> dict[str, Any]:
        """Give the consumer's settings: how much it reads at once, as a member of which group."""
        return {
            "group_id": None,
            "fetch_max_wait_ms": _FETCH_WAIT_MS,
            "max_poll_records": _POLL_RECORDS_MAX,
            "max_partition_fetch_bytes": self._partition_bytes_max,
        }

    def _subscribe(self) -> None:
        """Take all partitions."""
        self._consumer.assign(self._partitions)

    def life(self, topic: str) -> TopicLife:
        """Give the life of a topic that this connection reads."""
        return self._lives[topic]

    def seek(self, starts: Mapping[Place, int]) -> None:
        """Read on from these offsets; partitions not named start at their beginning."""
        with _kafka_errors("Kafka does not say where its topics begin"):
            begins = self._consumer.beginning_offsets(self._partitions, _REQUEST_TIMEOUT_MS)
            for partition in self._partitions:
                offset = starts.get((partition.topic, partition.partition), begins[partition])
                self._consumer.seek(partition, max(offset, begins[partition]))

    def read_on(self, place: Place, offset: int | None) -> None:
        """Read one partition on from an offset; None: not for now."""
        partition = TopicPartition(*place)
        if offset is None:
            self._consumer.pause(partition)
            return
        with _kafka_errors("Kafka does not say where its topics begin"):
            begins = self._consumer.beginning_offsets([partition], _REQUEST_TIMEOUT_MS)
        self._consumer.seek(partition, max(offset, begins[partition]))
        self._consumer.resume(partition)

    def read_one(self, place: Place, offset: int, records_max: int) -> tuple[list[LogRecord], int]:
        """Read one partition and no other, from an offset; say where to go on.

        kafka-python 3.0.12 gives of many partitions some far more often than others; and what it
        had fetched of one that is told to wait it may never give.
        """
        partition = TopicPartition(*place)
        if self._consumer.assignment() != {partition}:
            self._consumer.assign([partition])
            self._consumer.seek(partition, offset)
        records = self.poll(_POLL_MS, records_max)
        return records, self._position(place)

    def since(self, topic: str, at_ms: int) -> dict[Place, int]:
        """Find the first offsets appended at or after a time; the end where there is none."""
        partitions = [TopicPartition(*place) for place in self._lives[topic].places]
        with _kafka_errors("Kafka does not find offsets by time"):
            found = self._consumer.offsets_for_times(
                dict.fromkeys(partitions, at_ms), _REQUEST_TIMEOUT_MS
            )
        ends = self.ends()
        places = {(one.topic, one.partition): found.get(one) for one in partitions}
        return {place: hit.offset if hit else ends[place] for place, hit in places.items()}

    def poll(self, timeout_ms: int, records_max: int | None = None) -> list[LogRecord]:
        """Wait so long for records; a broker that is away looks like silence: see ``check``."""
        with _kafka_errors("Kafka does not deliver"):
            batches = self._consumer.poll(timeout_ms=timeout_ms, max_records=records_max)
        return list(chain.from_iterable(batches.values()))

    def ends(self) -> dict[Place, int]:
        """Ask the broker where each partition ends: the offset of the next record to come."""
        with _kafka_errors("Kafka does not answer"):
            ends = self._consumer.end_offsets(self._partitions, _REQUEST_TIMEOUT_MS)
        return {(one.topic, one.partition): offset for one, offset in ends.items()}

    def position(self) -> dict[Place, int]:
        """Give the offset of the record that is read next, by partition."""
        places = ((one.topic, one.partition) for one in self._partitions)
        return {place: self._position(place) for place in places}

    def _position(self, place: Place) -> int:
        with _kafka_errors("Kafka does not answer"):
            offset = self._consumer.position(TopicPartition(*place), _REQUEST_TIMEOUT_MS)
        if offset is None:  # kafka-python says so when its time is up
            raise UnavailableError("Kafka does not say where its topics begin.", _WAY_OUT)
        return int(offset)

    def read_to_end(self, partitions: Iterable[int] | None = None) -> Iterator[list[LogRecord]]:
        """Read all that there is now, poll by poll; what has come meanwhile may be among it.

        ``partitions``: to their ends; None: of all topics all.
        """
        wanted = None if partitions is None else set(partitions)
        ends = {
            place: end for place, end in self.ends().items() if wanted is None or place[1] in wanted
        }
        while any(self._position(place) < end for place, end in ends.items()):
            yield self.poll(_POLL_MS, _WHOLE_RECORDS_MAX)

    def check(self) -> None:
        """Raise ``TopicsChangedError`` unless the topics are those that this connection found."""
        with _kafka_errors("Kafka does not answer"):
            lives = self._describe(tuple(self._lives))
        if lives != self._lives:
            raise TopicsChangedError("The topics were created again.")

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False, timeout_ms=1_000)
        self._admin.close()

    def __enter__(self) -> Self:
        """Nothing to do: connected since it was made."""
        return self

    def _describe(self, topics: tuple[str, ...]) -> dict[str, TopicLife]:
        found = {one["name"]: one for one in self._admin.describe_topics(list(topics))}
        missing = [name for name in topics if not found.get(name, {}).get("partitions")]
        if missing:
            raise TopicsChangedError(
                f"Kafka has no topic {missing[0]}.", "Run `vitalwire ingest setup` once."
            )
        return {
            name: TopicLife(name, str(found[name]["topic_id"]), len(found[name]["partitions"]))
            for name in topics
        }


@contextmanager
def _kafka_errors(sentence: str) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise UnavailableError(f"{sentence}: {type(error).__name__}.", _WAY_OUT) from error


def readable(records: Iterable[LogRecord], rejected: Counter) -> Iterator[tuple[LogRecord, Record]]:
    """Decode what can be; count the rest in ``rejected`` by topic and reason."""
    for one in records:
        try:
            yield one, decode(one.topic, one.key, one.value)
        except InvalidInput as error:
            rejected.labels(one.topic, error.reason).inc()
            _log.warning(
                "record.rejected",
                topic=one.topic,
                partition=one.partition,
                offset=one.offset,
                reason=error.reason,
            )
