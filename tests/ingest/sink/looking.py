"""What the database says of a batch, for the sink's tests."""

from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from schemas import topics

Database = Connection[TupleRow]


def rows(database: Database, what: str) -> list[TupleRow]:
    return database.execute(f"SELECT {what}".encode()).fetchall()


def stored(database: Database) -> list[int]:
    return [seq for (seq,) in rows(database, "seq FROM vitalwire.blood_pressure ORDER BY seq")]


def held(database: Database) -> list[tuple[int, int]]:
    """Give the ranges in custody, ends included."""
    found = rows(database, "custody FROM vitalwire.gateway_receipts")
    return [(part.lower, part.upper - 1) for (custody,) in found for part in custody]


def offset(database: Database, topic: str = topics.READINGS, partition: int = 0) -> Any:  # noqa: ANN401
    return database.execute(
        "SELECT next_offset FROM vitalwire.kafka_offsets WHERE topic = %s AND partition = %s",
        [topic, partition],
    ).fetchone()
