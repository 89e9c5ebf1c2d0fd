"""Stored readings follow their assignments: an edit of the past moves them to whom they belong.

Nothing is written over. Each reading that changes hands gets a further version of its row, under
the new patient or under nobody (an empty ``patient_id``, which is on no page and waits for the next
assignment of its device), a row in ``corrections`` and one of the audit log for the edit. The
engine hears of it in both partitions: a withdrawal from the old patient, the reading for the new.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from ingest.instants import to_ms
from ingest.redecode.derived import stored_quantities
from ingest.registry import outbox
from ingest.registry.view import Attributed, RegistryView
from ingest.tables import SCHEMA, copied_columns, current_name
from schemas.kafka import Stamp, StampedReading, WithdrawnReading
from schemas.reading import Capture, Device, DeviceTime, Reading
from schemas.registry import DeviceEntry
from schemas.vitals import VITALS, Vital

ACTION = "reattribute"
NOBODY = ""
_FIELDS = ["assignment_id", "patient_id"]
_AUDIT = """
INSERT INTO vitalwire.audit_log (at, who, action, subject, after)
VALUES (%s, %s, %s, %s, %s) RETURNING audit_id
"""
_CORRECTIONS = """
INSERT INTO vitalwire.corrections
    (reading_id, version, vital, fields, digest, audit_id, corrected_at)
SELECT known.reading_id, moved.version, known.vital, %s, known.digest, %s, %s
FROM unnest(%s::uuid[], %s::integer[]) AS moved (reading_id, version)
JOIN vitalwire.reading_keys AS known ON known.reading_id = moved.reading_id
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """Who changed the assignments of a device, when, and how it is told (``reason``).

    ``since``: nothing that was certainly measured before can have changed hands.
    """

    who: str
    now: datetime
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class _Move:
    """A current row by its columns, and whose it is now; None: nobody's."""

    vital: Vital
    stored: dict[str, Any]
    owner: Attributed | None

    @property
    def patient_id(self) -> str:
        return NOBODY if self.owner is None else self.owner.patient_id


def reattribute(
    connection: Connection[TupleRow], device: DeviceEntry, patients: Collection[str], edit: Edit
) -> int:
    """Move what is stored of a device to whom it belongs by its present assignments; give how many.

    ``patients``: who may hold some of it now; nobody's is looked at too. Runs inside the caller's
    transaction, which holds the lock of ``assignments``: the sink stores nothing meanwhile.
    """
    holders = sorted({*patients, NOBODY})
    moves = [
        move
        for vital in VITALS.values()
        for move in _moves(connection, vital, device, holders, edit.since)
    ]
    if not moves:
        return 0
    said = {"reason": edit.reason, "readings": len(moves)}
    audited = connection.execute(
        _AUDIT, [edit.now, edit.who, ACTION, outbox.entry_key(device), Jsonb(said)]
    ).fetchone()
    assert audited is not None, "an insertion returns its row"
    for vital in VITALS.values():
        if of_vital := [move for move in moves if move.vital is vital]:
            _store(connection, vital, device, holders, of_vital)
    connection.execute(
        _CORRECTIONS,
        [
            _FIELDS,
            audited[0],
            edit.now,
            [move.stored["reading_id"] for move in moves],
            [move.stored["version"] + 1 for move in moves],
        ],
    )
    _tell(connection, device.address, moves, edit)
    return len(moves)


def _moves(
    connection: Connection[TupleRow],
    vital: Vital,
    device: DeviceEntry,
    holders: Sequence[str],
    since: datetime,
) -> Iterator[_Move]:
    """Find the rows that are another's, by the same rule as when they came."""
    view = RegistryView([device])
    names = [*(name for name, _ in copied_columns(vital)), "version"]
    statement = sql.SQL(
        "SELECT {} FROM {} WHERE patient_id = ANY(%s) AND device_id = %s AND time_latest >= %s"
        " ORDER BY time, seq"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.Identifier(*current_name(vital).split(".")),
    )
    for row in connection.execute(statement, [holders, device.device_id, since]).fetchall():
        stored = dict(zip(names, row, strict=True))
        interval_ms = (to_ms(stored["time_earliest"]), to_ms(stored["time_latest"]))
        found = view.owner(device.address, stored["user_slot"], interval_ms)
        owner = found if isinstance(found, Attributed) else None
        move = _Move(vital, stored, owner)
        if move.patient_id != stored["patient_id"]:
            yield move


def _store(
    connection: Connection[TupleRow],
    vital: Vital,
    device: DeviceEntry,
    holders: Sequence[str],
    moves: Sequence[_Move],
) -> None:
    """Insert the next version of each row, from the present one."""
    replaced = {"patient_id": sql.SQL("moved.patient_id"), "assignment_id": sql.SQL("moved.under")}
    names = [name for name, _ in copied_columns(vital)]
    statement = sql.SQL(
        "INSERT INTO {table} ({names}, version) SELECT {values}, stored.version + 1"
        " FROM {current} AS stored JOIN unnest(%s::uuid[], %s::text[], %s::uuid[])"
        " AS moved (reading_id, patient_id, under) ON moved.reading_id = stored.reading_id"
        " WHERE stored.patient_id = ANY(%s) AND stored.device_id = %s"
    ).format(
        table=sql.Identifier(SCHEMA, vital.name),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(
            replaced.get(name, sql.Identifier("stored", name)) for name in names
        ),
        current=sql.Identifier(*current_name(vital).split(".")),
    )
    connection.execute(
        statement,
        [
            [move.stored["reading_id"] for move in moves],
            [move.patient_id for move in moves],
            [None if move.owner is None else UUID(move.owner.assignment_id) for move in moves],
            holders,
            device.device_id,
        ],
    )


def _tell(
    connection: Connection[TupleRow], address: str, moves: Iterable[_Move], edit: Edit
) -> None:
    """Withdraw from the old patients, send to the new ones under a new server stamp."""
    withdrawn: dict[str, list[WithdrawnReading]] = {}
    given: list[outbox.Owned] = []
    for move in moves:
        stored = move.stored
        if stored["patient_id"] != NOBODY:
            withdrawn.setdefault(stored["patient_id"], []).append(_withdrawn(move))
        if move.owner is not None:
            stamped = _stamped(move, move.owner, address)
            origin = (stored["gateway_id"], stored["stream"])
            given.append(outbox.Owned(move.owner.patient_id, *origin, stamped))
    outbox.put_withdrawals(connection, withdrawn, edit.reason, edit.now)
    outbox.put_readings(connection, given, edit.now)


def _withdrawn(move: _Move) -> WithdrawnReading:
    stored = move.stored
    return WithdrawnReading(
        reading_id=stored["reading_id"].hex,
        vital=move.vital.name,
        measured_at_ms=to_ms(stored["time"]),
        time_quality=stored["time_quality"],
        quantities=dict(stored_quantities(move.vital, stored)),
        outcome=stored["outcome"],
        status=stored["status"],
    )


def _stamped(move: _Move, owner: Attributed, address: str) -> StampedReading:
    """Make a reading of a row; of its capture the row keeps the server's view only."""
    stored, captured_ms = move.stored, to_ms(move.stored["captured_at"])
    screens = stored["time_screens"] or []
    told = stored["device_time"]
    reading = Reading(
        seq=stored["seq"],
        reading_id=stored["reading_id"].hex,
        vital=move.vital.name,
        device=Device(address, stored["device_model"], stored["device_manufacturer"]),
        characteristic=stored["characteristic"],
        raw=bytes(stored["raw"]).hex(),
        quantities=dict(stored_quantities(move.vital, stored)),
        session_id=stored["session_id"],
        capture=Capture(boot_id="", monotonic_ms=0, wall_ms=captured_ms),
        outcome=stored["outcome"],
        user_slot=stored["user_slot"],
        status=stored["status"],
        attributes=stored["attributes"],
        record_number=stored["record_number"],
        device_time=None
        if told is None
        else DeviceTime(
            told,
            stored["device_offset_min"],
            fault="fault" in screens,
            screens=[screen for screen in screens if screen != "fault"],
        ),
        amends=stored["amends"].hex if stored["amends"] else None,
    )
    stamp = Stamp(
        received_at_ms=to_ms(stored["received_at"]),
        captured_at_ms=captured_ms,
        measured_at_ms=to_ms(stored["time"]),
        earliest_ms=to_ms(stored["time_earliest"]),
        latest_ms=to_ms(stored["time_latest"]),
        quality=stored["time_quality"],
    )
    return StampedReading(reading, stamp, owner.device_id, owner.assignment_id)
