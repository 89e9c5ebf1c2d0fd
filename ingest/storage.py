"""How a vital's table is cut by time: TimescaleDB's hypertables, or plain partitions.

Only this differs between the two databases; it is chosen by what the server offers. A row of any
instant always finds a place: hypertables make chunks as rows come, plain tables have a default
partition for what lies outside of the months made ahead.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ingest.tables import SCHEMA, create_table, current_name, table_name
from schemas.vitals import Vital

CHUNK_DAYS = 30
COMPRESS_AFTER_DAYS = 7
MONTHS_BEFORE = 2
MONTHS_AHEAD = 3


class TimeStorage(Protocol):
    """Makes a vital's table and keeps it ready for the time that comes."""

    def prepare(self, connection: Connection[TupleRow], vital: Vital, now: datetime) -> None:
        """Make the table if it is missing and what the coming months need; idempotent."""


class Hypertables:
    """TimescaleDB.

    Rows older than a week are compressed, ordered by patient and time, segmented by nothing: at
    a few readings a day, segments per patient make the data larger.
    """

    def prepare(
        self,
        connection: Connection[TupleRow],
        vital: Vital,
        now: datetime,  # noqa: ARG002  (chunks come by themselves; the other kind needs it)
    ) -> None:
        """Make the hypertable, its compression and the policy that compresses."""
        for statement in create_table(vital, partitioned=False, shown=_shown(connection, vital)):
            connection.execute(statement.encode())
        compressing = connection.execute(
            "SELECT FROM timescaledb_information.hypertables WHERE hypertable_schema = %s"
            " AND hypertable_name = %s AND compression_enabled",
            [SCHEMA, vital.name],
        ).fetchone()
        if compressing is None:  # once chunks are compressed, their order cannot be set again
            for statement in hypertable_statements(vital):
                connection.execute(statement.encode())


def hypertable_statements(vital: Vital) -> tuple[str, ...]:
    """Give TimescaleDB's statements for a table that exists (TimescaleDB 2.13 and later).

    An empty ``segmentby`` means none; one left out lets TimescaleDB choose from the indexes, which
    before 2.20 takes patient_id and then refuses to order by it too (its issue 8030).
    """
    table = table_name(vital)
    return (
        (
            f"SELECT create_hypertable('{table}', by_range('time', INTERVAL '{CHUNK_DAYS} days'),"
            " create_default_indexes => false, if_not_exists => true)"
        ),
        (
            f"ALTER TABLE {table} SET (timescaledb.compress,"
            " timescaledb.compress_segmentby = '',"
            " timescaledb.compress_orderby = 'patient_id, time DESC')"
        ),
        (
            f"SELECT add_compression_policy('{table}', INTERVAL '{COMPRESS_AFTER_DAYS} days',"
            " if_not_exists => true)"
        ),
    )


class PlainPartitions:
    """PostgreSQL alone: a partition a month, made ahead, and a default one that takes the rest."""

    def prepare(self, connection: Connection[TupleRow], vital: Vital, now: datetime) -> None:
        """Make the table, its default partition, and the months around ``now``."""
        for statement in create_table(vital, partitioned=True, shown=_shown(connection, vital)):
            connection.execute(statement.encode())
        parent = sql.Identifier(SCHEMA, vital.name)
        default = sql.Identifier(SCHEMA, f"{vital.name}_default")
        connection.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} DEFAULT").format(default, parent)
        )
        for first, after in months_around(now):
            name = f"{vital.name}_{first:%Y_%m}"
            known = connection.execute(
                "SELECT to_regclass(%s) IS NOT NULL", [f"{SCHEMA}.{name}"]
            ).fetchone()
            if known != (True,):
                _attach_month(connection, vital, name, (first, after))


def _shown(connection: Connection[TupleRow], vital: Vital) -> frozenset[str]:
    """Name the columns that the vital's view shows; none if there is no view."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0",
        [current_name(vital)],
    )
    return frozenset(name for (name,) in rows)


def months_around(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give first instant and end of the months from MONTHS_BEFORE until MONTHS_AHEAD, in UTC."""
    months = now.year * 12 + now.month - 1
    for month in range(months - MONTHS_BEFORE, months + MONTHS_AHEAD + 1):
        yield _first_of(month), _first_of(month + 1)


def _first_of(months: int) -> datetime:
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def _attach_month(
    connection: Connection[TupleRow], vital: Vital, name: str, bounds: tuple[datetime, datetime]
) -> None:
    """Make a month's partition; rows of it that the default partition took move there first.

    PostgreSQL refuses a partition whose rows lie in the default one.
    """
    names = {
        "parent": sql.Identifier(SCHEMA, vital.name),
        "default": sql.Identifier(SCHEMA, f"{vital.name}_default"),
        "month": sql.Identifier(SCHEMA, name),
        "first": sql.Literal(bounds[0]),
        "after": sql.Literal(bounds[1]),
    }
    for statement in (
        "LOCK TABLE {parent} IN ACCESS EXCLUSIVE MODE",
        "CREATE TABLE {month} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        (
            "WITH moved AS (DELETE FROM {default} WHERE time >= {first} AND time < {after}"
            " RETURNING *) INSERT INTO {month} SELECT * FROM moved"
        ),
        "ALTER TABLE {parent} ATTACH PARTITION {month} FOR VALUES FROM ({first}) TO ({after})",
    ):
        connection.execute(sql.SQL(statement).format(**names))


def choose(connection: Connection[TupleRow]) -> TimeStorage:
    """Take hypertables where the server offers them, unless plain tables hold data already."""
    offered = connection.execute(
        "SELECT FROM pg_available_extensions WHERE name = 'timescaledb'"
    ).fetchone()
    plain = connection.execute(
        "SELECT FROM pg_partitioned_table JOIN pg_class ON partrelid = pg_class.oid"
        " JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE nspname = %s",
        [SCHEMA],
    ).fetchone()
    if offered is None or plain is not None:
        return PlainPartitions()
    connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return Hypertables()
