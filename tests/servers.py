"""Embedded servers for tests: real PostgreSQL, Kafka protocol and MQTT, each test its own data.

PostgreSQL runs once per session; each test finds its migrated database emptied (cloning one costs
half a second). The brokers start in milliseconds and keep everything in memory: each test has its
own. A conftest that imports the fixtures' names has them.
"""

import gc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TypeVar

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ingest import database as databases
from ingest.kafka_clients import Topics
from simulators.stack.directory import stack_directory
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.postgres import EmbeddedPostgres
from simulators.stack.server import KafkaBroker

PARTITIONS = 2
MIGRATIONS = [
    "001_registry",
    "002_custody",
    "003_alerts",
    "004_corrections",
    "005_config",
    "006_rotas",
    "007_care_plans",
    "008_device_tickets",
    "009_known_devices",
    "010_tickets_stay",
    "011_tickets_survive",
]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
_names = (f"test_{number}" for number in count())
_WAIT_S = 20.0

_LOOK_EVERY_S = 0.01


def eventually(condition: Callable[[], object], within_s: float = _WAIT_S) -> None:
    """Wait until something that another process does has happened; fail after a bound."""
    never = Event()
    give_up_s = monotonic() + within_s
    while monotonic() < give_up_s:
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
    """One server for all tests."""
    with EmbeddedPostgres(stack_folder) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_url(postgres: EmbeddedPostgres) -> str:
    """The one database with tables; ``database_url`` gives it emptied."""
    url = new_database(postgres)
    with databases.connect(url, "test") as connection:
        databases.migrate(connection, NOW)
    return url


def new_database(postgres: EmbeddedPostgres) -> str:
    """Make a database with nothing in it."""
    name = next(_names)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return make_conninfo(postgres.url, dbname=name)


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """A database with every table and no row."""
    with psycopg.connect(migrated_url) as connection:
        connection.execute("SET session_replication_role = replica")  # foreign keys wait
        tables = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid"
            " WHERE nspname = 'vitalwire' AND relkind IN ('r', 'p') AND NOT relispartition"
            " AND relname <> 'migrations'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"DELETE FROM vitalwire.{table}".encode())
    return migrated_url


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> str:
    """A database of the test's own with nothing in it."""
    return new_database(postgres)


def empty_kafka(directory: Path) -> EmbeddedKafka:
    """Give a broker without topics, to be entered; ``tests.real.stages``: Apache's."""
    return EmbeddedKafka(directory)


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker of the test's own with every topic."""
    with empty_kafka(tmp_path) as broker:
        create_topics(broker)
        yield broker
    with warnings.catch_warnings():  # now and then kafka-python 3.0.12 loses a socket in close()
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)
        gc.collect()


def create_topics(broker: KafkaBroker) -> None:
    """Create the topics, as ``vitalwire ingest setup`` does."""
    topics = Topics(broker.bootstrap)
    topics.create_missing(PARTITIONS)
    topics.close()


_Test = TypeVar("_Test", bound=Callable[..., None])


def broker_dies(test: _Test) -> _Test:
    """Mark a test during which Kafka is away.

    kafka-python 3.0.12 drops the sockets of refused connections without closing them. They are
    found, and forgiven, before the test ends; in every other test they are an error.
    """
    forgiven = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
    pytest.mark.usefixtures("collected_garbage")(test)
    forgiven(test)
    return test


@pytest.fixture
def collected_garbage() -> Iterator[None]:
    """Find what nobody refers to while the test's own warning filters hold."""
    yield
    gc.collect()


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
