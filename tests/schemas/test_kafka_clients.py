"""A client of Kafka that met no broker: Kafka may be away for days, and is tried again."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from schemas.kafka_clients import connected

FEW_MS = 20


@pytest.fixture(params=["hangs", "refuses"])
def no_broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Whoever lets itself be connected to and never answers, or is not there."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if request.param == "hangs":
            server.listen()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def held() -> tuple[int, list[str]]:
    """Give how many files this process has open, and kafka-python's threads in it."""
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("kafka")]
    return len(list(Path("/proc/self/fd").iterdir())), names


@pytest.mark.parametrize("kind", [KafkaConsumer, KafkaProducer, KafkaAdminClient])
def test_a_client_that_met_no_broker_leaves_neither_thread_nor_descriptor(
    kind: Callable[..., Any], no_broker: str
) -> None:
    before = held()
    for _ in range(3):
        with pytest.raises(KafkaError):
            connected(kind, bootstrap_servers=no_broker, bootstrap_timeout_ms=FEW_MS)
    assert held() == before
