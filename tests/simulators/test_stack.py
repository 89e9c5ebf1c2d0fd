"""The embedded servers serve, keep their data, stay private and end with their parent."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as paho
import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from schemas.errors import MisconfiguredError, UnavailableError
from schemas.wire import PACKET_BYTES_MAX
from simulators.stack.directory import stack_directory
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.postgres import EmbeddedPostgres
from simulators.stack.process import Child, Program, last_line, wait_until_ready
from tests.processes import descendants, ends, handles


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with stack_directory() as made:
        yield made


@pytest.fixture(scope="module")
def postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(directory) as server:
        yield server


def test_postgres_keeps_its_data_over_a_stop(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    postgres.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url)
    postgres.start().wait()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_postgres_survives_a_crash(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE durable AS SELECT 8 AS number")
    postgres.child.kill()
    postgres.start().wait()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT number FROM durable").fetchone() == (8,)


def test_postgres_that_does_not_stop_in_time_can_start_again(postgres: EmbeddedPostgres) -> None:
    patient = postgres.child.program
    postgres.child.program = replace(patient, stop_within_s=0.1)
    for helper in descendants(postgres.child.pid):  # one of them has the last checkpoint to write
        os.kill(helper, signal.SIGSTOP)
    postgres.stop()
    postgres.child.program = patient
    postgres.start().wait()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT 9").fetchone() == (9,)


def test_postgres_is_private_and_speaks_utf8(postgres: EmbeddedPostgres, directory: Path) -> None:
    with psycopg.connect(postgres.url) as connection:
        rows: list[tuple[str, str]] = connection.execute(
            "SELECT name, setting FROM pg_settings"
        ).fetchall()
        settings = dict(rows)
    assert settings["listen_addresses"] == ""
    assert settings["fsync"] == "on"
    assert settings["server_encoding"] == "UTF8"
    for folder in ("postgres", "socket"):
        assert stat.S_IMODE((directory / folder).stat().st_mode) == 0o700


def test_postgres_never_runs_as_root(postgres: EmbeddedPostgres) -> None:
    status = Path(f"/proc/{postgres.child.pid}/status").read_text()
    uids = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    assert "0" not in uids


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's PostgreSQL runs as that user")
def test_a_place_closed_to_postgres_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(MisconfiguredError, match="no other user may enter"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_kafka_keeps_records_while_it_runs(directory: Path) -> None:
    with EmbeddedKafka(directory) as kafka:
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
        producer.send("greetings", b"hello").get(timeout=10)
        producer.close()
        consumer = KafkaConsumer(
            "greetings",
            bootstrap_servers=kafka.bootstrap,
            auto_offset_reset="earliest",
            consumer_timeout_ms=10_000,
        )
        assert next(consumer).value == b"hello"
        consumer.close()


def test_mqtt_speaks_version_5_and_takes_the_largest_packet(directory: Path) -> None:
    sizes: list[int] = []

    def subscribe(client: paho.Client, *_: object) -> None:
        client.subscribe("test", qos=1)

    def publish(client: paho.Client, *_: object) -> None:
        client.publish("test", bytes(PACKET_BYTES_MAX), qos=1)

    with EmbeddedMqtt(directory) as mqtt:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.on_connect = subscribe
        client.on_subscribe = publish
        client.on_message = lambda _client, _data, message: sizes.append(len(message.payload))
        client.connect("127.0.0.1", mqtt.port)
        for _ in range(1000):
            if sizes:
                break
            assert client.loop(timeout=0.1) == MQTTErrorCode.MQTT_ERR_SUCCESS
        client.disconnect()
    assert sizes == [PACKET_BYTES_MAX]


def test_every_server_listens_on_loopback_alone(directory: Path) -> None:
    with EmbeddedKafka(directory) as kafka, EmbeddedMqtt(directory) as mqtt:
        for child in (kafka.child, mqtt.child):
            assert _listens_on(child.pid) == {"0100007F"}


_STACK = """
import pathlib, signal, sys
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.postgres import EmbeddedPostgres
directory = pathlib.Path(sys.argv[1])
with EmbeddedKafka(directory), EmbeddedMqtt(directory), EmbeddedPostgres(directory):
    print("up", flush=True)
    signal.pause()
"""


def test_nothing_outlives_a_killed_parent() -> None:
    with stack_directory() as directory:
        parent = subprocess.Popen(
            [sys.executable, "-c", _STACK, str(directory)], stdout=subprocess.PIPE
        )
        with parent:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"up\n"
            with handles(descendants(parent.pid)) as opened:
                assert len(opened) > 5  # PostgreSQL alone has several
                parent.kill()
                assert all(ends(handle) for handle in opened)


def test_a_child_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    command = ("/bin/sh", "-c", "echo no such luck; exit 3")
    with Child(Program("child", command, log)) as child, pytest.raises(UnavailableError) as error:
        wait_until_ready(child, lambda: False)
    assert "child ended while it started (exit 3): no such luck" in error.value.cause
    assert str(log) in error.value.way_out


def test_a_child_that_is_too_slow_is_named(tmp_path: Path) -> None:
    program = Program("child", ("/bin/sleep", "60"), tmp_path / "child.log")
    with Child(program) as child, pytest.raises(UnavailableError, match="did not answer"):
        wait_until_ready(child, lambda: False, within_s=0.0)
    assert child.exit_code == -signal.SIGTERM


def test_a_stubborn_child_is_ended_by_force(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    command = ("/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done")
    with Child(Program("child", command, log, stop_within_s=0.1)) as child:
        wait_until_ready(child, lambda: last_line(log) == "up")
    assert child.exit_code == -signal.SIGKILL


def _listens_on(pid: int) -> set[str]:
    """Addresses (hex, network order) of the process's listening TCP sockets, from /proc."""
    sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            found.add(fields[1].split(":")[0])
    return found
