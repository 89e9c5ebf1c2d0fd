"""What was found is written, however long the broker is away."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from alerts.engine.output import Message, Output
from schemas.errors import UnavailableError
from schemas.topics import ALERTS
from simulators.stack.kafka import EmbeddedKafka

MESSAGES = [Message(ALERTS, b"p1", str(number).encode()) for number in range(5)]

# kafka-python leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def sockets_collected() -> Iterator[None]:
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def create_topic(server: EmbeddedKafka) -> None:
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    admin.create_topics([NewTopic(ALERTS, 1, 1)])
    admin.close()


def written(server: EmbeddedKafka, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=server.bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(ALERTS, 0)])
    values: list[bytes] = []
    while len(values) < count:
        for batch in consumer.poll(500).values():
            values += [one.value for one in batch]
    consumer.close()
    return values


def test_a_broker_that_goes_away_and_forgets_is_written_to_when_it_is_back(tmp_path: Path) -> None:
    waiting_for: list[str | None] = []
    refused = Event()

    def waiting(reason: str | None) -> None:
        waiting_for.append(reason)
        refused.set()

    with EmbeddedKafka(tmp_path) as server:
        create_topic(server)
        with Output(server.bootstrap, "test") as output:
            assert output.write(MESSAGES[:2], Event(), Random(1), waiting)
            server.stop()
            arguments = (MESSAGES, Event(), Random(1), waiting)
            writer = Thread(target=output.write, args=arguments, daemon=True)
            writer.start()
            assert refused.wait(30)
            server.start().wait()
            create_topic(server)
            writer.join(30)
            assert not writer.is_alive()
        assert written(server, len(MESSAGES)) == [one.value for one in MESSAGES]
    assert waiting_for[-1] is None


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    stop = Event()
    with EmbeddedKafka(tmp_path) as server, Output(server.bootstrap, "test") as output:
        server.stop()
        assert not output.write(MESSAGES, stop, Random(1), lambda _: stop.set())


def test_no_broker_is_said_to_be_one() -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        Output("127.0.0.1:9", "test")
