"""`ingest setup` where the server offers TimescaleDB: the very calls, on a real TimescaleDB.

Left out: what only a server with workers can show (the policies at work) and the sink's binary
COPY, which this build of PostgreSQL does not speak; rows come by INSERT.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database as databases
from ingest.redecode.derived import layout_of
from ingest.redecode.selection import Selection, batches, windows
from ingest.storage import CHUNK_DAYS, COMPRESS_AFTER_DAYS, Hypertables, choose
from ingest.tables import SCHEMA, copied_columns, create_table, table_name
from schemas.vitals import VITALS, Vital
from simulators.stack.directory import stack_directory
from tests.real.timescale.database import TimescaleInWebAssembly
from tests.servers import MIGRATIONS, NOW

pytestmark = pytest.mark.timeout(120)

ALL = pytest.mark.parametrize("vital", VITALS.values(), ids=VITALS.keys())
PATIENTS = 5
LAST_MONTHS_ROWS = 50
VALUES = {
    "timestamptz": NOW,
    "uuid": uuid4(),
    "text": "text",
    "text[]": ["a", "b"],
    "jsonb": "{}",
    "bytea": b"\x00\xff",
}


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection[TupleRow]]:
    """A database that `ingest setup` has prepared."""
    with (
        stack_directory() as directory,
        TimescaleInWebAssembly(directory) as server,
        databases.connect(server.url, "test") as connection,
    ):
        connection.autocommit = True
        assert databases.migrate(connection, NOW) == MIGRATIONS
        yield connection


def ask(connection: Connection[TupleRow], question: str, *values: object) -> list[TupleRow]:
    return connection.execute(question.encode(), values).fetchall()


def insert(connection: Connection[TupleRow], vital: Vital, **given: object) -> None:
    """Store a row in which every column has a value of its type."""
    columns = dict(copied_columns(vital))
    row: dict[str, Any] = {name: VALUES.get(kind, 7) for name, kind in columns.items()} | given
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    statement = f"INSERT INTO {SCHEMA}.{vital.name} ({names}) VALUES ({places})"
    connection.execute(statement.encode(), list(row.values()))


def test_the_server_is_what_this_test_is_about(connection: Connection[TupleRow]) -> None:
    assert isinstance(choose(connection), Hypertables)
    ((version,),) = ask(
        connection, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
    )
    assert version.startswith("2.23")


def test_setup_can_be_repeated(connection: Connection[TupleRow]) -> None:
    assert databases.migrate(connection, NOW) == []
    databases.check_tables(connection)


@ALL
def test_a_vitals_table_is_a_hypertable_that_compresses(
    connection: Connection[TupleRow], vital: Vital
) -> None:
    assert ask(
        connection,
        "SELECT column_name, time_interval FROM timescaledb_information.dimensions"
        " WHERE hypertable_schema = %s AND hypertable_name = %s",
        SCHEMA,
        vital.name,
    ) == [("time", timedelta(days=CHUNK_DAYS))]
    assert ask(
        connection,
        "SELECT config->>'compress_after' FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_compression' AND hypertable_name = %s",
        vital.name,
    ) == [(f"{COMPRESS_AFTER_DAYS} days",)]


@ALL
def test_rows_of_any_time_find_a_chunk_and_survive_compression(
    connection: Connection[TupleRow], vital: Vital
) -> None:
    long_ago = NOW - timedelta(days=3650)
    insert(connection, vital, time=NOW, patient_id="now")
    insert(connection, vital, time=long_ago, patient_id="long-ago")
    for number in range(LAST_MONTHS_ROWS):
        at = NOW - timedelta(days=40, minutes=number)
        insert(connection, vital, time=at, patient_id=f"p-{number % PATIENTS}")
    everything = f"SELECT * FROM {SCHEMA}.{vital.name} ORDER BY time, patient_id"
    before = ask(connection, everything)
    compressed = ask(
        connection,
        "SELECT compress_chunk(chunk) FROM show_chunks(%s::regclass, older_than => %s) AS chunk",
        f"{SCHEMA}.{vital.name}",
        NOW - timedelta(days=COMPRESS_AFTER_DAYS),
    )
    assert len(compressed) >= 2
    settings = ask(
        connection,
        "SELECT DISTINCT segmentby, orderby FROM timescaledb_information.chunk_compression_settings"
        " WHERE hypertable = %s::regclass",
        f"{SCHEMA}.{vital.name}",
    )
    assert settings == [("", 'patient_id,"time" DESC')]
    assert ask(connection, everything) == before
    assert len(before) == LAST_MONTHS_ROWS + 2
    insert(connection, vital, time=long_ago, patient_id="later still")  # into a compressed chunk
    assert len(ask(connection, everything)) == len(before) + 1


@ALL
def test_a_compressed_table_gets_the_columns_of_a_later_release(
    connection: Connection[TupleRow], vital: Vital
) -> None:
    """Under other names: a fresh table has them, and a compressed one gives none up."""
    added = [text for text in create_table(vital, partitioned=False) if "ADD COLUMN" in text]
    for name in ("device_model", "version"):
        (statement,) = (text for text in added if f" {name} " in text)
        connection.execute(statement.replace(f" {name} ", f" later_{name} ").encode())
    found = ask(
        connection, f"SELECT DISTINCT later_version, later_device_model FROM {table_name(vital)}"
    )
    assert found == [(1, None)]


@ALL
def test_redecode_reads_the_newest_versions_of_compressed_rows(
    connection: Connection[TupleRow], vital: Vital
) -> None:
    name, at = uuid4(), NOW - timedelta(days=40, minutes=5)
    insert(connection, vital, time=at, reading_id=name, version=1)
    insert(connection, vital, time=at, reading_id=name, version=2)
    ((audit_id,),) = ask(
        connection,
        "INSERT INTO vitalwire.audit_log (who, action, subject) VALUES ('a', 'b', 'c')"
        " RETURNING audit_id",
    )
    connection.execute(
        "INSERT INTO vitalwire.corrections VALUES (%s, 2, %s, '{}', '', %s)",
        [name, vital.name, audit_id],
    )
    layout, selection = layout_of(vital), Selection([vital], until=NOW - timedelta(days=30))
    rows = [
        row
        for window in windows(connection, vital, selection)
        for batch in batches(connection, layout, selection, window)
        for row in batch
    ]
    found = [row.version for row in rows if row.values[layout.place("reading_id")] == name]
    assert found == [2]
    assert len(rows) > LAST_MONTHS_ROWS


def test_the_registry_refuses_two_patients_at_once_here_too(
    connection: Connection[TupleRow],
) -> None:
    connection.execute("INSERT INTO vitalwire.patients (patient_id, pseudonym) VALUES ('a', 'A')")
    connection.execute("INSERT INTO vitalwire.patients (patient_id, pseudonym) VALUES ('b', 'B')")
    connection.execute(
        "INSERT INTO vitalwire.devices (device_id, address) VALUES ('cuff', 'C0:FF:EE:00:00:01')"
    )
    assign = (
        "INSERT INTO vitalwire.assignments VALUES"
        " (gen_random_uuid(), 'cuff', %s, '[0,256)', '[2026-01-01, 2026-02-01)')"
    )
    connection.execute(assign, ["a"])
    with pytest.raises(psycopg.errors.ExclusionViolation):
        connection.execute(assign, ["b"])
