from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database
from ingest.storage import months_around
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.vitals import VITALS
from tests.servers import MIGRATIONS, NOW

_ROW = """
INSERT INTO vitalwire.glucose (time, patient_id, device_id, reading_id, outcome, attributes,
    session_id, time_quality, time_earliest, time_latest, captured_at, received_at, gateway_id,
    stream, seq, characteristic, raw)
VALUES (%(time)s, 'p', 'd', gen_random_uuid(), 'measured', '{}', 's', 'receipt', %(time)s, %(time)s,
    %(time)s, %(time)s, 'g', 's', 1, '2a18', '')
"""


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Connection[TupleRow]]:
    with database.connect(empty_database_url, "test") as connection:
        yield connection


@pytest.fixture
def own(empty: Connection[TupleRow]) -> Connection[TupleRow]:
    """A migrated database that the test may alter."""
    database.migrate(empty, NOW)
    return empty


def partitions(connection: Connection[TupleRow]) -> dict[str, int]:
    rows = connection.execute(
        "SELECT tableoid::regclass::text, count(*) FROM vitalwire.glucose GROUP BY 1"
    )
    return {name.split(".")[-1]: number for name, number in rows}


def test_setting_up_twice_changes_nothing(empty: Connection[TupleRow]) -> None:
    assert database.migrate(empty, NOW) == MIGRATIONS
    assert database.migrate(empty, NOW) == []
    database.check_tables(empty)


def test_two_setups_at_once_wait_for_each_other(empty_database_url: str) -> None:
    def setup(_: int) -> list[str]:
        with database.connect(empty_database_url, "test") as connection:
            return database.migrate(connection, NOW)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(len, pool.map(setup, range(2)))) == [0, len(MIGRATIONS)]


def test_a_migration_that_was_edited_afterwards_is_refused(
    empty: Connection[TupleRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in database._MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(database, "_MIGRATIONS", tmp_path)
    database.migrate(empty, NOW)
    with (tmp_path / "002_custody.sql").open("a") as migration:
        migration.write("-- one more thought")
    with pytest.raises(MisconfiguredError, match="002_custody differs"):
        database.migrate(empty, NOW)


@pytest.mark.parametrize("year", [1, 1970, 2026, 9999])
def test_a_row_of_any_year_finds_a_place(connection: Connection[TupleRow], year: int) -> None:
    connection.execute(_ROW, {"time": datetime(year, 6, 15, tzinfo=UTC)})
    assert sum(partitions(connection).values()) == 1


def test_a_new_month_takes_over_what_the_default_partition_held(own: Connection[TupleRow]) -> None:
    own.execute(_ROW, {"time": NOW + timedelta(days=365)})
    own.execute(_ROW, {"time": NOW + timedelta(days=800)})
    assert partitions(own) == {"glucose_default": 2}
    database.prepare_storage(own, NOW + timedelta(days=365))
    assert partitions(own) == {"glucose_2027_11": 1, "glucose_default": 1}


def test_months_follow_each_other_across_the_year() -> None:
    months = list(months_around(datetime(2026, 12, 31, tzinfo=UTC)))
    assert [first for first, _ in months][1:] == [after for _, after in months][:-1]
    assert months[0][0] == datetime(2026, 10, 1, tzinfo=UTC)
    assert months[-1][1] == datetime(2027, 4, 1, tzinfo=UTC)


def test_a_column_of_another_type_is_refused_before_any_copy(own: Connection[TupleRow]) -> None:
    own.execute("DROP VIEW vitalwire.glucose_current")
    own.execute("ALTER TABLE vitalwire.glucose ALTER COLUMN glucose TYPE bigint")
    with pytest.raises(MisconfiguredError, match=r"glucose\.glucose is int8, not float8"):
        database.check_tables(own)


def test_a_new_quantity_of_a_vital_becomes_a_column(own: Connection[TupleRow]) -> None:
    own.execute("ALTER TABLE vitalwire.blood_pressure DROP COLUMN pulse_received CASCADE")
    with pytest.raises(UnavailableError, match="pulse_received does not exist"):
        database.check_tables(own)
    database.prepare_storage(own, NOW)
    database.check_tables(own)


def test_every_vital_has_its_table(connection: Connection[TupleRow]) -> None:
    for name in VITALS:
        connection.execute(f"SELECT FROM vitalwire.{name}".encode())


def test_an_address_that_is_none_is_the_operator_s_fault() -> None:
    with pytest.raises(MisconfiguredError, match="no connection string"):
        database.connect("postgresql://%%%", "test")


def test_a_server_that_is_away_is_nobody_s_fault(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="not available"):
        database.connect(f"postgresql://nobody@/none?host={tmp_path}", "test")


def test_the_database_itself_refuses_two_patients_at_once(connection: Connection[TupleRow]) -> None:
    connection.execute(
        "INSERT INTO vitalwire.patients (patient_id, pseudonym) VALUES ('a', 'A'), ('b', 'B')"
    )
    connection.execute(
        "INSERT INTO vitalwire.devices (device_id, address) VALUES ('d', 'C0:FF:EE:00:00:01')"
    )
    assign = (
        "INSERT INTO vitalwire.assignments VALUES (gen_random_uuid(), 'd', %s, %s::int4range,"
        " %s::tstzrange)"
    )
    connection.execute(assign, ["a", "[0,256)", "[2026-01-01,2026-02-01)"])
    connection.execute(assign, ["b", "[0,256)", "[2026-02-01,)"])
    for slots in ("[0,256)", "[3,4)"):
        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute(assign, ["b", slots, "[2026-01-31,2026-02-01)"])


def test_a_table_of_the_first_release_gets_what_came_later(own: Connection[TupleRow]) -> None:
    own.execute("DROP VIEW vitalwire.glucose_current")
    for column in ("device_model", "device_manufacturer", "time_screens", "version"):
        own.execute(f"ALTER TABLE vitalwire.glucose DROP COLUMN {column}".encode())
    own.execute(_ROW, {"time": NOW})
    database.prepare_storage(own, NOW)
    database.check_tables(own)
    rows = own.execute("SELECT version, device_model FROM vitalwire.glucose_current").fetchall()
    assert rows == [(1, None)]


def test_only_the_newest_version_of_a_reading_is_current(connection: Connection[TupleRow]) -> None:
    name = UUID(int=7)
    ((audit_id,),) = connection.execute(
        "INSERT INTO vitalwire.audit_log (who, action, subject) VALUES ('a', 'b', 'c')"
        " RETURNING audit_id"
    )
    for version in (1, 2, 3):
        connection.execute(_ROW, {"time": NOW})
        connection.execute(
            "UPDATE vitalwire.glucose SET reading_id = %s, version = %s WHERE reading_id <> %s",
            [name, version, name],
        )
        if version > 1:
            connection.execute(
                "INSERT INTO vitalwire.corrections VALUES (%s, %s, 'glucose', '{}', '', %s)",
                [name, version, audit_id],
            )
    connection.execute(_ROW, {"time": NOW})
    rows = connection.execute(
        "SELECT version FROM vitalwire.glucose_current ORDER BY version DESC"
    ).fetchall()
    assert rows == [(3,), (1,)]


def test_what_is_ready_is_left_alone_while_somebody_reads(
    connection: Connection[TupleRow], other: Connection[TupleRow]
) -> None:
    """Each day the sink prepares; a run that reads for hours must not hold it up."""
    with other.transaction():
        for name in VITALS:
            other.execute(f"SELECT FROM vitalwire.{name}_current".encode())
        connection.execute("SET lock_timeout = '1s'")
        database.prepare_storage(connection, NOW)
        connection.execute("RESET lock_timeout")
