"""What the publisher tells people without a broker, and what a broker gets of it, byte by byte."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import pytest
from structlog.testing import capture_logs

from gateway.admission.live import JournalStatus, Live, Overview
from gateway.bedside.advice import Level, advice
from gateway.sending import publisher as publisher_module
from gateway.sending.publisher import Listener, Publisher
from schemas.servers import MqttServer
from schemas.wire import envelope_for
from tests.bluetooth_world import eventually

CONNECT, PUBLISH = 1, 3
ACCEPTED = bytes.fromhex("2003000000")
QOS, QOS_OF_WILL, RETAIN_WILL = 0b0000_0110, 0b0001_1000, 0b0010_0000
TOPIC = b"vitalwire/v1/home-1/readings"


@dataclass
class Broker:
    """Accepts everybody, keeps what they send, and answers a publication when it is told to."""

    packets: list[tuple[int, bytes]] = field(default_factory=list)
    """Each with its first byte, which has the kind and the flags."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with suppress(asyncio.IncompleteReadError):
            while True:
                first = (await reader.readexactly(1))[0]
                length, shift = 0, 0
                while (octet := (await reader.readexactly(1))[0]) & 0x80:
                    length, shift = length | (octet & 0x7F) << shift, shift + 7
                content = await reader.readexactly(length | octet << shift)
                self.packets.append((first, content))
                if first >> 4 == CONNECT:
                    writer.write(ACCEPTED)
        writer.close()

    def of(self, kind: int) -> list[tuple[int, bytes]]:
        return [packet for packet in self.packets if packet[0] >> 4 == kind]

    def acknowledge(self, content: bytes) -> None:
        behind = 2 + len(TOPIC)
        self._writer.write(b"\x40\x02" + content[behind : behind + 2])


async def test_messages_and_will_are_sent_at_least_once_and_the_will_is_retained() -> None:
    """A gateway that falls silent is offline also to whoever subscribes later."""
    broker, acknowledged = Broker(), list[tuple[int, bool]]()
    server = await asyncio.start_server(broker.serve, "127.0.0.1")
    port: int = server.sockets[0].getsockname()[1]
    deaf = Listener(
        connected=lambda: None,
        disconnected=lambda: None,
        acknowledged=lambda number, heard: acknowledged.append((number, heard)),
        received=lambda _payload: None,
        configured=lambda _payload: None,
    )
    publisher = Publisher(MqttServer("127.0.0.1", port), "home-1", deaf, Random(1))
    running = asyncio.create_task(publisher.run())
    await eventually(lambda: publisher.problem is None)
    message = publisher.publish_readings(envelope_for("f" * 16, 1, 1, b"{}"), b"{}")
    await eventually(lambda: broker.of(PUBLISH))
    ((first, content),) = broker.of(PUBLISH)
    assert first & QOS == 0b0000_0010
    broker.acknowledge(content)
    await eventually(lambda: acknowledged)
    assert acknowledged == [(message, True)]
    ((_, connect),) = broker.of(CONNECT)
    flags = connect[len(b"\x00\x04MQTT\x05")]
    assert flags & (QOS_OF_WILL | RETAIN_WILL) == 0b0010_1000
    assert b"offline" in connect
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    server.close()
    await server.wait_closed()


DEAF = Listener(
    connected=lambda: None,
    disconnected=lambda: None,
    acknowledged=lambda _number, _heard: None,
    received=lambda _payload: None,
    configured=lambda _payload: None,
)


@pytest.mark.parametrize("stable_s", [0.0, 3600.0])
async def test_only_a_connection_that_lasted_makes_the_next_one_come_soon(
    stable_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two gateways under one id throw each other out: they must not do it in a hurry."""
    monkeypatch.setattr(publisher_module, "STABLE_S", stable_s)
    connections = 0

    async def throw_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        with suppress(asyncio.IncompleteReadError):
            await reader.readexactly(1)
            writer.write(ACCEPTED)
            await reader.readuntil(b"config")  # it is open, and subscribes
            connections += 1
        writer.close()

    server = await asyncio.start_server(throw_out, "127.0.0.1")
    port: int = server.sockets[0].getsockname()[1]
    publisher = Publisher(MqttServer("127.0.0.1", port), "home-1", DEAF, Random(1))
    running = asyncio.create_task(publisher.run())
    await eventually(lambda: connections >= 3)
    assert (publisher._backoff.failures > 1) is (stable_s > 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    server.close()
    await server.wait_closed()


def test_a_broker_that_is_away_is_logged_once_for_each_cause() -> None:
    publisher = Publisher(MqttServer("broker", 1883), "home-1", DEAF, Random(1))
    with capture_logs() as logs:
        for reason in ("refused", "refused", "no answer", "no answer"):
            publisher._complain(reason)
    assert [event["reason"] for event in logs] == ["refused", "no answer"]


async def test_a_broker_out_of_reach_is_told_with_cause_and_way_out() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and nobody listens
        host, port = nobody.getsockname()
        publisher = Publisher(MqttServer(host, port), "home-1", DEAF, Random(1))
        running = asyncio.create_task(publisher.run())
        await eventually(lambda: "does not answer" in str(publisher.problem))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    live = Live("home-1", "v", connected=False, problems=[str(publisher.problem)])
    told = advice(Overview([], live, JournalStatus(0, 0, 1, 1)))[0]
    assert told.level is Level.PROBLEM
    assert told.what.startswith(f"The clinic's broker (MQTT) at {host}:{port} does not answer (")
    assert told.do.startswith("Check the internet connection of this home")
