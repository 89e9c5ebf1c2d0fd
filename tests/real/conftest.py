"""The fixtures of the stages' own tests; their brokers are real here, see stages.py."""

from tests.ingest.conftest import (
    clock,
    collected_garbage,
    connection,
    database_url,
    kafka,
    migrated_url,
    mqtt,
    other,
    postgres,
    stack_folder,
)

__all__ = [
    "clock",
    "collected_garbage",
    "connection",
    "database_url",
    "kafka",
    "migrated_url",
    "mqtt",
    "other",
    "postgres",
    "stack_folder",
]
