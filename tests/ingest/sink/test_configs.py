"""What a home is told on its config topic, from the database alone."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from gateway.bluetooth.meter import BLOOD_PRESSURE_MEMORY
from gateway.record_access.cursor import Cursor
from ingest import database
from ingest.mqtt_link import MqttLink, Session
from ingest.registry.assignments import NewAssignment
from ingest.registry.care_plan import with_zone
from ingest.registry.store import RegistryStore
from ingest.sink.configs import ask_for_resend, config_of
from ingest.sink.sink import LOOK_EVERY_MS
from ingest.waiting import Condition
from schemas import topics
from schemas.gatt.blood_pressure_record import Record, encode_segment, split, whole
from schemas.kafka import GatewayReport, PatientReadings, StampedReading
from schemas.reading import Device
from schemas.registry import PatientEntry, ZonePeriod
from schemas.servers import MqttServer
from schemas.wire import BoundDevice, Config, Health, Resend, StreamState
from simulators.stack.mqtt import EmbeddedMqtt
from tests import home_config
from tests.ingest.factories import (
    ASSIGNMENT,
    CUFF,
    GATEWAY,
    RECEIVED_MS,
    STREAM,
    patient_record,
    reading,
    stamp,
    unassigned_record,
)
from tests.ingest.sink.conftest import Bench
from tests.ingest.sink.running import RunningSink
from tests.servers import NOW, eventually

MIGRATIONS = Path(database.__file__).with_name("migrations")
CONFIG = topics.mqtt_topic(GATEWAY, "config")


def sent(*numbers: int) -> bytes:
    """A record of readings.v1 whose device numbers its records, one a second."""
    stamps = [stamp(RECEIVED_MS - 60_000 + 1000 * number) for number in numbers]
    readings = [
        reading(seq, record_number=number, raw=f"{number:04x}")
        for seq, number in enumerate(numbers, 1)
    ]
    owned = [
        StampedReading(found, at, "cuff-1", ASSIGNMENT)
        for found, at in zip(readings, stamps, strict=True)
    ]
    return msgspec.json.encode(PatientReadings("p-1", GATEWAY, STREAM, RECEIVED_MS, owned))


def told(other: Connection[TupleRow], gateway_id: str = GATEWAY) -> Config:
    return msgspec.json.decode(config_of(other, gateway_id), type=Config)


def health(stream: str) -> bytes:
    streams = {stream: StreamState(0)}
    return msgspec.json.encode(
        GatewayReport(GATEWAY, RECEIVED_MS, Health("online", streams=streams))
    )


def test_devices_that_came_before_they_were_noted_are_told_all_the_same(
    bench: Bench, other: Connection[TupleRow]
) -> None:
    bench.send(topics.READINGS, sent(4, 5))
    waiting = reading(9, device=Device("AA:AA:AA:AA:AA:AA"))
    bench.send(topics.UNASSIGNED, unassigned_record(waiting))
    bench.sink().drain()
    before = told(other)
    other.execute("DELETE FROM vitalwire.gateway_devices")
    assert told(other).devices == []
    for _ in range(2):
        other.execute((MIGRATIONS / "009_known_devices.sql").read_bytes())
    assert told(other) == before
    assert [device.address for device in before.devices] == ["AA:AA:AA:AA:AA:AA", CUFF]


@pytest.fixture
def heard(mqtt: EmbeddedMqtt) -> Iterator[list[Config]]:
    """What the home hears."""
    with home_config.heard(mqtt.port, GATEWAY) as configs:
        yield configs


def test_a_home_is_told_its_devices_their_zone_and_how_far_they_are_stored(
    bench: Bench, other: Connection[TupleRow], registry: RegistryStore
) -> None:
    assert told(other) == Config()
    bench.send(topics.READINGS, sent(1, 2, 4, 5))
    bench.sink().drain()
    (device,) = told(other).devices
    assert (device.address, device.zone) == (CUFF, "UTC")
    assert device.cursor is not None
    assert (device.cursor.last, device.cursor.held) == (5, 2)
    assert device.cursor.digest == Cursor.at(5, bytes.fromhex("0005")).digest
    assert told(other, "another-home") == Config()


def test_a_record_in_segments_is_known_again_by_what_it_carries(
    bench: Bench, other: Connection[TupleRow]
) -> None:
    """However its cuff cuts and counts it: a replaced gateway need not read everything again."""
    record = Record(sequence=7, characteristic=0x2A35, payload=bytes.fromhex("00780050005D00"))
    number = BLOOD_PRESSURE_MEMORY.numbering()
    (again,) = map(encode_segment, split(record, 20, checksum=True, counter=9))
    found = number(again)
    for seq, raw in enumerate((whole(record), again), 1):
        kept = reading(seq, record_number=7, characteristic="2b36", raw=raw.hex())
        bench.send(topics.READINGS, patient_record([kept]))
        bench.sink().drain()
        (device,) = told(other).devices
        assert device.cursor is not None
        assert device.cursor.digest == Cursor.at(7, found.content).digest


def test_a_device_without_numbers_has_no_cursor_and_one_with_two_wearers_no_zone(
    bench: Bench, other: Connection[TupleRow], registry: RegistryStore
) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    bench.sink().drain()
    assert told(other).devices == [BoundDevice(CUFF, "UTC")]
    registry.add_patient(PatientEntry("p-3", "p-3", zone="Europe/Berlin"))
    registry.add_device("cuff-2", "C0:FF:EE:00:00:99")
    registry.assign(NewAssignment("cuff-2", "p-1", 0, user_slot=1))
    registry.assign(NewAssignment("cuff-2", "p-3", 0, user_slot=2))
    other.execute("UPDATE vitalwire.gateway_devices SET address = 'C0:FF:EE:00:00:99'")
    assert told(other).devices == [BoundDevice("C0:FF:EE:00:00:99")]


def test_a_home_is_told_the_zone_in_which_its_patient_lives_now(
    bench: Bench, other: Connection[TupleRow], registry: RegistryStore
) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    bench.sink().drain()
    for period in (ZonePeriod(2000, "Europe/Berlin"), ZonePeriod(1000, "Asia/Tokyo")):
        registry.change_plan("p-1", "zone", partial(with_zone, new=period))
    assert told(other).devices == [BoundDevice(CUFF, "Europe/Berlin")]
    far = ZonePeriod(4_000_000_000_000, "America/New_York")  # a move that is only planned
    registry.change_plan("p-1", "zone", partial(with_zone, new=far))
    assert told(other).devices == [BoundDevice(CUFF, "Europe/Berlin")]


def test_only_the_newest_request_for_a_home_is_told(other: Connection[TupleRow]) -> None:
    since_ms = int(NOW.timestamp() * 1000)
    ask_for_resend(other, since_ms - 1000, None)
    every = ask_for_resend(other, since_ms, None)
    ask_for_resend(other, since_ms, "another-home")
    assert told(other).resend == Resend(str(every), since_ms)


class WrittenDown(MqttLink):
    """A connection that notes to which topics something is published."""

    def __init__(self) -> None:
        super().__init__(MqttServer("127.0.0.1", 9), Session("sink"), Condition())
        self.subscribed.set()
        self.topics: list[str] = []

    def publish_retained(self, topic: str, payload: bytes) -> bool:
        assert payload
        self.topics.append(topic)
        return True


def test_a_new_journal_asks_for_its_configuration_and_a_repeated_report_for_nothing(
    bench: Bench,
) -> None:
    link = WrittenDown()
    sink = bench.sink(link)
    told = []
    for stream in (STREAM, STREAM, "f" * 16):
        bench.send(topics.GATEWAYS, health(stream))
        sink.drain()
        told.append(link.topics.count(CONFIG))
    assert told == [1, 1, 2]


def test_what_a_home_is_to_know_reaches_it_and_so_does_a_request(
    bench: Bench, mqtt: EmbeddedMqtt, heard: list[Config], other: Connection[TupleRow]
) -> None:
    with RunningSink(bench, mqtt):
        bench.send(topics.READINGS, sent(1))
        bench.send(topics.GATEWAYS, health(STREAM))
        eventually(lambda: heard and heard[-1].devices)
        ask_for_resend(other, 5, None)
        bench.clock.pass_ms(LOOK_EVERY_MS)
        eventually(lambda: heard[-1].resend is not None)
