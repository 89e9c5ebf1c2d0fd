"""Corrections into the database: a further version of each row, all or none of a batch.

In one transaction: the rows, the digest by which the sink knows a repetition, a row of corrections
for each version, one of the audit log for the batch, and what the engine and the page are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection, sql
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from ingest.instants import to_ms
from ingest.redecode.derived import stored_quantities
from ingest.redecode.examine import Difference
from ingest.registry import outbox
from ingest.sink.rows import value_digest
from ingest.tables import SCHEMA, copied_columns
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.kafka import CorrectedReading
from schemas.vitals import Vital

ACTION = "redecode"
_LOCK = 0x7265646563  # "redec"
_AUDIT = """
INSERT INTO vitalwire.audit_log (at, who, action, subject, after)
VALUES (%s, %s, %s, %s, %s) RETURNING audit_id
"""
_CORRECTIONS = """
INSERT INTO vitalwire.corrections
    (reading_id, version, vital, fields, digest, audit_id, corrected_at)
SELECT known.reading_id, %(version)s, known.vital, %(fields)s, known.digest, %(audit)s, %(now)s
FROM vitalwire.reading_keys AS known WHERE known.reading_id = %(reading_id)s
"""
_DIGESTS = """
UPDATE vitalwire.reading_keys AS known SET digest = moved.digest
FROM unnest(%s::uuid[], %s::bytea[]) AS moved (reading_id, digest)
WHERE known.reading_id = moved.reading_id
"""


@dataclass(frozen=True, slots=True)
class Order:
    """Who had what corrected, and why; ``run_id`` names the run in the audit log."""

    run_id: str
    who: str
    reason: str


def claim(connection: Connection[TupleRow]) -> None:
    """Keep other runs out as long as the connection lives."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if row != (True,):
        raise UnavailableError("Another redecode is at work.", "Wait until it has ended.")


def correct(
    connection: Connection[TupleRow],
    vital: Vital,
    differences: Sequence[Difference],
    order: Order,
    now: datetime,
) -> None:
    """Store the next version of each row; the rows are current ones of one vital.

    Raises ``psycopg.Error`` or ``MisconfiguredError``; nothing of the batch is stored then.
    """
    with connection.transaction():
        audit = _note(connection, vital, differences, order, now)
        with connection.cursor() as cursor:
            cursor.executemany(
                _CORRECTIONS,
                [
                    {
                        "reading_id": one.reading_id,
                        "version": one.row.version + 1,
                        "fields": sorted(one.fields),
                        "audit": audit,
                        "now": now,
                    }
                    for one in differences
                ],
            )
        moved = connection.execute(
            _DIGESTS,
            [[one.reading_id for one in differences], [_digest(one) for one in differences]],
        )
        if moved.rowcount != len(differences):
            raise MisconfiguredError(
                f"vitalwire.reading_keys lacks readings that {vital.name} has.",
                "Restore both tables from one backup; nothing of this batch was changed.",
            )
        _copy(connection, vital, differences)
        told: dict[str, list[CorrectedReading]] = {}
        for one in differences:
            told.setdefault(one.stored["patient_id"], []).append(_told(one))
        outbox.put_corrections(connection, told, order.reason, now)


def _note(
    connection: Connection[TupleRow],
    vital: Vital,
    differences: Sequence[Difference],
    order: Order,
    now: datetime,
) -> int:
    """Write into the audit log what is corrected, by whom and why; give the entry's number."""
    said = {
        "run": order.run_id,
        "reason": order.reason,
        "readings": len(differences),
        "fields": sorted({name for one in differences for name in one.fields}),
    }
    audited = connection.execute(
        _AUDIT, [now, order.who, ACTION, vital.name, Jsonb(said)]
    ).fetchone()
    assert audited is not None, "an insertion returns its row"
    number: int = audited[0]
    return number


def _digest(difference: Difference) -> bytes:
    derived = difference.derived
    return value_digest(difference.layout.vital.name, derived.outcome, derived.quantities)


def _copy(
    connection: Connection[TupleRow], vital: Vital, differences: Sequence[Difference]
) -> None:
    columns = [*copied_columns(vital), ("version", "integer")]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(SCHEMA, vital.name),
        sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([kind for _, kind in columns])
        for one in differences:
            copy.write_row((*one.corrected(), one.row.version + 1))


def _told(difference: Difference) -> CorrectedReading:
    stored, derived = difference.stored, difference.derived
    return CorrectedReading(
        reading_id=difference.reading_id.hex,
        revision=difference.row.version + 1,
        vital=difference.layout.vital.name,
        measured_at_ms=to_ms(stored["time"]),
        time_quality=stored["time_quality"],
        quantities=derived.quantities,
        before=dict(stored_quantities(difference.layout.vital, stored)),
        outcome=derived.outcome,
        status=derived.status,
        outcome_before=stored["outcome"],
        status_before=stored["status"],
    )
