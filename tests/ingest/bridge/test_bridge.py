"""PUBACK only after Kafka, in order, whatever is away; with a real broker on either side."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from typing import Self

import msgspec
import paho.mqtt.client as paho
import pytest
from kafka import KafkaProducer
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest import kafka_clients
from ingest.bridge.bridge import TICK_EVERY_MS, Bridge
from ingest.bridge.opening import Message
from ingest.delivery import Delivery
from ingest.kafka_clients import Topics
from ingest.mqtt_link import MQTT, MqttLink
from ingest.registry.follower import REGISTRY_READ, RegistryFollower, Source
from ingest.waiting import Condition
from schemas import topics
from schemas.kafka import PatientReadings, Rejected, Tick
from schemas.registry import Assignment
from schemas.servers import MqttServer
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from tests.ingest.bridge.wiretap import Wiretap
from tests.ingest.factories import GATEWAY, STREAM, device, message, reading
from tests.kafka_topic import values
from tests.servers import PARTITIONS, HandClock, broker_dies, create_topics, eventually

DEVICE = msgspec.json.encode(device(Assignment("a", "anna", 0)))


@dataclass
class RunningBridge(AbstractContextManager["RunningBridge"]):
    """A bridge in a thread, as the daemon has it."""

    kafka: EmbeddedKafka
    mqtt: EmbeddedMqtt
    clock: HandClock
    condition: Condition = field(default_factory=lambda: Condition(MQTT, "kafka", REGISTRY_READ))
    stop: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        source = Source(
            lambda: Topics(self.kafka.bootstrap),
            lambda: kafka_clients.consumer(self.kafka.bootstrap, "bridge"),
        )
        self.delivery = Delivery(self._producer, self.condition)
        self.registry = RegistryFollower(source, self.condition, self.stop)
        bridge = Bridge(self.delivery, self.registry, self.clock)
        self.tap = Wiretap(self.mqtt.port).__enter__()
        server = MqttServer("127.0.0.1", self.tap.port)
        self.link: MqttLink = bridge.connect(server, "bridge-0", self.condition)
        self.thread = Thread(target=bridge.run, args=(self.stop,))
        self.registry.start()
        self.link.start()
        self.thread.start()
        return self

    def _producer(self) -> KafkaProducer:
        return kafka_clients.producer(self.kafka.bootstrap, "bridge")

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(20)
        self.link.stop()
        self.tap.__exit__()
        self.delivery.close()
        self.registry.join(20)
        assert not self.thread.is_alive()

    def confirmed(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.tap.acknowledged) == count

    def works(self) -> bool:
        return self.condition.reason() is None


class Home(AbstractContextManager["Home"]):
    """A gateway's MQTT client; ``send`` returns when the broker has the message."""

    def __init__(self, mqtt: EmbeddedMqtt) -> None:
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"gateway-{GATEWAY}", protocol=paho.MQTTv5
        )
        self.client.connect("127.0.0.1", mqtt.port)

    def __enter__(self) -> Self:
        self.client.loop_start()
        eventually(self.client.is_connected)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, *messages: Message) -> None:
        for sent in messages:
            properties = Properties(PacketTypes.PUBLISH)
            properties.UserProperty = sent.properties
            info = self.client.publish(
                sent.topic, sent.payload, qos=1, properties=properties, retain=sent.retained
            )
            info.wait_for_publish(20)


@dataclass
class Log:
    """Reads topics from their beginning."""

    kafka: EmbeddedKafka

    def values(self, topic: str) -> list[bytes]:
        return values(self.kafka.bootstrap, topic)

    def numbers(self) -> list[int]:
        """Give the journal numbers of every reading for a patient, in log order."""
        records = [
            msgspec.json.decode(value, type=PatientReadings | Tick)
            for value in self.values(topics.READINGS)
        ]
        return [
            one.reading.seq
            for record in records
            if isinstance(record, PatientReadings)
            for one in record.readings
        ]

    def rejected(self) -> list[Rejected]:
        return [msgspec.json.decode(value, type=Rejected) for value in self.values(topics.REJECTED)]


def register(kafka: EmbeddedKafka) -> None:
    """Publish the cuff's assignment, as the registry's publisher does."""
    producer = kafka_clients.producer(kafka.bootstrap, "test")
    producer.send(topics.REGISTRY, DEVICE, b"device/cuff-1").get(10)
    producer.close()


@pytest.fixture
def bridge(kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, clock: HandClock) -> Iterator[RunningBridge]:
    register(kafka)
    with RunningBridge(kafka, mqtt, clock) as running:
        eventually(running.works)
        yield running


@pytest.fixture
def home(mqtt: EmbeddedMqtt) -> Iterator[Home]:
    with Home(mqtt) as client:
        yield client


@pytest.fixture
def log(kafka: EmbeddedKafka) -> Log:
    return Log(kafka)


def test_readings_are_in_kafka_when_their_message_is_confirmed(
    bridge: RunningBridge, home: Home, log: Log
) -> None:
    home.send(message([reading(1), reading(2)]))
    eventually(bridge.confirmed(1))
    assert log.numbers() == [1, 2]


def test_confirmations_come_in_the_order_of_the_messages(
    bridge: RunningBridge, home: Home, log: Log
) -> None:
    home.send(*(message([reading(number)], number) for number in range(1, 251)))
    eventually(bridge.confirmed(250))
    assert bridge.tap.acknowledged == bridge.tap.received
    assert log.numbers() == list(range(1, 251))


def test_what_cannot_be_confirmed_is_kept_and_the_next_message_passes(
    bridge: RunningBridge, home: Home, log: Log
) -> None:
    broken = message([reading(1)])
    broken.properties[-1] = ("sha256", "0" * 64)
    home.send(broken, message([b'"junk"', reading(3)], 2))
    eventually(bridge.confirmed(2))
    assert log.numbers() == [3]
    assert [(one.reason, one.stream, one.seq) for one in log.rejected()] == [
        ("digest", None, None),
        ("malformed", STREAM, 2),
    ]


def test_a_retained_message_does_not_come_again_with_every_connection(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, clock: HandClock, home: Home
) -> None:
    with RunningBridge(kafka, mqtt, clock) as first:
        eventually(first.works)
        home.send(replace(message([reading(1)]), retained=True))
        eventually(first.confirmed(1))
    with RunningBridge(kafka, mqtt, clock) as second:
        home.send(message([reading(2)], 2))
        eventually(second.confirmed(1))
        assert len(second.tap.received) == 1


@broker_dies
def test_nothing_is_confirmed_while_kafka_is_away_and_all_of_it_afterwards(
    bridge: RunningBridge, home: Home, log: Log, kafka: EmbeddedKafka
) -> None:
    kafka.child.kill()
    home.send(*(message([reading(number)], number) for number in (1, 2)))
    eventually(lambda: "kafka" in (bridge.condition.reason() or ""))
    eventually(lambda: len(bridge.tap.received) == 2)
    assert bridge.tap.acknowledged == []
    kafka.start().wait()
    create_topics(kafka)
    eventually(bridge.confirmed(2), within_s=40)
    assert bridge.tap.acknowledged == bridge.tap.received
    assert log.numbers() == [1, 2]
    eventually(bridge.works)


@broker_dies
def test_a_bridge_that_ended_before_the_confirmation_gets_the_message_again(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, clock: HandClock, home: Home
) -> None:
    register(kafka)
    with RunningBridge(kafka, mqtt, clock) as first:
        eventually(first.works)
        kafka.child.kill()
        home.send(message([reading(1)]))
        eventually(lambda: "kafka" in (first.condition.reason() or ""))
        eventually(lambda: first.tap.received)
    assert first.tap.acknowledged == []
    kafka.start().wait()
    create_topics(kafka)
    register(kafka)
    with RunningBridge(kafka, mqtt, clock) as second:
        eventually(second.confirmed(1))
    assert Log(kafka).numbers() == [1]


def test_messages_wait_in_the_broker_while_there_is_no_bridge(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, clock: HandClock, home: Home, log: Log
) -> None:
    register(kafka)
    with RunningBridge(kafka, mqtt, clock) as first:
        eventually(first.works)
    home.send(message([reading(1)]))
    with RunningBridge(kafka, mqtt, clock) as second:
        eventually(second.confirmed(1))
    assert log.numbers() == [1]


def test_nothing_is_taken_before_the_registry_was_read(
    tmp_path_factory: pytest.TempPathFactory, mqtt: EmbeddedMqtt, clock: HandClock, home: Home
) -> None:
    with (
        EmbeddedKafka(tmp_path_factory.mktemp("bare")) as bare,
        RunningBridge(bare, mqtt, clock) as bridge,
    ):
        eventually(bridge.link.subscribed.is_set)
        home.send(message([reading(1)]))
        eventually(lambda: "registry.v1 does not exist" in (bridge.condition.reason() or ""))
        eventually(lambda: bridge.tap.received)
        assert bridge.tap.acknowledged == []
        create_topics(bare)
        eventually(bridge.confirmed(1))


def test_what_a_lost_connection_brought_does_not_pile_up(
    kafka: EmbeddedKafka, clock: HandClock
) -> None:
    condition = Condition()
    source = Source(lambda: Topics(kafka.bootstrap), lambda: kafka_clients.consumer("", ""))
    registry = RegistryFollower(source, condition, Event())
    delivery = Delivery(lambda: kafka_clients.producer(kafka.bootstrap, "bridge"), condition)
    bridge = Bridge(delivery, registry, clock)  # nobody moves, as if Kafka were away
    for epoch in range(3):
        for _ in range(5):
            bridge._put_aside(epoch, paho.MQTTMessage(topic=b"t"))
    assert bridge._inbox.qsize() == 5


def test_the_bridge_comes_back_when_the_mqtt_broker_does(
    bridge: RunningBridge, mqtt: EmbeddedMqtt, log: Log
) -> None:
    mqtt.child.kill()
    eventually(lambda: "mqtt" in (bridge.condition.reason() or ""))
    mqtt.start().wait()
    eventually(bridge.works)
    with Home(mqtt) as home:
        home.send(message([reading(1)]))
    eventually(bridge.confirmed(1))
    assert log.numbers() == [1]


def test_an_assignment_is_known_as_soon_as_it_is_published(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, clock: HandClock, home: Home, log: Log
) -> None:
    with RunningBridge(kafka, mqtt, clock) as bridge:
        eventually(bridge.works)
        home.send(message([reading(1)]))
        eventually(bridge.confirmed(1))
        register(kafka)
        eventually(lambda: len(bridge.registry.view) == 1)
        home.send(message([reading(2)], 2))
        eventually(bridge.confirmed(2))
    assert log.numbers() == [2]
    assert len(log.values(topics.UNASSIGNED)) == 1


def test_ticks_move_log_time_in_every_partition(
    bridge: RunningBridge, clock: HandClock, log: Log
) -> None:
    def ticks() -> list[int]:
        found = log.values(topics.READINGS)
        return [msgspec.json.decode(value, type=Tick).received_at_ms for value in found]

    eventually(lambda: len(ticks()) == PARTITIONS)
    before_ms = clock.wall_ms()
    clock.pass_ms(TICK_EVERY_MS)
    eventually(lambda: len(ticks()) == 2 * PARTITIONS)
    assert sorted(ticks()) == [before_ms] * PARTITIONS + [clock.wall_ms()] * PARTITIONS
