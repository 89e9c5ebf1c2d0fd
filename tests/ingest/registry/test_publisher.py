"""The outbox reaches Kafka in order, and a new topic gets the registry whole."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from threading import Event, Thread
from typing import Self

import pytest
from kafka import KafkaProducer, TopicPartition
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import kafka_clients
from ingest.delivery import Delivery
from ingest.kafka_clients import Topics
from ingest.registry.assignments import NewAssignment
from ingest.registry.publisher import DATABASE, Publisher
from ingest.registry.store import RegistryStore
from ingest.waiting import Condition
from schemas import topics
from schemas.registry import REGISTRY_DECODER, DeviceEntry, PatientEntry
from simulators.stack.kafka import EmbeddedKafka
from tests.ingest.factories import CUFF
from tests.servers import NOW, broker_dies, create_topics, eventually


class RunningPublisher(AbstractContextManager["RunningPublisher"]):
    """A publisher in a thread, as the daemon has it."""

    def __init__(self, url: str, kafka: EmbeddedKafka) -> None:
        self.condition = Condition()
        self.stop = Event()
        self._bootstrap = kafka.bootstrap
        publisher = Publisher(url, Delivery(self._producer, self.condition), self.condition)
        self.thread = Thread(
            target=publisher.run, args=(lambda: Topics(self._bootstrap), self.stop)
        )

    def _producer(self) -> KafkaProducer:
        return kafka_clients.producer(self._bootstrap, "registry")

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def published(kafka: EmbeddedKafka, topic: str = topics.REGISTRY) -> list[tuple[str, bytes]]:
    """Read keys and values of a topic's first partition."""
    consumer = kafka_clients.consumer(kafka.bootstrap, "test")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    found: list[tuple[str, bytes]] = []
    while consumer.position(partition) < end:
        records = consumer.poll(timeout_ms=200).get(partition, ())
        found += [(record.key.decode(), record.value) for record in records]
    consumer.close(autocommit=False)
    return found


def is_told(other: Connection[TupleRow]) -> bool:
    """Whether the outbox is empty: a record is in Kafka some time before."""
    return other.execute("SELECT count(*) FROM vitalwire.outbox").fetchone() == (0,)


def keys(kafka: EmbeddedKafka) -> list[str]:
    return [key for key, _ in published(kafka)]


@pytest.fixture
def store(connection: Connection[TupleRow]) -> RegistryStore:
    return RegistryStore(connection, "test", NOW)


@pytest.fixture
def running(
    store: RegistryStore, database_url: str, kafka: EmbeddedKafka
) -> Iterator[RunningPublisher]:
    store.add_patient(PatientEntry("anna", "Blue Heron"))
    store.add_device("cuff-1", CUFF)
    with RunningPublisher(database_url, kafka) as publisher:
        eventually(lambda: keys(kafka) == ["patient/anna", "device/cuff-1"])
        yield publisher


def test_a_new_topic_gets_the_registry_once_and_whole(
    running: RunningPublisher, other: Connection[TupleRow], kafka: EmbeddedKafka
) -> None:
    eventually(lambda: is_told(other))
    eventually(lambda: running.condition.reason() is None)
    assert keys(kafka) == ["patient/anna", "device/cuff-1"]


def test_an_edit_is_published_at_once_and_in_order(
    running: RunningPublisher,
    store: RegistryStore,
    other: Connection[TupleRow],
    kafka: EmbeddedKafka,
) -> None:
    store.assign(NewAssignment("cuff-1", "anna", 1_000))
    store.unassign("cuff-1", 2_000)
    eventually(lambda: len(keys(kafka)) == 4)
    entries = [REGISTRY_DECODER.decode(value) for _, value in published(kafka)]
    devices = [entry for entry in entries if isinstance(entry, DeviceEntry)]
    assert [[one.valid_until_ms for one in entry.assignments] for entry in devices] == [
        [],
        [None],
        [2_000],
    ]
    eventually(lambda: is_told(other))


@broker_dies
def test_a_topic_that_was_re_created_gets_the_registry_again(
    running: RunningPublisher,
    store: RegistryStore,
    other: Connection[TupleRow],
    kafka: EmbeddedKafka,
) -> None:
    store.assign(NewAssignment("cuff-1", "anna", 1_000))
    eventually(lambda: len(keys(kafka)) == 3)
    eventually(lambda: is_told(other))  # else it would be said once more behind the whole
    kafka.child.kill()
    kafka.start().wait()
    create_topics(kafka)
    eventually(lambda: keys(kafka) == ["patient/anna", "device/cuff-1"])
    last = REGISTRY_DECODER.decode(published(kafka)[-1][1])
    assert isinstance(last, DeviceEntry)
    assert [one.patient_id for one in last.assignments] == ["anna"]


def test_a_second_publisher_stands_by(
    running: RunningPublisher, database_url: str, store: RegistryStore, kafka: EmbeddedKafka
) -> None:
    with RunningPublisher(database_url, kafka) as second:
        eventually(lambda: "Another publisher" in (second.condition.reason() or ""))
        assert DATABASE in (second.condition.reason() or "")
        store.add_patient(PatientEntry("ben", "Red Fox"))
        eventually(lambda: keys(kafka)[-1] == "patient/ben")
        running.stop.set()
        eventually(lambda: second.condition.reason() is None)


def test_released_readings_go_to_their_own_topic(
    running: RunningPublisher, other: Connection[TupleRow], kafka: EmbeddedKafka
) -> None:
    other.execute(
        "INSERT INTO vitalwire.outbox (topic, key, value) VALUES (%s, 'anna', '{}')",
        [topics.REJECTED],
    )
    eventually(lambda: published(kafka, topics.REJECTED) == [("anna", b"{}")])
