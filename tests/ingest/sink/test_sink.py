"""The promise: exactly once, for the right patient, or kept where a person sees it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import msgspec
import psycopg
import pytest

from ingest.instants import from_ms
from ingest.sink.offsets import OvertakenError
from schemas import topics
from schemas.errors import UnavailableError
from schemas.kafka import PART, Corrections, GatewayReport, Tick, Withdrawals
from schemas.reading import Device, DeviceTime, Quantity
from schemas.wire import Health
from tests.ingest.factories import (
    GATEWAY,
    RECEIVED_MS,
    STREAM,
    patient_record,
    reading,
    rejected_record,
    unassigned_record,
)
from tests.ingest.sink.conftest import Bench
from tests.ingest.sink.looking import Database, held, offset, rows, stored
from tests.servers import broker_dies, eventually


def test_a_reading_is_stored_with_everything_that_is_known_of_it(
    bench: Bench, other: Database
) -> None:
    full = reading(
        1,
        quantities={
            "systolic": Quantity("kPa", "16.0"),
            "diastolic": Quantity("kPa", "10.7"),
            "pulse": Quantity("/min", absent="not-a-number"),
        },
        status=["movement"],
        attributes={"meal": "none"},
        user_slot=2,
        record_number=65535,
        device_time=DeviceTime("2000-01-01T00:00:00", 339, fault=True, screens=["clock-unset"]),
    )
    bench.send(topics.READINGS, patient_record([full]))
    bench.sink().drain()
    cursor = other.execute("SELECT * FROM vitalwire.blood_pressure")
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    (values,) = cursor.fetchall()
    row = dict(zip(names, values, strict=True))
    assert row["systolic"] == pytest.approx(120.01, abs=0.01)
    assert [str(row[f"{name}_received"]) for name in ("systolic", "diastolic")] == ["16.0", "10.7"]
    assert (row["pulse"], row["pulse_absent"]) == (None, "not-a-number")
    assert (row["mean"], row["mean_absent"]) == (None, None)
    assert (row["unit_received"], row["outcome"]) == ("kPa", "measured")
    assert (row["status"], row["attributes"]) == (["movement"], {"meal": "none"})
    assert (row["user_slot"], row["record_number"], row["amends"]) == (2, 65535, None)
    assert (row["patient_id"], row["device_id"]) == ("p-1", "cuff-1")
    assert (row["reading_id"].hex, row["stream"]) == (full.reading_id, STREAM)
    assert row["time"] == row["captured_at"] == from_ms(RECEIVED_MS - 2_000)
    assert row["received_at"] == from_ms(RECEIVED_MS)
    assert (row["gateway_id"], row["seq"]) == (GATEWAY, 1)
    assert row["raw"] == bytes.fromhex(full.raw)
    assert (row["time_screens"], row["time_quality"]) == (["clock-unset", "fault"], "receipt")
    assert (row["device_time"], row["device_offset_min"]) == ("2000-01-01T00:00:00", 339)
    assert held(other) == [(1, 1)]


def test_glucose_and_its_context_go_into_their_own_tables(bench: Bench, other: Database) -> None:
    measured = reading(
        1,
        vital="glucose",
        characteristic="2a18",
        quantities={"glucose": Quantity("mmol/L", absent="positive-infinity")},
    )
    context = reading(
        2,
        vital="glucose_context",
        characteristic="2a34",
        quantities={"carbohydrate": Quantity("g", "45")},
        attributes={"meal": "postprandial"},
        amends=measured.reading_id,
    )
    bench.send(topics.READINGS, patient_record([measured, context]))
    bench.sink().drain()
    assert rows(other, "glucose, glucose_absent, unit_received FROM vitalwire.glucose") == [
        (None, "positive-infinity", "mmol/L")
    ]
    ((amends, carbohydrate),) = rows(other, "amends, carbohydrate FROM vitalwire.glucose_context")
    assert (amends.hex, carbohydrate) == (measured.reading_id, 45.0)


def test_a_part_of_a_record_is_confirmed_and_kept_nowhere(bench: Bench, other: Database) -> None:
    bench.send(topics.REJECTED, rejected_record(1, reason=PART))
    bench.send(topics.REJECTED, rejected_record(2))
    bench.sink().drain()
    assert held(other) == [(1, 2)]
    assert rows(other, "seq FROM vitalwire.rejected_payloads") == [(2,)]


def test_weight_oximetry_and_temperature_go_into_their_own_tables(
    bench: Bench, other: Database
) -> None:
    weight = reading(
        1,
        vital="weight",
        characteristic="2a9d",
        quantities={
            "weight": Quantity("[lb_av]", "183.16"),
            "mass_index": Quantity("kg/m2", "26.5"),
            "height": Quantity("[in_i]", absent="error"),
        },
        user_slot=2,
    )
    oximetry = reading(
        2,
        vital="oximetry",
        characteristic="2a5e",
        quantities={"spo2": Quantity("%", "97.5"), "pulse_rate": Quantity("/min", "72")},
        status=["low-perfusion"],
    )
    temperature = reading(
        3,
        vital="body_temperature",
        characteristic="2a1c",
        quantities={"temperature": Quantity("[degF]", "98.6")},
        attributes={"place": "mouth"},
    )
    bench.send(topics.READINGS, patient_record([weight, oximetry, temperature]))
    bench.sink().drain()
    ((kilograms, received, unit, missing, slot),) = rows(
        other,
        "weight, weight_received, unit_received, height_absent, user_slot FROM vitalwire.weight",
    )
    assert kilograms == pytest.approx(83.0799784892)
    assert (str(received), unit, missing, slot) == ("183.16", "[lb_av]", "error", 2)
    assert rows(other, "spo2, pulse_rate, status FROM vitalwire.oximetry") == [
        (97.5, 72.0, ["low-perfusion"])
    ]
    found = rows(other, "temperature, temperature_received FROM vitalwire.body_temperature")
    assert found == [(37.0, Decimal("98.6"))]
    assert held(other) == [(1, 3)]


def test_a_reading_that_comes_often_is_stored_once_and_confirmed(
    bench: Bench, other: Database
) -> None:
    once = patient_record([reading(1), reading(2)])
    bench.send(topics.READINGS, once, once, patient_record([reading(2), reading(3), reading(2)]))
    bench.send(topics.READINGS, once, partition=1)
    sink = bench.sink()
    sink.drain()
    bench.send(topics.READINGS, once)
    sink.drain()
    assert stored(other) == [1, 2, 3]
    assert len(rows(other, "FROM vitalwire.reading_keys")) == 3
    assert held(other) == [(1, 3)]
    assert not rows(other, "FROM vitalwire.rejected_payloads")


def test_a_replacement_goes_on_where_the_last_commit_was(bench: Bench, other: Database) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    bench.sink().drain()
    bench.send(topics.READINGS, patient_record([reading(2)]))
    second = bench.sink()
    assert second.sink._next[topics.READINGS, 0] == 1
    second.drain()
    assert stored(other) == [1, 2]


def test_a_zombie_that_wakes_up_stores_nothing(bench: Bench, other: Database) -> None:
    zombie, successor = bench.sink(), bench.sink()
    bench.send(topics.READINGS, patient_record([reading(1)]))
    successor.drain()
    with pytest.raises(OvertakenError):
        zombie.drain()
    assert stored(other) == [1]
    assert offset(other) == (1,)


def test_a_sink_killed_in_the_middle_of_a_batch_leaves_nothing_behind(
    bench: Bench, other: Database
) -> None:
    bench.send(topics.READINGS, patient_record([reading(1), reading(2)]))
    killed = bench.sink()
    with ThreadPoolExecutor(1) as pool:
        with other.transaction():  # receipts come last: everything else is written by then
            other.execute("LOCK TABLE vitalwire.gateway_receipts")
            crash = pool.submit(killed.drain)
            pid = killed.connection.info.backend_pid
            waits = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
            eventually(lambda: other.execute(waits, [pid]).fetchone())
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(psycopg.OperationalError):
            crash.result(20)
    assert stored(other) == []
    assert not rows(other, "FROM vitalwire.reading_keys")
    assert offset(other) == (0,)
    bench.sink().drain()
    assert stored(other) == [1, 2]
    assert held(other) == [(1, 2)]


def test_rejections_and_waiting_readings_are_in_custody_too(bench: Bench, other: Database) -> None:
    unknown = reading(3, device=Device("AA:AA:AA:AA:AA:AA"))
    bench.send(topics.READINGS, patient_record([reading(1)]))
    bench.send(topics.REJECTED, rejected_record(2), rejected_record(None))
    bench.send(topics.UNASSIGNED, unassigned_record(unknown))
    bench.sink().drain()
    assert held(other) == [(1, 3)]
    kept = rows(other, "seq, reason, detail, payload FROM vitalwire.rejected_payloads ORDER BY seq")
    assert kept == [(2, "malformed", "why", b"junk"), (None, "malformed", "why", b"junk")]
    assert rows(other, "seq, reason, device_address FROM vitalwire.unassigned_readings") == [
        (3, "unknown-device", "AA:AA:AA:AA:AA:AA")
    ]


def test_the_same_rejection_again_is_one_row_seen_twice(bench: Bench, other: Database) -> None:
    bench.send(topics.REJECTED, rejected_record(2), rejected_record(2), rejected_record(None))
    bench.sink().drain()
    assert rows(other, "seq, times FROM vitalwire.rejected_payloads ORDER BY seq") == [
        (2, 2),
        (None, 1),
    ]


def test_another_value_under_a_known_name_is_kept_for_a_person(
    bench: Bench, other: Database
) -> None:
    said = reading(1)
    otherwise = msgspec.structs.replace(reading(9, "135"), reading_id=said.reading_id)
    bench.send(topics.READINGS, patient_record([said]), patient_record([otherwise]))
    bench.sink().drain()
    assert rows(other, "seq, systolic FROM vitalwire.blood_pressure") == [(1, 120.0)]
    ((seq, reason, payload),) = rows(other, "seq, reason, payload FROM vitalwire.rejected_payloads")
    assert (seq, reason) == (9, "conflict")
    assert b'"135"' in payload
    assert held(other) == [(1, 1), (9, 9)]


def test_one_entry_that_the_database_refuses_stops_nobody(bench: Bench, other: Database) -> None:
    poison = reading(3, session_id="a\0b")
    sound = [reading(seq) for seq in (1, 2, 4, 5, 6)]
    bench.send(topics.READINGS, patient_record([*sound[:2], poison, *sound[2:]]))
    bench.send(topics.READINGS, patient_record([reading(7, record_number=1 << 70)]))
    too_long_for_an_index = "".join(chr(0x4E00 + number) for number in range(9_000))
    stranger = reading(8, device=Device(too_long_for_an_index))
    bench.send(topics.UNASSIGNED, unassigned_record(stranger))
    bench.send(topics.READINGS, patient_record([reading(9)]))
    bench.sink().drain()
    assert stored(other) == [1, 2, 4, 5, 6, 9]
    kept = rows(other, "seq, reason FROM vitalwire.rejected_payloads ORDER BY seq")
    assert [seq for seq, _ in kept] == [3, 7, 8]
    assert {reason for _, reason in kept} == {"refused-by-database"}
    assert held(other) == [(1, 9)]
    assert offset(other) == (3,)


TOO_SLOW = """
CREATE FUNCTION too_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM fresh) > TG_ARGV[0]::int THEN
        RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER too_slow AFTER INSERT ON vitalwire.reading_keys REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION too_slow({});
"""


@contextmanager
def slow_for_more_than(count: int, database: Database) -> Iterator[None]:
    """Let the database cancel what stores more readings than that at once."""
    database.execute(TOO_SLOW.format(count).encode())
    try:
        yield
    finally:
        database.execute("DROP FUNCTION too_slow CASCADE")


def test_a_batch_that_takes_too_long_is_stored_in_parts_and_nothing_is_refused(
    bench: Bench, other: Database
) -> None:
    bench.send(topics.READINGS, patient_record([reading(seq) for seq in range(1, 8)]))
    with slow_for_more_than(2, other):
        bench.sink().drain()
    assert stored(other) == [1, 2, 3, 4, 5, 6, 7]
    assert not rows(other, "FROM vitalwire.rejected_payloads")
    assert offset(other) == (1,)


def test_one_entry_that_takes_too_long_is_tried_again_and_not_refused(
    bench: Bench, other: Database
) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    with slow_for_more_than(0, other), pytest.raises(psycopg.errors.QueryCanceled):
        bench.sink().drain()
    bench.sink().drain()
    assert stored(other) == [1]
    assert not rows(other, "FROM vitalwire.rejected_payloads")


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff\xff",
        b"{}",
        b'{"x":' + b"[" * 5_000,
        msgspec.json.encode({"kind": "readings", "version": 2}),
        patient_record([reading(1, vital="mood")]),
        patient_record([reading(1, reading_id="x")]),
        patient_record([reading(1, systolic="1e999")]),
        patient_record([reading(1)]).replace(str(RECEIVED_MS).encode(), b"9" * 30),
        patient_record([reading(1)]).replace(b'"gateway_id":"home-1"', b'"gateway_id":"\\u0000"'),
        rejected_record(1 << 80),
        rejected_record(1).replace(b"why", b"\\u0000\\ud83d\\ude00"),
    ],
    ids=[
        *("empty", "no text", "no fields", "deep", "other version", "unknown vital"),
        *("no id", "no number", "no instant", "NUL", "no 64 bits", "NUL in detail"),
    ],
)
def test_no_record_of_kafka_stops_the_sink(bench: Bench, other: Database, junk: bytes) -> None:
    for topic in (topics.READINGS, topics.REJECTED, topics.UNASSIGNED, topics.GATEWAYS):
        bench.send(topic, junk)
    bench.send(topics.READINGS, patient_record([reading(5)]))
    bench.sink().drain()
    assert 5 in stored(other)
    assert rows(other, "FROM vitalwire.rejected_payloads")


@pytest.mark.parametrize(
    "record",
    [
        Tick(RECEIVED_MS),
        Corrections("p-1", RECEIVED_MS, "why", []),
        Withdrawals("p-1", RECEIVED_MS, "why", []),
    ],
)
def test_what_is_no_arrival_only_moves_the_offset(
    bench: Bench, other: Database, record: Tick | Corrections | Withdrawals
) -> None:
    bench.send(topics.READINGS, msgspec.json.encode(record))
    bench.sink().drain()
    assert offset(other) == (1,)
    assert not rows(other, "FROM vitalwire.rejected_payloads")


def test_the_newest_report_of_a_gateway_is_kept(bench: Bench, other: Database) -> None:
    for received_ms, state in ((RECEIVED_MS, "online"), (RECEIVED_MS - 1, "offline")):
        health = Health("online" if state == "online" else "offline")
        report = msgspec.json.encode(GatewayReport(GATEWAY, received_ms, health))
        bench.send(topics.GATEWAYS, report)
        bench.sink().drain()
    assert rows(other, "gateway_id, state FROM vitalwire.gateways") == [(GATEWAY, "online")]


@broker_dies
def test_a_topic_that_was_re_created_is_read_from_its_beginning(
    bench: Bench, other: Database
) -> None:
    bench.send(topics.READINGS, *(patient_record([reading(seq)]) for seq in (1, 2)))
    sink = bench.sink()
    sink.drain()
    bench.wipe_kafka()
    bench.send(topics.READINGS, *(patient_record([reading(seq)]) for seq in (2, 3, 4)))

    def noticed() -> bool:
        try:
            sink.step()
        except UnavailableError:
            return True
        return False

    eventually(noticed)  # three records, offset two: nothing but the topic's id tells
    bench.sink().drain()
    assert stored(other) == [1, 2, 3, 4]
    assert offset(other) == (3,)


def test_partitions_are_made_for_the_months_to_come(bench: Bench, other: Database) -> None:
    sink = bench.sink()
    sink.step()
    bench.clock.pass_ms(timedelta(days=365) // timedelta(milliseconds=1))
    sink.step()
    try:
        assert rows(other, "to_regclass('vitalwire.glucose_2027_11') IS NOT NULL") == [(True,)]
    finally:
        other.execute(
            "DO $$ DECLARE part text; BEGIN FOR part IN SELECT relname FROM pg_class"
            " WHERE relkind = 'r' AND relname ~ '_(2027_(09|1.)|2028_0.)$'"
            " LOOP EXECUTE 'DROP TABLE vitalwire.' || part; END LOOP; END $$"
        )
