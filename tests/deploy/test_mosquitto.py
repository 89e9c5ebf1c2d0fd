"""Debian's Mosquitto, run with the very file that compose.yaml mounts."""

import os
import queue
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from schemas.wire import PACKET_BYTES_MAX
from simulators.programs import find_program
from simulators.stack.process import (
    Child,
    Program,
    accepts_connections,
    free_port,
    wait_until_ready,
)

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"
TOPIC = "vitalwire/v1/home-1/readings"
QUEUED = 1500  # above the 1,000 at which Mosquitto's default begins to drop
LIMIT_S = 30.0


class Broker:
    """Mosquitto on a free port, with its data in a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        text = CONFIGURATION.read_text()
        text, ports = re.subn(r"(?m)^listener 1883 ", f"listener {self.port} ", text)
        text, folders = re.subn(r"(?m)/mosquitto/data/$", f"{folder}/", text)
        assert (ports, folders) == (1, 1)
        if os.geteuid() == 0:
            text += "user root\n"  # the folder of a test that root runs is closed to others
        changed = folder / "mosquitto.conf"
        changed.write_text(text)
        command = (str(find_program("mosquitto")), "-c", str(changed))
        self._child = Child(Program(name="mosquitto", command=command, log=folder / "log"))

    def start(self) -> None:
        self._child.start()
        wait_until_ready(self._child, lambda: accepts_connections(self.port))

    def stop(self) -> None:
        self._child.stop()


class Visitor:
    """A client with a persistent session: what it was told at the door, and what it received."""

    def __init__(self, name: str) -> None:
        self.received: queue.Queue[bytes] = queue.Queue()
        self.client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.on_connect = lambda *told: self._answers.put(told[-1])
        self.client.on_subscribe = lambda *_: self._answers.put(None)
        self.client.on_message = lambda _client, _userdata, message: self.received.put(
            bytes(message.payload)
        )
        self._answers: queue.Queue[Any] = queue.Queue()

    def come(self, port: int) -> dict[str, int]:
        """Connect, and return the limits that the broker states."""
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self.client.loop_start()
        limits: dict[str, int] = self._answers.get(timeout=LIMIT_S).json()
        return limits

    def subscribe(self) -> None:
        self.client.subscribe(TOPIC, qos=1)
        self._answers.get(timeout=LIMIT_S)

    def publish(self, payloads: list[bytes]) -> None:
        sent = [self.client.publish(TOPIC, payload, qos=1) for payload in payloads]
        for message in sent:
            message.wait_for_publish(LIMIT_S)
            assert message.is_published()

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def visitor() -> Iterator[Callable[[str], Visitor]]:
    visitors: list[Visitor] = []

    def make(name: str) -> Visitor:
        visitors.append(Visitor(name))
        return visitors[-1]

    yield make
    for each in visitors:
        each.leave()


def test_absent_subscriber_loses_nothing_even_across_a_restart(
    broker: Broker, visitor: Callable[[str], Visitor]
) -> None:
    home, bridge = visitor("gateway-home-1"), visitor("bridge-0")
    bridge.come(broker.port)
    bridge.subscribe()
    bridge.leave()
    sent = [b"%d" % number for number in range(QUEUED)]
    home.come(broker.port)
    home.publish(sent)
    home.leave()
    broker.stop()
    broker.start()
    returned = visitor("bridge-0")
    returned.come(broker.port)
    assert [returned.received.get(timeout=LIMIT_S) for _ in sent] == sent


def test_clients_are_told_the_limits(broker: Broker, visitor: Callable[[str], Visitor]) -> None:
    limits = visitor("gateway-home-1").come(broker.port)
    assert limits["ReceiveMaximum"] == 100
    assert limits["MaximumPacketSize"] >= 2 * PACKET_BYTES_MAX


def test_too_large_for_us_is_still_the_bridges_to_reject(
    broker: Broker, visitor: Callable[[str], Visitor]
) -> None:
    bridge = visitor("bridge-0")
    bridge.come(broker.port)
    bridge.subscribe()
    home = visitor("gateway-home-1")
    home.come(broker.port)
    home.publish([b"x" * (PACKET_BYTES_MAX + 1)])
    assert len(bridge.received.get(timeout=LIMIT_S)) == PACKET_BYTES_MAX + 1


def test_only_loopback_is_served(broker: Broker) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", broker.port), LIMIT_S)
