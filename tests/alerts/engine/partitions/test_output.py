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

from alerts.engine.partitions.output import Message, Output, Patience
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
            patience = Patience(Event(), Random(1), waiting)
            assert output.write(MESSAGES[:2], patience)
            server.stop()
            arguments = (MESSAGES, patience)
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
        assert not output.write(MESSAGES, Patience(stop, Random(1), lambda _: stop.set()))


def test_who_lost_the_right_to_write_stops_trying(tmp_path: Path) -> None:
    answers = iter([True, True])
    ours = Patience(Event(), Random(1), lambda _: None, lambda: next(answers, False))
    with EmbeddedKafka(tmp_path) as server, Output(server.bootstrap, "test") as output:
        create_topic(server)
        assert output.write(MESSAGES[:2], Patience(Event(), Random(1), lambda _: None))
        assert output.ends == {(ALERTS, 0): 2}
        server.stop()
        assert not output.write(MESSAGES, ours)
