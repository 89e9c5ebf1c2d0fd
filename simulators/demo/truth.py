"""Asks the devices, the database and the log of alerts what is so; believes no counter."""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

import psycopg
from kafka import TopicPartition
from psycopg.rows import TupleRow

from ingest.kafka_clients import consumer
from ingest.tables import current_name
from schemas.alert import CANARY, TRANSITION_DECODER, Transition
from schemas.errors import UnavailableError
from schemas.kafka import READINGS_DECODER, PatientReadings
from schemas.topics import ALERTS, READINGS
from schemas.vitals import VITALS
from simulators.demo.verdict import Evidence, PayloadName, StoredRow
from simulators.expectations import ExpectedEvent
from simulators.home_control import HomeControl, HomeStatus
from simulators.peripherals.ledger import Entry
from simulators.scenario import HomePlan

_SILENT_EVENTS = frozenset({"again", "confirmed"})
"""They tell nothing new of a reading: the page waited for a repeat, or for the time of one."""
_READ_WITHIN_S = 10.0


def ask_homes(controls: Iterable[HomeControl]) -> list[HomeStatus]:
    """Ask every home what its devices know; raises ``UnavailableError``."""
    return [control.status() for control in controls]


def stop_measuring(controls: Iterable[HomeControl]) -> None:
    """Let nobody measure any more; what waits is still handed over."""
    for control in controls:
        control.stop()


def gather(
    plans: Iterable[HomePlan],
    homes: Iterable[HomeStatus],
    database_url: str,
    bootstrap: str,
    seen_ms: Mapping[str, int],
) -> Evidence:
    """Put together what ``verdict.judge`` compares; ``seen_ms`` is by event_id."""
    statuses = list(homes)
    taken = [entry for home in statuses for entry in home.taken]
    handed_over = [entry for home in statuses for entry in home.handed_over]
    transitions = [one for one in read_alerts(bootstrap) if one.event not in _SILENT_EVENTS]
    with psycopg.connect(database_url) as connection:
        return Evidence(
            taken=[_name(entry) for entry in taken],
            handed_over_ms={_name(entry): _milliseconds(entry.at) for entry in handed_over},
            patients={
                address: plan.patient_id for plan in plans for address in plan.devices.values()
            },
            rows=list(_rows(connection, read_records(bootstrap))),
            raised=[_raised(one) for one in transitions],
            seen_ms={
                one.evidence.reading_id: seen_ms[one.event_id]
                for one in transitions
                if one.event_id in seen_ms
            },
            rejected=_count(connection, "vitalwire.rejected_payloads"),
            unassigned=_count(
                connection, "vitalwire.unassigned_readings WHERE released_at IS NULL"
            ),
        )


def read_alerts(bootstrap: str) -> list[Transition]:
    """Read alerts.v1 from its beginning to its end, each event once; canaries are no alerts."""
    found: dict[str, Transition] = {}
    for record in _read(bootstrap, ALERTS):
        transition = TRANSITION_DECODER.decode(record.value)
        if transition.subject.startswith(CANARY):
            continue
        found.setdefault(transition.event_id, transition)
    return list(found.values())


def read_records(bootstrap: str) -> dict[str, str]:
    """Name for each reading_id the record of readings.v1 that first carried it."""
    found: dict[str, str] = {}
    for record in _read(bootstrap, READINGS):
        content = READINGS_DECODER.decode(record.value)
        if isinstance(content, PatientReadings):
            for stamped in content.readings:
                name = f"{record.partition}:{record.offset}"
                found.setdefault(stamped.reading.reading_id, name)
    return found


def _read(bootstrap: str, topic: str) -> Iterator[Any]:
    """Read a topic from its beginning to what is its end now; ``UnavailableError`` if too slow."""
    reader = consumer(bootstrap, "demo-check")
    try:
        partitions = [
            TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()
        ]
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        ends = reader.end_offsets(partitions)
        deadline_s = time.monotonic() + _READ_WITHIN_S
        while any(reader.position(one) < ends[one] for one in partitions):
            if time.monotonic() > deadline_s:
                raise UnavailableError(f"{topic} could not be read to its end.")
            yield from chain.from_iterable(reader.poll(timeout_ms=250).values())
    finally:
        reader.close()


def _rows(
    connection: psycopg.Connection[TupleRow], records: Mapping[str, str]
) -> Iterable[StoredRow]:
    for vital in VITALS.values():
        rows = connection.execute(
            "SELECT address, characteristic, raw, reading_id, patient_id"  # noqa: S608 (our own table's name)
            f" FROM {current_name(vital)} JOIN vitalwire.devices USING (device_id)"
        )
        for address, characteristic, raw, reading_id, patient_id in rows:
            name = reading_id.hex
            record = records.get(name, name)  # a topic that was emptied has forgotten it
            yield StoredRow((address, characteristic, raw.hex()), name, patient_id, record)


def _count(connection: psycopg.Connection[TupleRow], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 (our own)
    assert row is not None
    return int(row[0])


def _raised(one: Transition) -> ExpectedEvent:
    # A repeat that denies an extreme reading ends what it began, by another name.
    event = "returned" if one.event == "not-confirmed" else one.event
    return ExpectedEvent(one.patient_id, one.ladder, event, one.severity, one.evidence.reading_id)


def _name(entry: Entry) -> PayloadName:
    return entry.device, entry.characteristic, entry.payload


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
