"""A home to measure in: the shipped daemon, the fast Bluetooth world, Mosquitto, a subscriber."""

import asyncio
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self, TypeVar

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bench.measuring import AnyDevice
from schemas.clock import SystemClock
from schemas.topics import mqtt_filter, mqtt_topic
from schemas.wire import ReadingsMessage, Receipts, open_envelope
from simulators.peripherals import DeviceClock, DeviceIdentity, Ledger
from simulators.stack.process import LOOPBACK, Child, Program
from simulators.world import BluetoothWorld
from tests.mosquitto import Mosquitto

GATEWAY_ID = "bench"
CLOCK = SystemClock()
CONNECT_WITHIN_S = 10.0
_POLL_S = 0.01
_MIB = 1024 * 1024


D = TypeVar("D", bound=AnyDevice)


class Subscriber:
    """Notes when each payload arrives, and gives receipts as the server does."""

    def __init__(self, port: int) -> None:
        """Subscribe at this port of this machine."""
        self.arrived_s: dict[tuple[str, bytes], float] = {}
        """When a device's (address) bytes were first here, by the clock of ``time.monotonic``."""
        self._numbers: dict[str, list[tuple[int, int]]] = {}
        ready = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="bench", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect(LOOPBACK, port)
        self._client.loop_start()
        self._client.subscribe(mqtt_filter("readings"), qos=1)
        assert ready.wait(CONNECT_WITHIN_S), "the broker does not answer"

    def confirm(self) -> None:
        """Give a receipt for everything that arrived since the last one."""
        numbers, self._numbers = self._numbers, {}
        payload = msgspec.json.encode(Receipts(numbers))
        self._client.publish(mqtt_topic(GATEWAY_ID, "receipts"), payload, qos=1, retain=True)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        now_s = time.monotonic()
        properties: list[tuple[str, str]] = getattr(message.properties, "UserProperty", [])
        numbers = open_envelope(properties, bytes(message.payload))
        self._numbers.setdefault(numbers.stream, []).append(
            (numbers.numbers[0], numbers.numbers[-1])
        )
        for item in msgspec.json.decode(message.payload, type=ReadingsMessage).items:
            told = msgspec.json.decode(item, type=_Item)
            self.arrived_s.setdefault((told.device.address, bytes.fromhex(told.raw)), now_s)


class _Device(msgspec.Struct):
    address: str


class _Item(msgspec.Struct):
    device: _Device
    raw: str


class BenchHome:
    """Everything between a simulated device and a subscriber, as an async context manager."""

    def __init__(self, *, rest_s: float = 5.0, observed: bool = False) -> None:
        """Start nothing yet. ``rest_s``: the daemon's; ``observed``: it notes each fsync's end."""
        self._rest_s = rest_s
        self._observed = observed
        self.directory = Path(tempfile.mkdtemp(prefix="vw-"))  # short: a unix socket lies in it
        self.world = BluetoothWorld(self.directory)
        self.broker = Mosquitto(self.directory)
        self._devices = 0
        self.daemon: Child
        self.subscriber: Subscriber

    async def __aenter__(self) -> Self:
        """Start all but the daemon."""
        logging.getLogger("bumble").setLevel(logging.ERROR)  # it warns of packets behind a link
        async with AsyncExitStack() as started:
            started.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.broker.start().wait()
            started.callback(self.broker.stop)
            self.subscriber = Subscriber(self.broker.port)
            started.callback(self.subscriber.close)
            await started.enter_async_context(self.world)
            self.daemon = self._make_daemon()
            started.callback(self.daemon.stop)
            self._started = started.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop everything, the daemon first."""
        self.daemon.ask_to_stop()
        await eventually(lambda: not self.daemon.running, 10.0)
        await self._started.aclose()

    def _make_daemon(self) -> Child:
        program: tuple[str, ...] = ("-m", "vitalwire")
        if self._observed:
            program = ("-m", "bench.observed_gateway", str(self.directory / "appended"))
        command = (sys.executable, *program, "gateway", "run", "--rest", str(self._rest_s))
        where = ("--gateway-id", GATEWAY_ID, "--state", str(self.directory / "state"))
        how = ("--mqtt", self.broker.url)
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.world.bus_address}
        log = self.directory / "gateway.log"
        return Child(Program("gateway", (*command, *where, *how), log, environment))

    async def add(self, kind: type[D]) -> D:
        """Add a device that was paired long ago."""
        identity = self._identity(kind.__name__)
        device = kind(identity, DeviceClock(CLOCK), Ledger(identity.address, CLOCK))
        await self.world.add(device, bonded=True)
        # dbus-fast 5.2 takes a full socket for a broken one: let the bus daemon read meanwhile.
        await asyncio.sleep(_POLL_S)
        return device

    def _identity(self, kind: str) -> DeviceIdentity:
        self._devices += 1
        number = f"{self._devices:04X}"
        address = f"C0:00:00:00:{number[:2]}:{number[2:]}"
        return DeviceIdentity(address, f"Bench {kind} {number}", "Vitalwire", kind, number)

    def missing(self, devices: Iterable[AnyDevice]) -> int:
        """Count what was measured and is not at the subscriber; two alike are one."""
        taken = [entry for device in devices for entry in device.ledger.taken]
        payloads = {(entry.device, bytes.fromhex(entry.payload)) for entry in taken}
        return len(payloads - self.subscriber.arrived_s.keys())

    def appended_s(self) -> dict[bytes, float]:
        """Give when the journal had each payload, by ``time.monotonic``; of an observed daemon."""
        lines = (self.directory / "appended").read_text().splitlines()
        return {bytes.fromhex(payload): float(at_s) for payload, at_s in map(str.split, lines)}

    def log(self) -> str:
        """Give what the daemon has logged."""
        log = self.daemon.program.log
        return log.read_text() if log.exists() else ""

    def resident_mib(self) -> float:
        """Give the daemon's resident memory."""
        pages = int(Path(f"/proc/{self.daemon.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / _MIB

    def processor_s(self) -> float:
        """Give the processor time that the daemon has used, all its threads."""
        fields = Path(f"/proc/{self.daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def eventually(condition: Callable[[], object], within_s: float) -> None:
    """Wait until ``condition`` holds; raise ``TimeoutError`` after a bound."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the condition is somebody else's state
            await asyncio.sleep(_POLL_S)
