"""The transactional outbox: what an edit has to say to Kafka is written with the edit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.instants import to_ms
from schemas.kafka import (
    CorrectedReading,
    Corrections,
    PatientReadings,
    ReadingsRecord,
    StampedReading,
    Withdrawals,
    WithdrawnReading,
)
from schemas.registry import (
    BOOK_KEY,
    DEVICE_KEY,
    PATIENT_KEY,
    BookEntry,
    DeviceEntry,
    PatientEntry,
    RegistryEntry,
)
from schemas.rota import ROTA_KEY
from schemas.topics import READINGS, REGISTRY

CHANNEL = "vitalwire_outbox"
"""PostgreSQL's NOTIFY channel: wakes the publisher when a transaction commits."""
RECORD_READINGS_MAX = 100

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Owned:
    """A reading on its way to the patient that it turned out to belong to."""

    patient_id: str
    gateway_id: str
    stream: str
    stamped: StampedReading


def entry_key(entry: RegistryEntry) -> str:
    """Give the key of an entry in registry.v1."""
    match entry:
        case DeviceEntry():
            return DEVICE_KEY + entry.device_id
        case BookEntry():
            return BOOK_KEY + entry.name
        case PatientEntry():
            return PATIENT_KEY + entry.patient_id
        case _:
            return ROTA_KEY + entry.programme


def put_entry(connection: Connection[TupleRow], entry: RegistryEntry) -> None:
    """Say that an entry of the registry is now this."""
    _put(connection, [(REGISTRY, entry_key(entry), msgspec.json.encode(entry))])


def put_readings(
    connection: Connection[TupleRow], readings: Sequence[Owned], now: datetime
) -> None:
    """Send readings to their patients under a new server stamp.

    Log time never goes back; the readings' age is what it is, so that stale ones page nobody.
    """
    now_ms = to_ms(now)
    groups: dict[tuple[str, str, str], list[StampedReading]] = {}
    for owned in readings:
        stamp = msgspec.structs.replace(owned.stamped.stamp, received_at_ms=now_ms)
        stamped = msgspec.structs.replace(owned.stamped, stamp=stamp)
        origin = (owned.patient_id, owned.gateway_id, owned.stream)
        groups.setdefault(origin, []).append(stamped)
    _put(
        connection,
        [
            (READINGS, patient_id, msgspec.json.encode(record))
            for (patient_id, gateway_id, stream), group in groups.items()
            for start in range(0, len(group), RECORD_READINGS_MAX)
            for record in [
                PatientReadings(
                    patient_id,
                    gateway_id,
                    stream,
                    now_ms,
                    group[start : start + RECORD_READINGS_MAX],
                )
            ]
        ],
    )


def put_corrections(
    connection: Connection[TupleRow],
    corrected: Mapping[str, Sequence[CorrectedReading]],
    reason: str,
    now: datetime,
) -> None:
    """Tell of corrected readings, by patient, under the server stamp of the correction."""
    _put_parts(connection, corrected, lambda who, part: Corrections(who, to_ms(now), reason, part))


def put_withdrawals(
    connection: Connection[TupleRow],
    withdrawn: Mapping[str, Sequence[WithdrawnReading]],
    reason: str,
    now: datetime,
) -> None:
    """Tell of readings that are not their patients' any more, by patient, under a new stamp."""
    _put_parts(connection, withdrawn, lambda who, part: Withdrawals(who, to_ms(now), reason, part))


def _put_parts(
    connection: Connection[TupleRow],
    readings: Mapping[str, Sequence[_T]],
    record: Callable[[str, list[_T]], ReadingsRecord],
) -> None:
    """Put readings by patient, as many into a record as Kafka takes."""
    _put(
        connection,
        [
            (READINGS, patient_id, msgspec.json.encode(record(patient_id, list(part))))
            for patient_id, of_patient in readings.items()
            for start in range(0, len(of_patient), RECORD_READINGS_MAX)
            for part in [of_patient[start : start + RECORD_READINGS_MAX]]
        ],
    )


def _put(connection: Connection[TupleRow], records: Iterable[tuple[str, str, bytes]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO vitalwire.outbox (topic, key, value) VALUES (%s, %s, %s)", list(records)
        )
        cursor.execute(f"NOTIFY {CHANNEL}")
