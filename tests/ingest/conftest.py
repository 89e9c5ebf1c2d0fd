"""What the intake's tests share: embedded servers and connections."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database as databases
from tests.servers import (
    HandClock,
    collected_garbage,
    database_url,
    empty_database_url,
    kafka,
    migrated_url,
    mqtt,
    postgres,
    stack_folder,
)

__all__ = [
    "collected_garbage",
    "database_url",
    "empty_database_url",
    "kafka",
    "migrated_url",
    "mqtt",
    "postgres",
    "stack_folder",
]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection whose every statement is committed at once."""
    opened = databases.connect(database_url, "test")
    opened.autocommit = True
    yield opened
    opened.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def other(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A second connection, to look from outside."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened
