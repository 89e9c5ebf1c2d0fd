"""The settings of deploy/mosquitto, as Debian's Mosquitto understands them."""

import queue
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
from tests.mosquitto import Mosquitto

TOPIC = "vitalwire/v1/home-1/readings"
QUEUED = 1500  # above the 1,000 at which Mosquitto's default begins to drop
LIMIT_S = 30.0


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
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


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
    broker: Mosquitto, visitor: Callable[[str], Visitor]
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
    broker.start().wait()
    returned = visitor("bridge-0")
    returned.come(broker.port)
    assert [returned.received.get(timeout=LIMIT_S) for _ in sent] == sent


def test_clients_are_told_the_limits(broker: Mosquitto, visitor: Callable[[str], Visitor]) -> None:
    limits = visitor("gateway-home-1").come(broker.port)
    assert limits["ReceiveMaximum"] == 100
    assert limits["MaximumPacketSize"] >= 2 * PACKET_BYTES_MAX


def test_too_large_for_us_is_still_the_bridges_to_reject(
    broker: Mosquitto, visitor: Callable[[str], Visitor]
) -> None:
    bridge = visitor("bridge-0")
    bridge.come(broker.port)
    bridge.subscribe()
    home = visitor("gateway-home-1")
    home.come(broker.port)
    home.publish([b"x" * (PACKET_BYTES_MAX + 1)])
    assert len(bridge.received.get(timeout=LIMIT_S)) == PACKET_BYTES_MAX + 1


def test_only_loopback_is_served(broker: Mosquitto) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", broker.port), LIMIT_S)
