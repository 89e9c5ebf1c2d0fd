"""What the tables say, as records of registry.v1; read on a connection that the caller gives."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.registry.care_plan import PlanDetails
from schemas.registry import Assignment, BookEntry, DeviceEntry, PatientEntry

_TICKETS = """
SELECT ticket, address, gateway_id, device_id,
       ARRAY(SELECT patient_id FROM vitalwire.assignments AS worn
             WHERE worn.device_id = known.device_id AND validity @> now() ORDER BY patient_id),
       battery_percent, last_heard_at, gateway_state
FROM vitalwire.device_tickets LEFT JOIN vitalwire.devices AS known USING (address)
ORDER BY last_heard_at, address
"""
_ASSIGNMENTS = """
SELECT device_id, assignment_id::text, patient_id,
       (extract(epoch FROM lower(validity)) * 1000)::bigint,
       (extract(epoch FROM upper(validity)) * 1000)::bigint,
       CASE WHEN user_slots <> int4range(0, 256) THEN lower(user_slots) END
FROM vitalwire.assignments WHERE device_id = ANY(%s) ORDER BY device_id, validity, user_slots
"""
_PATIENTS = """
SELECT patient_id, pseudonym, coalesce(books, '{}'), zone,
       coalesce((extract(epoch FROM starts_at) * 1000)::bigint, 0), simulated,
       under_13, coalesce(details, '{}')::text
FROM vitalwire.patients LEFT JOIN vitalwire.care_plans USING (patient_id)
"""
_BOOKS = """
SELECT DISTINCT ON (name) entry::text FROM vitalwire.rule_books ORDER BY name, activation_id DESC
"""
_decode_details = msgspec.json.Decoder(PlanDetails).decode
_decode_book = msgspec.json.Decoder(BookEntry).decode


def patient(connection: Connection[TupleRow], patient_id: str) -> PatientEntry | None:
    """Read one patient; None if there is none of that name."""
    row = connection.execute(f"{_PATIENTS} WHERE patient_id = %s", [patient_id]).fetchone()
    return None if row is None else _patient(row)


def patients(connection: Connection[TupleRow]) -> list[PatientEntry]:
    """Read every patient."""
    return [_patient(row) for row in connection.execute(f"{_PATIENTS} ORDER BY pseudonym")]


def _patient(row: TupleRow) -> PatientEntry:
    patient_id, pseudonym, watched_by, zone, from_ms, simulated, under_13, details = row
    entry = PatientEntry(patient_id, pseudonym, watched_by, zone, from_ms, simulated)
    more = msgspec.structs.asdict(_decode_details(details))
    return msgspec.structs.replace(entry, under_13=under_13, **more)


def books(connection: Connection[TupleRow]) -> list[BookEntry]:
    """Read every rule book in force."""
    return [_decode_book(text) for (text,) in connection.execute(_BOOKS)]


def device(connection: Connection[TupleRow], device_id: str) -> DeviceEntry | None:
    """Read one device with its assignments; None if there is none of that name."""
    found = _devices(
        connection,
        connection.execute(
            "SELECT device_id, address, model FROM vitalwire.devices WHERE device_id = %s",
            [device_id],
        ).fetchall(),
    )
    return found[0] if found else None


class Ticket(msgspec.Struct, frozen=True):
    """What somebody has to do at a device, as its gateway reported last.

    It stays while that is offline. ``last_heard_at``: when the gateway last heard the device, None
    if it has not since it was started.
    """

    ticket: str
    address: str
    gateway_id: str
    device_id: str | None
    patients: list[str]
    battery_percent: int | None
    last_heard_at: str | None
    gateway_state: str


def tickets(connection: Connection[TupleRow]) -> list[Ticket]:
    """Read the tickets of all devices, with whoever wears each of them now."""
    return [
        Ticket(
            ticket,
            address,
            gateway_id,
            device_id,
            patients,
            percent,
            None if heard_at is None else _iso(heard_at),
            state,
        )
        for ticket, address, gateway_id, device_id, patients, percent, heard_at, state in (
            connection.execute(_TICKETS)
        )
    ]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def devices(connection: Connection[TupleRow]) -> list[DeviceEntry]:
    """Read every device with its assignments."""
    return _devices(
        connection,
        connection.execute(
            "SELECT device_id, address, model FROM vitalwire.devices ORDER BY device_id"
        ).fetchall(),
    )


def devices_at(connection: Connection[TupleRow], addresses: Iterable[str]) -> list[DeviceEntry]:
    """Read those devices that have one of the addresses."""
    return _devices(
        connection,
        connection.execute(
            "SELECT device_id, address, model FROM vitalwire.devices WHERE address = ANY(%s)",
            [list(addresses)],
        ).fetchall(),
    )


def _devices(connection: Connection[TupleRow], rows: list[TupleRow]) -> list[DeviceEntry]:
    assigned: dict[str, list[Assignment]] = {device_id: [] for device_id, _, _ in rows}
    for device_id, assignment_id, patient_id, from_ms, until_ms, slot in connection.execute(
        _ASSIGNMENTS, [list(assigned)]
    ):
        assigned[device_id].append(Assignment(assignment_id, patient_id, from_ms, until_ms, slot))
    return [
        DeviceEntry(device_id, address, model, assigned[device_id])
        for device_id, address, model in rows
    ]
