"""Embedded servers for tests: real PostgreSQL, Kafka protocol and MQTT, each test its own data.

Use them from a conftest: ``from tests.servers import *`` would hide what is used; name them.
PostgreSQL runs once per session, and each test gets a database cloned from a migrated one. The
brokers start in milliseconds and keep everything in memory: each test has its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ingest import database as databases
from ingest.kafka_clients import Topics
from simulators.stack.directory import stack_directory
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.postgres import EmbeddedPostgres

PARTITIONS = 2
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
_TEMPLATE = "migrated"
_names = (f"test_{number}" for number in count())
_WAIT_S = 20.0
_LOOK_EVERY_S = 0.01


def eventually(condition: Callable[[], object], within_s: float = _WAIT_S) -> None:
    """Wait until something that another process does has happened; fail after a bound."""
    never = Event()
    for _ in range(int(within_s / _LOOK_EVERY_S)):
        if condition():
            return
        never.wait(_LOOK_EVERY_S)
    pytest.fail(f"did not happen within {within_s} s")


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A directory that PostgreSQL's own user can pass through."""
    with stack_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def postgres(stack_folder: Path) -> Iterator[EmbeddedPostgres]:
    """One server for all tests, with a migrated database to clone."""
    with EmbeddedPostgres(stack_folder) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        with databases.connect(make_conninfo(server.url, dbname=_TEMPLATE), "test") as connection:
            databases.migrate(connection, NOW)
        yield server


def _new_database(postgres: EmbeddedPostgres, template: str) -> str:
    name = next(_names)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return make_conninfo(postgres.url, dbname=name)


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> str:
    """A database of the test's own, migrated."""
    return _new_database(postgres, _TEMPLATE)


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> str:
    """A database of the test's own with nothing in it."""
    return _new_database(postgres, "template1")


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker of the test's own with every topic."""
    with EmbeddedKafka(tmp_path) as broker:
        create_topics(broker)
        yield broker


def create_topics(broker: EmbeddedKafka) -> None:
    """Create the topics, as ``vitalwire ingest setup`` does."""
    topics = Topics(broker.bootstrap)
    topics.create_missing(PARTITIONS)
    topics.close()


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[EmbeddedMqtt]:
    """A broker of the test's own."""
    with EmbeddedMqtt(tmp_path) as broker:
        yield broker


@dataclass
class HandClock:
    """A clock that tests move by hand."""

    now_ms: int = 1_795_334_400_000  # NOW
    up_ms: int = 1_000_000
    boot_id: str = "b" * 32

    def monotonic_ms(self) -> int:
        return self.up_ms

    def wall_ms(self) -> int:
        return self.now_ms

    def synchronised(self) -> bool:
        return True

    def pass_ms(self, elapsed_ms: int) -> None:
        self.now_ms += elapsed_ms
        self.up_ms += elapsed_ms
