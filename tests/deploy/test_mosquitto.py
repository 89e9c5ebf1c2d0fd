"""The settings of deploy/mosquitto, as Debian's Mosquitto understands them."""

import queue
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from schemas.wire import BROKER_KEEPS_S, PACKET_BYTES_MAX
from tests.mosquitto import Mosquitto

TOPIC = "vitalwire/v1/home-1/readings"
QUEUED = 1500  # above the 1,000 at which Mosquitto's default begins to drop
LIMIT_S = 30.0


class Visitor:
    """A client with a persistent session: what it was told at the door, and what it received."""

    def __init__(self, name: str, *, acknowledges: bool = True) -> None:
        self.received: queue.Queue[bytes] = queue.Queue()
        self.expire_in_s: queue.Queue[int] = queue.Queue()
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            name,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=not acknowledges,
        )
        self.client.on_connect = lambda *told: self._answers.put(told[-1])
        self.client.on_subscribe = lambda *_: self._answers.put(None)
        self.client.on_message = lambda _client, _userdata, message: self._take(message)
        self._answers: queue.Queue[Any] = queue.Queue()

    def come(self, port: int) -> dict[str, int]:
        """Connect, and return the limits that the broker states."""
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self.client.loop_start()
        limits: dict[str, int] = self._answers.get(timeout=LIMIT_S).json()
        return limits

    def _take(self, message: MQTTMessage) -> None:
        self.received.put(bytes(message.payload))
        left_s = getattr(message.properties, "MessageExpiryInterval", None)  # as received
        if left_s is not None:
            self.expire_in_s.put(left_s)

    def subscribe(self) -> None:
        self.client.subscribe(TOPIC, qos=1)
        self._answers.get(timeout=LIMIT_S)

    def publish(self, payloads: list[bytes]) -> None:
        kept = Properties(PacketTypes.PUBLISH)
        kept.MessageExpiryInterval = BROKER_KEEPS_S
        sent = [self.client.publish(TOPIC, payload, qos=1, properties=kept) for payload in payloads]
        for message in sent:
            message.wait_for_publish(LIMIT_S)
            assert message.is_published()

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        # Its pair of sockets closes when it is collected; in a cycle they may be found open first.
        self.client.on_connect = self.client.on_subscribe = self.client.on_message = None


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


def test_the_broker_tells_how_long_it_kept_a_message(
    broker: Mosquitto, visitor: Callable[[str], Visitor]
) -> None:
    bridge = visitor("bridge-0")
    bridge.come(broker.port)
    bridge.subscribe()
    bridge.leave()
    home = visitor("gateway-home-1")
    home.come(broker.port)
    home.publish([b"a reading"])
    left_s = BROKER_KEEPS_S
    deadline_s = time.monotonic() + LIMIT_S
    while left_s == BROKER_KEEPS_S:  # whole seconds; unacknowledged, it comes again each time
        assert time.monotonic() < deadline_s
        returned = Visitor("bridge-0", acknowledges=False)
        returned.come(broker.port)
        left_s = returned.expire_in_s.get(timeout=LIMIT_S)
        returned.leave()
    assert BROKER_KEEPS_S - LIMIT_S < left_s < BROKER_KEEPS_S


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
