"""Whose a reading is, the tables decide; what belongs to nobody waits, and flows when it may."""

import msgspec

from ingest.registry.assignments import NewAssignment
from ingest.registry.store import RegistryStore
from schemas import topics
from schemas.kafka import PatientReadings
from schemas.reading import Device
from tests.ingest.factories import RECEIVED_MS, patient_record, reading, unassigned_record
from tests.ingest.sink.conftest import Bench
from tests.ingest.sink.looking import Database, held, rows, stored
from tests.servers import NOW, broker_dies


def test_the_tables_decide_whose_a_reading_is(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    registry.unassign("cuff-1", RECEIVED_MS - 10_000)
    registry.assign(NewAssignment("cuff-1", "p-2", RECEIVED_MS - 10_000))
    other.execute("DELETE FROM vitalwire.outbox")
    bench.send(topics.READINGS, patient_record([reading(1)], "p-1"))
    bench.sink().drain()
    assert stored(other) == []
    assert held(other) == [(1, 1)]
    ((topic, key, value),) = rows(other, "topic, key, value FROM vitalwire.outbox")
    assert (topic, key) == (topics.READINGS, "p-2")
    bench.send(topics.READINGS, bytes(value))
    bench.sink().drain()
    assert rows(other, "patient_id, seq FROM vitalwire.blood_pressure") == [("p-2", 1)]
    assert not rows(other, "FROM vitalwire.outbox OFFSET 1")


def test_a_reading_of_a_device_that_is_nobody_s_any_more_waits(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    registry.unassign("cuff-1", RECEIVED_MS - 10_000)
    bench.send(topics.READINGS, patient_record([reading(1)]))
    bench.sink().drain()
    assert stored(other) == []
    assert rows(other, "seq, reason FROM vitalwire.unassigned_readings") == [(1, "no-assignment")]


def test_what_waited_flows_when_somebody_assigns_the_device(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    meter = "AA:AA:AA:AA:AA:AA"
    waiting = [reading(seq, device=Device(meter)) for seq in (1, 2)]
    bench.send(topics.UNASSIGNED, *map(unassigned_record, waiting))
    bench.sink().drain()
    registry.add_device("cuff-2", meter)
    assert registry.assign(NewAssignment("cuff-2", "p-2", 0)).released == 2
    values = rows(other, "value FROM vitalwire.outbox WHERE topic = 'readings.v1'")
    released = msgspec.json.decode(bytes(values[0][0]), type=PatientReadings)
    assert released.received_at_ms == RECEIVED_MS  # NOW: a new stamp of the server
    bench.send(topics.READINGS, *(bytes(value) for (value,) in values))
    bench.send(topics.UNASSIGNED, unassigned_record(waiting[0]))  # and the old record comes again
    bench.sink().drain()
    assert rows(other, "patient_id, device_id, seq FROM vitalwire.blood_pressure ORDER BY seq") == [
        ("p-2", "cuff-2", 1),
        ("p-2", "cuff-2", 2),
    ]
    assert rows(other, "count(*) FROM vitalwire.outbox WHERE topic = 'readings.v1'") == [
        (len(values),)
    ]


def test_an_assignment_that_the_bridge_had_not_heard_of_takes_effect_at_once(
    bench: Bench, other: Database
) -> None:
    bench.send(topics.UNASSIGNED, unassigned_record(reading(1)))
    bench.sink().drain()
    assert rows(other, "key FROM vitalwire.outbox") == [("p-1",)]
    ((released_at,),) = rows(other, "released_at FROM vitalwire.unassigned_readings")
    assert released_at == NOW


def test_what_was_released_to_somebody_who_lost_the_device_meanwhile_waits_again(
    bench: Bench, other: Database, registry: RegistryStore
) -> None:
    meter = "AA:AA:AA:AA:AA:AA"
    bench.send(topics.UNASSIGNED, unassigned_record(reading(1, device=Device(meter))))
    bench.sink().drain()
    registry.add_device("cuff-2", meter)
    assert registry.assign(NewAssignment("cuff-2", "p-1", 0)).released == 1
    ((value,),) = rows(other, "value FROM vitalwire.outbox WHERE topic = 'readings.v1'")
    registry.unassign("cuff-2", RECEIVED_MS - 10_000)  # it was a mistake, seen at once
    bench.send(topics.READINGS, bytes(value))
    bench.sink().drain()
    assert stored(other) == []
    assert registry.assign(NewAssignment("cuff-2", "p-2", RECEIVED_MS - 10_000)).released == 1


@broker_dies
def test_what_was_released_into_a_lost_log_is_released_again(bench: Bench, other: Database) -> None:
    bench.send(topics.UNASSIGNED, unassigned_record(reading(1)))
    bench.sink().drain()
    other.execute("DELETE FROM vitalwire.outbox")  # as the publisher does; then Kafka loses it
    bench.wipe_kafka()
    bench.sink().drain()
    ((value,),) = rows(other, "value FROM vitalwire.outbox WHERE topic = 'readings.v1'")
    bench.send(topics.READINGS, bytes(value))
    bench.sink().drain()
    assert stored(other) == [1]
