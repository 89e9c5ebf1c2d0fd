"""A sink that a test steps by hand, between a real Kafka and a real database."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from kafka import KafkaConsumer, KafkaProducer
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import kafka_clients
from ingest.daemons import sink_connection
from ingest.kafka_clients import Topics
from ingest.mqtt_link import MqttLink, Session
from ingest.registry.assignments import NewAssignment
from ingest.registry.store import RegistryStore
from ingest.sink.receipts import ReceiptPublisher
from ingest.sink.sink import Servers, Sink
from ingest.waiting import Condition
from schemas.registry import PatientEntry
from schemas.servers import MqttServer
from simulators.stack.kafka import EmbeddedKafka
from tests.ingest.factories import CUFF
from tests.servers import NOW, HandClock, create_topics

STEPS_MAX = 100


@dataclass
class SteppedSink:
    """One incarnation of the sink; ``drain`` stores everything that Kafka has."""

    sink: Sink
    connection: Connection[TupleRow]
    topics: Topics
    consumer: KafkaConsumer

    def begin(self) -> None:
        self.sink._begin(self.connection, self.topics, self.consumer)

    def step(self) -> None:
        self.sink._step(self.connection, self.topics, self.consumer)

    def drain(self) -> None:
        for _ in range(STEPS_MAX):
            partitions = self.consumer.assignment()
            ends = self.consumer.end_offsets(partitions)
            if all(
                self.sink._next[tuple(partition)] == ends[partition] for partition in partitions
            ):
                return
            self.step()
        pytest.fail("the sink does not come to the end")

    def close(self) -> None:
        self.connection.close()
        self.topics.close()
        self.consumer.close(autocommit=False)


@dataclass
class Bench:
    """Makes sinks and feeds them."""

    url: str
    kafka: EmbeddedKafka
    clock: HandClock
    producer: KafkaProducer
    opened: list[SteppedSink] = field(default_factory=list)

    def servers(self) -> Servers:
        return Servers(
            database=lambda: sink_connection(self.url),
            topics=lambda: Topics(self.kafka.bootstrap),
            consumer=lambda: kafka_clients.consumer(self.kafka.bootstrap, "sink"),
        )

    def sink(self, link: MqttLink | None = None) -> SteppedSink:
        """Start a sink; without a link its receipts wait for ever."""
        condition = Condition()
        never = link or MqttLink(MqttServer("127.0.0.1", 9), Session("sink"), condition)
        servers = self.servers()
        made = SteppedSink(
            Sink(servers, ReceiptPublisher(never), condition, self.clock),
            servers.database(),
            servers.topics(),
            servers.consumer(),
        )
        self.opened.append(made)
        made.begin()
        return made

    def wipe_kafka(self) -> None:
        """Restart the broker, which keeps everything in memory: every topic is another then."""
        self.producer.close()
        self.kafka.child.kill()
        self.kafka.start().wait()
        create_topics(self.kafka)
        self.producer = kafka_clients.producer(self.kafka.bootstrap, "test")

    def send(self, topic: str, *values: bytes, partition: int = 0) -> None:
        for value in values:
            self.producer.send(topic, value, b"key", partition=partition).get(10)


@pytest.fixture
def bench(database_url: str, kafka: EmbeddedKafka, clock: HandClock) -> Iterator[Bench]:
    made = Bench(database_url, kafka, clock, kafka_clients.producer(kafka.bootstrap, "test"))
    yield made
    made.producer.close()
    for opened in made.opened:
        opened.close()


@pytest.fixture(autouse=True)
def registry(other: Connection[TupleRow]) -> RegistryStore:
    """Two patients; the cuff is p-1's."""
    store = RegistryStore(other, "test", NOW)
    for name in ("p-1", "p-2"):
        store.add_patient(PatientEntry(name, name))
    store.add_device("cuff-1", CUFF)
    store.assign(NewAssignment("cuff-1", "p-1", 0))
    other.execute("DELETE FROM vitalwire.outbox")
    return store
