"""The sink as it runs: servers go away and come back, homes hear what is in custody."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Self

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest import database
from ingest.sink.sink import LOOK_EVERY_MS
from schemas import topics
from schemas.kafka import GatewayReport
from schemas.wire import Health, Receipts
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.postgres import EmbeddedPostgres
from tests.ingest.factories import GATEWAY, RECEIVED_MS, STREAM, patient_record, reading
from tests.ingest.sink.conftest import Bench
from tests.ingest.sink.running import RunningSink
from tests.servers import NOW, broker_dies, eventually

RECEIPTS = topics.mqtt_topic(GATEWAY, "receipts")


class Listener(AbstractContextManager["Listener"]):
    """A home that listens to its receipts."""

    def __init__(self, mqtt: EmbeddedMqtt) -> None:
        self.heard: list[dict[str, list[tuple[int, int]]]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.on_message = lambda _client, _userdata, message: self.heard.append(
            msgspec.json.decode(message.payload, type=Receipts).streams
        )
        self.client.connect("127.0.0.1", mqtt.port)

    def __enter__(self) -> Self:
        self.client.loop_start()
        eventually(self.client.is_connected)
        self.client.subscribe(RECEIPTS, qos=1)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def home(mqtt: EmbeddedMqtt) -> Iterator[Listener]:
    with Listener(mqtt) as listener:
        yield listener


def count(url: str) -> int:
    with database.connect(url, "test") as connection:
        row = connection.execute("SELECT count(*) FROM vitalwire.blood_pressure").fetchone()
    assert row is not None
    return int(row[0])


def test_a_home_hears_what_is_in_custody_after_each_commit(
    bench: Bench, mqtt: EmbeddedMqtt, home: Listener
) -> None:
    with RunningSink(bench, mqtt):
        bench.send(topics.READINGS, patient_record([reading(1), reading(2)]))
        eventually(lambda: {STREAM: [(1, 2)]} in home.heard)
        bench.send(topics.READINGS, patient_record([reading(4)]))
        eventually(lambda: {STREAM: [(1, 2), (4, 4)]} in home.heard)


def test_a_crash_between_commit_and_receipt_costs_no_receipt(
    bench: Bench, mqtt: EmbeddedMqtt, home: Listener
) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    bench.sink().drain()  # committed; this one never reached MQTT
    with RunningSink(bench, mqtt):
        eventually(lambda: {STREAM: [(1, 1)]} in home.heard)


def test_receipts_are_kept_by_the_broker_for_a_home_that_comes_later(
    bench: Bench, mqtt: EmbeddedMqtt
) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    with RunningSink(bench, mqtt), Listener(mqtt) as first:
        eventually(lambda: first.heard)
        with Listener(mqtt) as later:
            eventually(lambda: later.heard == [{STREAM: [(1, 1)]}])


def test_a_gateway_s_health_asks_for_its_receipts(
    bench: Bench, mqtt: EmbeddedMqtt, home: Listener
) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    with RunningSink(bench, mqtt):
        eventually(lambda: home.heard)
        heard = len(home.heard)
        report = GatewayReport(GATEWAY, RECEIVED_MS, Health("online"))
        bench.send(topics.GATEWAYS, msgspec.json.encode(report))
        eventually(lambda: len(home.heard) > heard)
        assert home.heard[-1] == {STREAM: [(1, 1)]}


def test_a_broker_that_forgot_everything_is_told_again(bench: Bench, mqtt: EmbeddedMqtt) -> None:
    bench.send(topics.READINGS, patient_record([reading(1)]))
    with RunningSink(bench, mqtt) as sink:
        with Listener(mqtt) as before:
            eventually(lambda: before.heard)
        mqtt.child.kill()
        eventually(lambda: "mqtt" in (sink.condition.reason() or ""))
        mqtt.start().wait()
        with Listener(mqtt) as after:
            eventually(lambda: after.heard == [{STREAM: [(1, 1)]}])


def test_a_database_that_goes_away_loses_nothing_and_doubles_nothing(
    bench: Bench, mqtt: EmbeddedMqtt, postgres: EmbeddedPostgres
) -> None:
    with RunningSink(bench, mqtt) as sink:
        bench.send(topics.READINGS, patient_record([reading(1)]))
        eventually(lambda: count(bench.url) == 1)
        postgres.stop()
        try:
            bench.send(topics.READINGS, patient_record([reading(1), reading(2)]))
            eventually(lambda: "database" in (sink.condition.reason() or ""))
        finally:
            postgres.start().wait()
        eventually(lambda: count(bench.url) == 2)
        eventually(lambda: sink.condition.reason() is None)


@broker_dies
def test_a_kafka_that_comes_back_empty_is_read_from_its_beginning(
    bench: Bench, mqtt: EmbeddedMqtt
) -> None:
    with RunningSink(bench, mqtt) as sink:
        bench.send(topics.READINGS, patient_record([reading(1)]), patient_record([reading(2)]))
        eventually(lambda: count(bench.url) == 2)
        bench.wipe_kafka()
        bench.clock.pass_ms(LOOK_EVERY_MS)
        bench.send(topics.READINGS, patient_record([reading(3)]))
        eventually(lambda: count(bench.url) == 3)
        eventually(lambda: sink.condition.reason() is None)


def test_a_sink_that_starts_before_the_setup_waits_and_says_why(
    bench: Bench, mqtt: EmbeddedMqtt, empty_database_url: str
) -> None:
    bench.url = empty_database_url
    with RunningSink(bench, mqtt) as sink:
        eventually(lambda: "does not exist" in (sink.condition.reason() or ""))
        with database.connect(empty_database_url, "test") as connection:
            database.migrate(connection, NOW)
        eventually(lambda: sink.condition.reason() is None)
