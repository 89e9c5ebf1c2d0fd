"""Which stored readings to look at, and their rows, streamed in batches. Reads only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ingest.redecode.derived import Layout
from ingest.redecode.examine import StoredRow
from ingest.tables import SCHEMA, current_name
from schemas.vitals import Vital

BATCH_ROWS = 8_192
WINDOW = timedelta(days=1)
"""One scan at a time: a run of hours holds no snapshot that old rows would be kept for."""
_MODEL: LiteralString = "coalesce(nullif(stored.device_model, ''), nullif(known.model, ''))"


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows from ``since`` (inclusive) until ``until`` (exclusive); None: all.

    ``model``: a part of the model's name, ignoring case.
    """

    vitals: Sequence[Vital]
    since: datetime | None = None
    until: datetime | None = None
    device_id: str | None = None
    model: str | None = None


def windows(
    connection: Connection[TupleRow], vital: Vital, selection: Selection
) -> Iterator[tuple[datetime, datetime]]:
    """Cut the time in which the vital has rows; what no row lies in is left out."""
    table = sql.Identifier(*current_name(vital).split("."))
    first = sql.SQL(
        "SELECT min(time), max(time) FROM {} WHERE (%(since)s::timestamptz IS NULL"
        " OR time >= %(since)s) AND (%(until)s::timestamptz IS NULL OR time < %(until)s)"
    ).format(table)
    since, until = selection.since, selection.until
    while True:
        row = connection.execute(first, {"since": since, "until": until}).fetchone()
        if row is None or row[0] is None:
            return
        begin, last = row
        after = min(begin + WINDOW, last + timedelta(microseconds=1))
        yield begin, after
        since = after


def batches(
    connection: Connection[TupleRow],
    layout: Layout,
    selection: Selection,
    window: tuple[datetime, datetime],
) -> Iterator[list[StoredRow]]:
    """Stream the current versions of a window's rows, at most BATCH_ROWS at once."""
    vital = layout.vital
    columns = len(layout.columns)
    scales = [sql.Identifier("stored", f"{one.name}_received") for one in vital.quantities]
    query = sql.SQL(
        "SELECT {columns}, {scales}, stored.version, {model}, known.address FROM {table} AS stored"
        " LEFT JOIN {devices} AS known ON known.device_id = stored.device_id"
        " WHERE stored.time >= %(begin)s AND stored.time < %(end)s"
        " AND (%(device)s::text IS NULL OR stored.device_id = %(device)s)"
        " AND (%(model)s::text IS NULL OR strpos(lower({model}), lower(%(model)s)) > 0)"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("stored", name) for name in layout.columns),
        scales=sql.SQL(", ").join(sql.SQL("scale({})").format(received) for received in scales),
        model=sql.SQL(_MODEL),
        table=sql.Identifier(*current_name(vital).split(".")),
        devices=sql.Identifier(SCHEMA, "devices"),
    )
    asked = {
        "begin": window[0],
        "end": window[1],
        "device": selection.device_id,
        "model": selection.model,
    }
    with connection.transaction(), connection.cursor("redecode") as cursor:
        cursor.execute(query, asked, binary=True)
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield [_stored_row(row, columns, len(scales)) for row in rows]


def _stored_row(row: tuple[Any, ...], columns: int, quantities: int) -> StoredRow:
    version, model, address = row[-3:]
    return StoredRow(row[:columns], version, row[columns : columns + quantities], model, address)
