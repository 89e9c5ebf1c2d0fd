"""The shipped daemon under a supervisor that listens, as systemd does; and one whose loop hangs."""

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulators.peripherals import Cuff
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld
from tests.bluetooth_world import POLL_S, WAIT_TIMEOUT_S, eventually
from tests.gateway.bluetooth.clinic import GATEWAY_ID

WATCHDOG_S = 0.3
SHIPPED = "import vitalwire; vitalwire.cli()"
DISK_HANGS = """
import threading
from gateway.journal.journal import Journal
Journal.append = lambda *_, **__: threading.Event().wait()
import vitalwire
vitalwire.cli()
"""
SCAN_HANGS = """
import asyncio
from bleak import BleakScanner
from gateway.bluetooth import scanner
async def start(_scanner):
    await asyncio.Event().wait()
BleakScanner.start = start
scanner.START_TIMEOUT_S, scanner.WEDGED_AFTER_MS = None, 1500
import vitalwire
vitalwire.cli()
"""


class Supervisor:
    """What systemd hears, as it comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._take)

    def _take(self) -> None:
        self.heard[self._socket.recv(4096).decode()] += 1

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


@pytest_asyncio.fixture
async def supervisor(short_directory: Path) -> AsyncIterator[Supervisor]:
    listening = Supervisor(short_directory / "notify")
    yield listening
    listening.close()


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[EmbeddedMqtt]:
    """A broker."""
    with EmbeddedMqtt(tmp_path / "mqtt") as running:
        yield running


@pytest_asyncio.fixture
async def daemon(
    request: pytest.FixtureRequest,
    world: BluetoothWorld,
    mqtt: EmbeddedMqtt,
    supervisor: Supervisor,
    tmp_path: Path,
) -> AsyncIterator[Child]:
    """The daemon, not yet started, run by the program that the test gives."""
    environment = {
        "DBUS_SYSTEM_BUS_ADDRESS": world.bus_address,
        "NOTIFY_SOCKET": str(supervisor.path),
        "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
    }
    arguments = ("gateway", "run", "--gateway-id", GATEWAY_ID, "--mqtt", mqtt.url)
    command = (sys.executable, "-c", request.param, *arguments, "--state", str(tmp_path / "state"))
    child = Child(Program("gateway", command, tmp_path / "gateway.log", environment))
    yield child
    await asyncio.to_thread(child.kill)


async def eventually_silent(supervisor: Supervisor) -> None:
    """Wait until nothing has been heard for three intervals of the watchdog."""
    loop = asyncio.get_running_loop()
    said, since_s = supervisor.heard["WATCHDOG=1"], loop.time()
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while loop.time() - since_s < 3 * WATCHDOG_S:
            if said != supervisor.heard["WATCHDOG=1"]:
                said, since_s = supervisor.heard["WATCHDOG=1"], loop.time()
            await asyncio.sleep(POLL_S)


@pytest.mark.parametrize("daemon", [SHIPPED], ids=["shipped"], indirect=True)
async def test_it_says_ready_alive_how_it_does_and_that_it_stops(
    world: BluetoothWorld, daemon: Child, supervisor: Supervisor
) -> None:
    daemon.start()
    await eventually(lambda: supervisor.heard["READY=1"] and supervisor.heard["WATCHDOG=1"] > 3)
    await eventually(lambda: supervisor.heard["STATUS=all is well"])
    await world.crash()
    await eventually(lambda: any("bluetoothd" in said for said in supervisor.heard))
    alive_before = supervisor.heard["WATCHDOG=1"]
    await eventually(lambda: supervisor.heard["WATCHDOG=1"] > alive_before)  # it waits knowingly
    daemon.ask_to_stop()
    await eventually(lambda: supervisor.heard["STOPPING=1"])
    await eventually(lambda: daemon.exit_code == 0)


@pytest.mark.parametrize("daemon", [DISK_HANGS], ids=["disk hangs"], indirect=True)
async def test_a_loop_that_hangs_falls_silent(
    cuff: Cuff, daemon: Child, supervisor: Supervisor
) -> None:
    """Its journal never returns from the disk, so that nothing in it runs any more."""
    daemon.start()
    await eventually(lambda: supervisor.heard["WATCHDOG=1"] > 3)
    cuff.take(120, 80, 70)
    await eventually(lambda: cuff.pending == 0)  # it confirmed the reading, and hangs
    await eventually_silent(supervisor)
    assert daemon.running


@pytest.mark.parametrize("daemon", [SCAN_HANGS], ids=["scan hangs"], indirect=True)
async def test_a_scanner_that_hangs_for_good_makes_the_daemon_fall_silent(
    daemon: Child, supervisor: Supervisor
) -> None:
    """All else goes on, and yet no device would ever be read again: only a new process helps."""
    daemon.start()
    await eventually(lambda: supervisor.heard["WATCHDOG=1"] > 1)
    await eventually_silent(supervisor)
    assert daemon.running
