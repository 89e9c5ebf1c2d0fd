"""The way to PostgreSQL: connecting, and bringing the schema ``vitalwire`` up to date.

Migrations are the files in ``migrations/``, applied in the order of their names, each once, all in
one transaction under an advisory lock: two setups at once wait for each other.
"""

import hashlib
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import storage
from ingest.tables import copied_columns
from schemas import postgresql
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.vitals import VITALS

CONNECT_WITHIN_S = 5
STATEMENT_WITHIN_MS = 30_000
_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATION_LOCK = 0x766974616C  # "vital"; any number that nobody else locks
_SETUP = "Run `vitalwire ingest setup`."


def connect(url: str, application: str) -> Connection[TupleRow]:
    """Connect; raise ``UnavailableError``, or ``MisconfiguredError`` for an address that is none.

    A dead server's silence ends a wait: TCP keepalives, and a limit on every statement.
    """
    try:
        return psycopg.connect(
            url,
            application_name=f"vitalwire-{application}",
            connect_timeout=CONNECT_WITHIN_S,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            options=f"-c statement_timeout={STATEMENT_WITHIN_MS} -c timezone=UTC",
        )
    except psycopg.OperationalError as error:
        raise unavailable(error) from error
    except psycopg.ProgrammingError as error:
        raise postgresql.no_address(error) from error


def unavailable(error: psycopg.Error) -> UnavailableError:
    """Say that the database does not do its work now, and why."""
    return postgresql.unavailable(error, "; nothing is lost meanwhile.")


def migrate(connection: Connection[TupleRow], now: datetime) -> list[str]:
    """Bring the schema up to date; give the names of the migrations applied now."""
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        connection.execute("CREATE SCHEMA IF NOT EXISTS vitalwire")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS vitalwire.migrations (name text PRIMARY KEY,"
            " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[str, str] = dict(
            connection.execute("SELECT name, sha256 FROM vitalwire.migrations")
        )
        new = [path.stem for path in sorted(_MIGRATIONS.glob("*.sql")) if _due(path, applied)]
        for name in new:
            text = (_MIGRATIONS / f"{name}.sql").read_bytes()
            connection.execute(text)
            connection.execute(
                "INSERT INTO vitalwire.migrations (name, sha256) VALUES (%s, %s)",
                [name, hashlib.sha256(text).hexdigest()],
            )
        prepare_storage(connection, now)
    return new


def _due(path: Path, applied: dict[str, str]) -> bool:
    """Tell whether a migration is still to be applied; one that changed since is refused."""
    known = applied.get(path.stem)
    if known is not None and known != hashlib.sha256(path.read_bytes()).hexdigest():
        raise MisconfiguredError(
            f"Migration {path.stem} differs from the one that this database has.",
            "Restore the file and write the change as a new migration.",
        )
    return known is None


def prepare_storage(connection: Connection[TupleRow], now: datetime) -> None:
    """Make the vitals' tables and the partitions of the months around ``now``."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        time_storage = storage.choose(connection)
        for vital in VITALS.values():
            time_storage.prepare(connection, vital, now)


def check_tables(connection: Connection[TupleRow]) -> None:
    """Compare the vitals' columns with what the sink copies.

    Raises ``UnavailableError`` for a column that is missing (the setup may still be running) and
    ``MisconfiguredError`` for another type. Binary COPY never casts: an integer's bytes in a float
    column would be silently garbage.
    """
    found = connection.execute(
        "SELECT relname, attname, typname FROM pg_attribute"
        " JOIN pg_class ON attrelid = pg_class.oid JOIN pg_type ON atttypid = pg_type.oid"
        " JOIN pg_namespace ON relnamespace = pg_namespace.oid"
        " WHERE nspname = 'vitalwire' AND attnum > 0 AND NOT attisdropped"
    ).fetchall()
    types = {(table, column): kind for table, column, kind in found}
    for vital in VITALS.values():
        for column, kind in copied_columns(vital):
            actual = types.get((vital.name, column))
            if actual is None:
                raise UnavailableError(f"Column {vital.name}.{column} does not exist.", _SETUP)
            if actual != _catalogue_name(kind):
                raise MisconfiguredError(
                    f"Column {vital.name}.{column} is {actual}, not {kind}.",
                    "Somebody altered the table; restore its type.",
                )


def _catalogue_name(kind: str) -> str:
    """Give the name under which pg_type knows an SQL type."""
    if kind.endswith("[]"):
        return f"_{kind[:-2]}"
    return {"integer": "int4", "bigint": "int8"}.get(kind, kind)
