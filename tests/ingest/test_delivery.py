"""What Kafka does not acknowledge is sent again, and the order of the records stays."""

from collections.abc import Iterator
from threading import Event

import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from ingest import kafka_clients
from ingest.delivery import Delivery
from ingest.outgoing import Outgoing
from ingest.waiting import Condition
from schemas.topics import REGISTRY
from simulators.stack.kafka import EmbeddedKafka
from tests.kafka_topic import values


class Unacknowledged:
    """The promise of a record that was lost on its way."""

    is_done = True

    def get(self, timeout: float) -> None:
        raise KafkaTimeoutError(f"not within {timeout} s")


class LossyDelivery:
    """A delivery of which the first sending of one value is lost."""

    def __init__(self, kafka: EmbeddedKafka, lost: bytes) -> None:
        self._bootstrap = kafka.bootstrap
        self._lost: bytes | None = lost
        self.delivery = Delivery(self._connect, Condition())

    def _connect(self) -> KafkaProducer:
        producer = kafka_clients.producer(self._bootstrap, "test")
        send = producer.send

        def lossy_send(topic: str, value: bytes, *rest: object, **more: object) -> object:
            if value == self._lost:
                self._lost = None
                return Unacknowledged()
            return send(topic, value, *rest, **more)

        producer.send = lossy_send
        return producer


@pytest.fixture
def lossy(kafka: EmbeddedKafka) -> Iterator[LossyDelivery]:
    made = LossyDelivery(kafka, lost=b"older")
    yield made
    made.delivery.close()


def test_an_older_entry_that_was_lost_does_not_come_after_its_successor(
    kafka: EmbeddedKafka, lossy: LossyDelivery
) -> None:
    sent = [Outgoing(REGISTRY, b"device/cuff-1", value) for value in (b"0", b"older", b"newer")]
    assert lossy.delivery.deliver(sent, Event())
    assert values(kafka.bootstrap, REGISTRY) == [b"0", b"newer", b"older", b"newer"]
