"""SQL of the vitals' own tables, from the one table of vitals; text only, nothing is executed here.

A vital's table has a row per reading and no unique index: identity is guarded by ``reading_keys``,
because a unique index on a hypertable would have to contain the time column.

A correction is a further row with the next ``version``; whoever reads values reads the vital's view
``{vital}_current``, which leaves out what was superseded. Corrections are few: an anti-join with
their own small table costs little, and no row of a compressed chunk is ever updated.
"""

from collections.abc import Collection, Iterator

from schemas.vitals import Vital

SCHEMA = "vitalwire"

_BEFORE: tuple[tuple[str, str], ...] = (
    ("time", "timestamptz NOT NULL"),
    ("patient_id", "text NOT NULL"),
    ("device_id", "text NOT NULL"),
    ("assignment_id", "uuid"),
    ("reading_id", "uuid NOT NULL"),
)
_AFTER: tuple[tuple[str, str], ...] = (
    ("unit_received", "text"),
    ("outcome", "text NOT NULL"),
    ("status", "text[]"),
    ("attributes", "jsonb NOT NULL"),
    ("user_slot", "integer"),
    ("record_number", "bigint"),
    ("amends", "uuid"),
    ("session_id", "text NOT NULL"),
    ("time_quality", "text NOT NULL"),
    ("time_earliest", "timestamptz NOT NULL"),
    ("time_latest", "timestamptz NOT NULL"),
    ("device_time", "text"),
    ("device_offset_min", "integer"),
    ("captured_at", "timestamptz NOT NULL"),
    ("received_at", "timestamptz NOT NULL"),
    ("gateway_id", "text NOT NULL"),
    ("stream", "text NOT NULL"),
    ("seq", "bigint NOT NULL"),
    ("characteristic", "text NOT NULL"),
    ("raw", "bytea NOT NULL"),
    ("device_model", "text"),
    ("device_manufacturer", "text"),
    ("time_screens", "text[]"),
)
_FILLED_BY_DATABASE: tuple[tuple[str, str], ...] = (
    ("stored_at", "timestamptz NOT NULL DEFAULT now()"),
    ("version", "integer NOT NULL DEFAULT 1"),
)
_NEWER = ("device_model", "device_manufacturer", "time_screens", "version")
"""What tables of earlier releases lack."""


def copied_columns(vital: Vital) -> tuple[tuple[str, str], ...]:
    """Name the columns that the sink fills with their SQL types, in the order of its rows."""
    columns = (*_BEFORE, *vital.sql_columns(), *_AFTER)
    return tuple((name, definition.split(" ")[0]) for name, definition in _spelled(columns))


def table_name(vital: Vital) -> str:
    """Give the qualified name of the vital's table."""
    return f"{SCHEMA}.{vital.name}"


def current_name(vital: Vital) -> str:
    """Give the qualified name of the view that shows each reading's newest version only."""
    return f"{table_name(vital)}_current"


def create_table(vital: Vital, *, partitioned: bool, shown: Collection[str] = ()) -> Iterator[str]:
    """Give the statements that make the table, add newer columns to an old one, make its view.

    Idempotent. ``partitioned``: plain PostgreSQL's partitions by ``time``; a hypertable begins as
    an ordinary table. ``shown``: the columns that its view has already. An alteration that alters
    nothing still waits for everybody who reads, and everybody else then waits for it.
    """
    columns = (*_BEFORE, *vital.sql_columns(), *_AFTER, *_FILLED_BY_DATABASE)
    listed = ",\n    ".join(f"{name} {definition}" for name, definition in columns)
    suffix = " PARTITION BY RANGE (time)" if partitioned else ""
    table = table_name(vital)
    yield f"CREATE TABLE IF NOT EXISTS {table} (\n    {listed}\n){suffix}"
    newer = [column for column in (*_AFTER, *_FILLED_BY_DATABASE) if column[0] in _NEWER]
    lacking = [column for column in (*vital.sql_columns(), *newer) if column[0] not in shown]
    for name, definition in lacking:
        yield f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {definition}"
    for index, column in (("by_patient", "patient_id, time DESC"), ("by_time", "time DESC")):
        yield f"CREATE INDEX IF NOT EXISTS {vital.name}_{index} ON {table} ({column})"
    if lacking:
        yield (
            f"CREATE OR REPLACE VIEW {current_name(vital)} AS SELECT * FROM {table} AS stored"  # noqa: S608 (our own names)
            f" WHERE NOT EXISTS (SELECT FROM {SCHEMA}.corrections AS correction"
            " WHERE correction.reading_id = stored.reading_id"
            " AND correction.version > stored.version)"
        )


def _spelled(columns: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    """Write ``double precision`` as one word, as pg_type names it."""
    for name, definition in columns:
        yield name, definition.replace("double precision", "float8")
