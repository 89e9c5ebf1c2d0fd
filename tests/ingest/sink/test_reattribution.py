"""A cuff was another's than the registry said: what is stored changes hands, and all are told."""

from collections import Counter

import msgspec

from ingest.registry.assignments import NewAssignment
from ingest.registry.store import RegistryStore
from schemas import topics
from schemas.kafka import READINGS_DECODER, PatientReadings, Withdrawals
from tests.ingest.factories import RECEIVED_MS, patient_record, reading, stamped
from tests.ingest.sink.conftest import Bench
from tests.ingest.sink.looking import Database, rows
from tests.servers import NOW

DAY_MS = 86_400_000
HANDED_OVER_MS = RECEIVED_MS - 3_000
CURRENT = "patient_id, seq FROM vitalwire.blood_pressure_current ORDER BY seq"


def store_of_p1(bench: Bench) -> None:
    """Store a reading of yesterday and two of now, all as p-1's."""
    old = stamped(reading(1))
    before = msgspec.structs.replace(
        old.stamp,
        measured_at_ms=RECEIVED_MS - DAY_MS,
        earliest_ms=RECEIVED_MS - DAY_MS,
        latest_ms=RECEIVED_MS - DAY_MS,
    )
    record = msgspec.json.decode(patient_record([reading(2), reading(3)]), type=PatientReadings)
    yesterday = msgspec.structs.replace(old, stamp=before)
    record = msgspec.structs.replace(record, readings=[yesterday, *record.readings])
    bench.send(topics.READINGS, msgspec.json.encode(record))
    bench.sink().drain()


def told(other: Database) -> list[PatientReadings | Withdrawals]:
    """Give what the outbox says to the engine."""
    values = rows(other, f"value FROM vitalwire.outbox WHERE topic = '{topics.READINGS}'")
    records = [READINGS_DECODER.decode(bytes(value)) for (value,) in values]
    return [record for record in records if isinstance(record, PatientReadings | Withdrawals)]


def test_what_was_measured_after_the_end_is_nobodys_until_it_is_assigned(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    store_of_p1(bench)
    assert registry.unassign("cuff-1", HANDED_OVER_MS).moved == 2
    assert rows(other, CURRENT) == [("p-1", 1), ("", 2), ("", 3)]
    (withdrawal,) = told(other)
    assert isinstance(withdrawal, Withdrawals)
    assert withdrawal.patient_id == "p-1"
    assert [one.reading_id for one in withdrawal.readings] == [
        reading(2).reading_id,
        reading(3).reading_id,
    ]
    assert withdrawal.readings[0].quantities == reading(2).quantities

    assert registry.assign(NewAssignment("cuff-1", "p-2", HANDED_OVER_MS)).moved == 2
    assert rows(other, CURRENT) == [("p-1", 1), ("p-2", 2), ("p-2", 3)]
    (given,) = told(other)[1:]
    assert isinstance(given, PatientReadings)
    assert (given.patient_id, given.received_at_ms) == ("p-2", RECEIVED_MS)  # NOW: a new stamp
    for sent, seq in zip(given.readings, (2, 3), strict=True):
        assert sent.stamp.received_at_ms == RECEIVED_MS
        assert sent.stamp.measured_at_ms == stamped(reading(seq)).stamp.measured_at_ms
        assert sent.reading.quantities == reading(seq).quantities
        assert (sent.reading.raw, sent.reading.seq) == (reading(seq).raw, seq)


def test_it_is_written_down_and_nothing_is_written_over(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    store_of_p1(bench)
    registry.unassign("cuff-1", HANDED_OVER_MS)
    registry.assign(NewAssignment("cuff-1", "p-2", HANDED_OVER_MS))
    versions = rows(other, "patient_id, version FROM vitalwire.blood_pressure WHERE seq = 2")
    assert sorted(versions, key=str) == [("", 2), ("p-1", 1), ("p-2", 3)]
    changed = rows(
        other,
        "version, fields, action, who FROM vitalwire.corrections"
        " JOIN vitalwire.audit_log USING (audit_id)",
    )
    assert Counter((row[0], *row[1], *row[2:]) for row in changed) == {
        (version, "assignment_id", "patient_id", "reattribute", "test"): 2 for version in (2, 3)
    }
    assigned = rows(
        other,
        "assignment_id IS NOT NULL FROM vitalwire.blood_pressure WHERE seq = 2 ORDER BY version",
    )
    assert assigned == [(True,), (False,), (True,)]


def test_what_comes_again_by_kafka_or_from_the_home_is_a_repetition(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    store_of_p1(bench)
    registry.unassign("cuff-1", HANDED_OVER_MS)
    registry.assign(NewAssignment("cuff-1", "p-2", HANDED_OVER_MS))
    values = rows(other, f"value FROM vitalwire.outbox WHERE topic = '{topics.READINGS}'")
    bench.send(topics.READINGS, *(bytes(value) for (value,) in values))
    bench.send(topics.READINGS, patient_record([reading(2)]))
    bench.sink().drain()
    assert rows(other, CURRENT) == [("p-1", 1), ("p-2", 2), ("p-2", 3)]
    assert not rows(other, "FROM vitalwire.rejected_payloads")


def test_of_an_assignment_that_never_was_nothing_stays_with_its_patient(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    """No assignment names the patient any more, and still what is stored is found."""
    store_of_p1(bench)
    (since_ms,) = rows(
        other,
        "(extract(epoch FROM lower(validity)) * 1000)::bigint FROM vitalwire.assignments"
        " WHERE device_id = 'cuff-1'",
    )[0]
    assert registry.unassign("cuff-1", since_ms).moved == 3
    assert rows(other, CURRENT) == [("", 1), ("", 2), ("", 3)]
    (withdrawal,) = told(other)
    assert isinstance(withdrawal, Withdrawals)
    assert (withdrawal.patient_id, len(withdrawal.readings)) == ("p-1", 3)


def test_an_edit_that_changes_no_owner_moves_nothing(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    store_of_p1(bench)
    assert registry.unassign("cuff-1", RECEIVED_MS + DAY_MS).moved == 0
    assert registry.assign(NewAssignment("cuff-1", "p-2", RECEIVED_MS + DAY_MS)).moved == 0
    assert rows(other, CURRENT) == [("p-1", 1), ("p-1", 2), ("p-1", 3)]
    assert told(other) == []
    assert NOW.timestamp() * 1000 == RECEIVED_MS
