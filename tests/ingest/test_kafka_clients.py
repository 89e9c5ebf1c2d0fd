"""Kafka clients against a broker that no longer answers, or has no topic."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Event

import pytest
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from alerts.engine.partitions.output import Message, Output, Patience
from alerts.feed.actions import ActionWriter
from ingest import kafka_clients
from schemas.alert import Action
from schemas.errors import UnavailableError
from schemas.kafka_clients import hang_up
from schemas.topics import ACTIONS, ALERTS, READINGS
from simulators.stack.kafka import EmbeddedKafka
from tests.servers import eventually


def states(pid: int) -> set[str]:
    """Give the states of a process' threads, each a letter of proc(5)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/stat")
    return {task.read_text().rpartition(")")[2].split()[0] for task in tasks}


@pytest.mark.parametrize("within_s", [0, 0.1])
def test_hanging_up_on_a_deaf_broker_fails_what_is_under_way_and_leaves_no_thread(
    kafka: EmbeddedKafka, within_s: float
) -> None:
    before = set(threading.enumerate())
    producer = kafka_clients.producer(kafka.bootstrap, "test")
    producer.send(READINGS, b"{}").get(timeout=20)
    os.kill(kafka.child.pid, signal.SIGSTOP)
    eventually(lambda: states(kafka.child.pid) == {"T"})
    try:
        promise = producer.send(READINGS, b"{}")
        hang_up(producer, within_s)
    finally:
        os.kill(kafka.child.pid, signal.SIGCONT)
    assert promise.failed()
    assert set(threading.enumerate()) == before


def bridge_sends(bootstrap: str) -> None:
    producer = kafka_clients.producer(bootstrap, "test")
    with pytest.raises(KafkaError):
        producer.send(READINGS, b"{}")
    producer.close()


def sink_reads(bootstrap: str) -> None:
    consumer = kafka_clients.consumer(bootstrap, "test")
    assert not consumer.partitions_for_topic(READINGS)
    consumer.close()


def engine_writes(bootstrap: str) -> None:
    stop = Event()
    with Output(bootstrap, "test") as output:
        patience = Patience(stop, Random(1), lambda _: stop.set())
        assert not output.write([Message(ALERTS, b"p1", b"{}")], patience)


def feed_appends(bootstrap: str) -> None:
    writer = ActionWriter(bootstrap, timeout_s=1)
    with pytest.raises(UnavailableError):
        writer.append(Action("a1", ["a1"], "acknowledge", "nurse", 0, "p1"))
    writer.close()


@pytest.mark.parametrize("ask", [bridge_sends, sink_reads, engine_writes, feed_appends])
def test_who_asks_for_a_topic_that_is_not_there_makes_none(
    tmp_path: Path, ask: Callable[[str], None]
) -> None:
    with EmbeddedKafka(tmp_path) as broker:
        ask(broker.bootstrap)
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        assert not {READINGS, ALERTS, ACTIONS} & set(admin.list_topics())
        admin.close()
