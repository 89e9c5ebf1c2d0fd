"""The sink as a daemon: Kafka to the database, and receipts to the homes after each commit.

Invariants: an offset moves only in the transaction that stored what it passes; before a batch is
stored the topics' ids are compared, so that no re-created topic is read with an old offset; an
entry that the database refuses is kept as rejected, alone; a batch that takes too long is stored in
parts; whatever else fails, the sink begins again from what the database says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from threading import Event
from time import perf_counter

import psycopg
import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database
from ingest.instants import from_ms
from ingest.kafka_clients import Topics
from ingest.registry.release import release_again
from ingest.sink import metrics, offsets
from ingest.sink.entries import SINK_TOPICS, Arrival, Entry, read, refused
from ingest.sink.offsets import OvertakenError
from ingest.sink.positions import Advance, Bounds, Partition, Start, start_of
from ingest.sink.receipts import ReceiptPublisher
from ingest.sink.store import Stored, store
from ingest.waiting import Condition, until_available
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.kafka import GatewayReport
from schemas.postgresql import one_line
from schemas.topics import READINGS

DATABASE, KAFKA = "database", "kafka"
RECORDS_MAX = 2_000
POLL_MS = 250
LOOK_EVERY_MS = 5_000
PREPARE_EVERY_MS = 24 * 3600 * 1000
_REFUSED = "refused-by-database"
_REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # too long for an index: it will never fit
    OverflowError,
    ValueError,
)
"""What an entry itself causes; whatever else the database says is its own trouble and passes."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Servers:
    """How to reach them; each raises ``UnavailableError``."""

    database: Callable[[], Connection[TupleRow]]
    topics: Callable[[], Topics]
    consumer: Callable[[], KafkaConsumer]


class Sink:
    """Stores until told to stop."""

    def __init__(
        self, servers: Servers, receipts: ReceiptPublisher, condition: Condition, clock: Clock
    ) -> None:
        """Nothing connects before ``run``."""
        self._servers = servers
        self._receipts = receipts
        self._condition = condition
        self._clock = clock
        self._topic_ids: dict[str, str] = {}
        self._next: dict[Partition, int] = {}
        self._prepare_due_ms = 0
        self._look_due_ms = 0

    def run(self, stop: Event) -> None:
        """Store until ``stop``; every failure leads back to what the database says."""
        backoff = Backoff(Random())
        while not stop.is_set():
            connection = until_available(self._servers.database, DATABASE, self._condition, stop)
            topics = until_available(self._servers.topics, KAFKA, self._condition, stop)
            consumer = until_available(self._servers.consumer, KAFKA, self._condition, stop)
            try:
                if connection and topics and consumer:
                    self._begin(connection, topics, consumer)
                    self._condition.good(DATABASE)
                    self._condition.good(KAFKA)
                    while not stop.is_set():
                        self._step(connection, topics, consumer)
                        backoff.reset()
            except psycopg.Error as error:
                self._condition.bad(DATABASE, one_line(error))
            except (KafkaError, OSError, UnavailableError) as error:
                self._condition.bad(KAFKA, str(error) or type(error).__name__)
            except OvertakenError:
                self._condition.bad(DATABASE, "another sink is at work; it was not disturbed")
            finally:
                _close(connection, topics, consumer)
            stop.wait(backoff.next_s())

    def _begin(
        self, connection: Connection[TupleRow], topics: Topics, consumer: KafkaConsumer
    ) -> None:
        """Find out where to resume, and say so in the database where that is a new place."""
        self._topic_ids = topics.ids(SINK_TOPICS)
        missing = sorted(set(SINK_TOPICS) - set(self._topic_ids))
        if missing:
            raise UnavailableError(
                f"Topics do not exist: {', '.join(missing)}.", "Run `vitalwire ingest setup`."
            )
        partitions = [TopicPartition(*partition) for partition in topics.partitions(SINK_TOPICS)]
        consumer.assign(partitions)
        first = consumer.beginning_offsets(partitions)
        end = consumer.end_offsets(partitions)
        with connection.transaction():
            stored = offsets.load(connection)
            starts = {
                (partition.topic, partition.partition): start_of(
                    stored.get((partition.topic, partition.partition)),
                    self._topic_ids[partition.topic],
                    Bounds(first[partition], end[partition]),
                )
                for partition in partitions
            }
            offsets.save(connection, starts, self._topic_ids)
            self._note_starts(connection, starts)
        for partition in partitions:
            consumer.seek(partition, starts[partition.topic, partition.partition].offset)
        self._next = {key: start.offset for key, start in starts.items()}

    def _note_starts(
        self, connection: Connection[TupleRow], starts: dict[Partition, Start]
    ) -> None:
        """Say which partitions do not resume; what flowed into a lost log flows again."""
        moved = {key: start for key, start in starts.items() if start.reason is not None}
        for (topic, partition), start in moved.items():
            metrics.repositioned.labels(start.reason).inc()
            _log.info("sink.positioned", topic=topic, partition=partition, reason=start.reason)
        if any(topic == READINGS for topic, _ in moved):
            release_again(connection, from_ms(self._clock.wall_ms()))

    def _step(
        self, connection: Connection[TupleRow], topics: Topics, consumer: KafkaConsumer
    ) -> None:
        """Take what there is, store it, tell the homes."""
        polled = consumer.poll(timeout_ms=POLL_MS, max_records=RECORDS_MAX)
        now_ms = self._clock.monotonic_ms()
        if polled or now_ms >= self._look_due_ms:
            self._look_due_ms = now_ms + LOOK_EVERY_MS
            if topics.ids(SINK_TOPICS) != self._topic_ids:
                raise UnavailableError("A topic was re-created.", "It is read from its beginning.")
            # A database that went away shows by it, too, while nothing comes.
            self._receipts.look_for_requests(connection)
        if now_ms >= self._prepare_due_ms:
            self._prepare_due_ms = now_ms + PREPARE_EVERY_MS
            database.prepare_storage(connection, from_ms(self._clock.wall_ms()))
        entries: list[Entry] = []
        moves: list[Advance] = []
        for partition, records in polled.items():
            assert records, "kafka-python names only partitions that have something"
            for record in records:
                entries += read(record.topic, record.value, record.timestamp)
            key = (partition.topic, partition.partition)
            topic_id = self._topic_ids[partition.topic]
            moves.append(Advance(*key, topic_id, self._next[key], records[-1].offset + 1))
        if moves:
            self._store(connection, entries, moves)
            self._condition.good(DATABASE)
            for move in moves:
                self._next[move.topic, move.partition] = move.next_offset
        self._receipts.publish(connection)

    def _store(
        self, connection: Connection[TupleRow], entries: Sequence[Entry], moves: Sequence[Advance]
    ) -> None:
        """Store a batch; one that the database refuses is halved until the culprit is alone.

        One that is cancelled because it takes too long is halved too, but no entry is to blame.
        Halves are stored before the offsets move: a crash between them costs only repetitions.
        """
        started = perf_counter()
        now = from_ms(self._clock.wall_ms())
        try:
            stored = store(connection, entries, moves, now)
        except psycopg.errors.QueryCanceled as error:
            if len(entries) <= 1:
                raise
            self._condition.bad(DATABASE, one_line(error))
            self._store_halves(connection, entries, moves)
            return
        except _REFUSALS as error:
            if not entries:
                raise
            if len(entries) > 1:
                self._store_halves(connection, entries, moves)
                return
            metrics.refused.inc()
            _log.warning("sink.refused", reason=type(error).__name__)
            kept = refused(entries[0], _REFUSED, one_line(error))
            if entries[0] == kept:
                raise
            self._store(connection, [kept], moves)
            return
        metrics.batches.observe(perf_counter() - started)
        self._note(stored, entries, now)

    def _store_halves(
        self, connection: Connection[TupleRow], entries: Sequence[Entry], moves: Sequence[Advance]
    ) -> None:
        middle = len(entries) // 2
        self._store(connection, entries[:middle], [move.standing() for move in moves])
        self._store(connection, entries[middle:], moves)

    def _note(self, stored: Stored, entries: Sequence[Entry], now: datetime) -> None:
        for outcome, count in stored.outcomes.items():
            metrics.entries.labels(outcome).inc(count)
        for entry in entries:
            if isinstance(entry, Arrival):
                received = from_ms(entry.stamped.stamp.received_at_ms)
                metrics.delay.observe(max((now - received).total_seconds(), 0.0))
            elif isinstance(entry, GatewayReport):
                self._receipts.note_report(entry)
        self._receipts.note(stored.gateways)


def _close(
    connection: Connection[TupleRow] | None, topics: Topics | None, consumer: KafkaConsumer | None
) -> None:
    if connection is not None:
        connection.close()
    if topics is not None:
        topics.close()
    if consumer is not None:
        consumer.close(autocommit=False)
