"""The Bluetooth world, and the gateway's Bluetooth side alive in it, in this process."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld
from tests.bluetooth_world import cuff, meter, short_directory, world
from tests.gateway.bluetooth.clinic import GATEWAY_ID, Clinic
from tests.gateway.bluetooth.side import BluetoothSide, alive

__all__ = ["cuff", "meter", "short_directory", "world"]


@pytest_asyncio.fixture
async def side(world: BluetoothWorld, tmp_path: Path) -> AsyncIterator[BluetoothSide]:
    """The gateway without MQTT: scanner, sessions and journal."""
    async with alive(BluetoothSide(tmp_path, "hci0")) as running:
        yield running


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[EmbeddedMqtt]:
    """A broker."""
    with EmbeddedMqtt(tmp_path / "mqtt") as running:
        yield running


@pytest.fixture
def clinic(mqtt: EmbeddedMqtt) -> Iterator[Clinic]:
    """A subscriber."""
    subscriber = Clinic(mqtt.port)
    yield subscriber
    subscriber.close()


@pytest.fixture
def run(
    world: BluetoothWorld, mqtt: EmbeddedMqtt, tmp_path: Path
) -> Iterator[Callable[[str], Child]]:
    """Start a daemon that is this program; all have one state directory."""
    started: list[Child] = []

    def start(program: str) -> Child:
        where = ("--gateway-id", GATEWAY_ID, "--mqtt", mqtt.url, "--state", str(tmp_path / "state"))
        command = (sys.executable, "-c", program, "gateway", "run", *where, "--rest", "0.1")
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": world.bus_address}
        child = Child(Program("gateway", command, tmp_path / "gateway.log", environment))
        started.append(child.start())
        return child

    yield start
    for child in started:
        child.kill()
