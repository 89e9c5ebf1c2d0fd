"""Kafka clients against a broker that no longer answers."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaProducer

from alerts import producers
from ingest import kafka_clients
from schemas.topics import READINGS
from simulators.stack.kafka import EmbeddedKafka
from tests.servers import eventually


def states(pid: int) -> set[str]:
    """Give the states of a process' threads, each a letter of proc(5)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/stat")
    return {task.read_text().rpartition(")")[2].split()[0] for task in tasks}


@pytest.mark.parametrize(
    "hang_up", [kafka_clients.hang_up, producers.hang_up], ids=["ingest", "alerts"]
)
@pytest.mark.parametrize("within_s", [0, 0.1])
def test_hanging_up_on_a_deaf_broker_fails_what_is_under_way_and_leaves_no_thread(
    kafka: EmbeddedKafka, hang_up: Callable[[KafkaProducer, float], None], within_s: float
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
