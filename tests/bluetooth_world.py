"""Fixtures for whatever needs Bluetooth: a world without a radio, and devices that live in it.

A folder that uses them imports them by name in its conftest.py (see tests/simulators), so that
only these folders pay for importing bumble. While a test has `world`, the system bus of this
process is the world's (by its environment, so children have it too); a child with an environment
of its own gets `world.bus_address` as DBUS_SYSTEM_BUS_ADDRESS.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice

from gateway.bluetooth.bluez import EVERY_ADVERTISEMENT
from schemas.clock import SystemClock
from simulators.peripherals import (
    Cuff,
    DeviceClock,
    DeviceIdentity,
    Habits,
    Ledger,
    Meter,
    MeterBehaviour,
)
from simulators.world import BluetoothWorld

CUFF_ADDRESS = "C0:00:00:00:00:01"
METER_ADDRESS = "C0:00:00:00:00:02"

CLOCK = SystemClock()  # that devices and ledgers live by
WAIT_TIMEOUT_S = 30.0  # a machine that runs two of these side by side took more than 10 once
POLL_S = 0.005


def make_cuff(*, passkey: int | None = None, clock_error_s: float = 0.0) -> Cuff:
    """A cuff that is not in any world yet."""
    identity = DeviceIdentity(CUFF_ADDRESS, "BLOOD CUFF", "Vitalwire", "Cuff One", "C-0001")
    ledger = Ledger(CUFF_ADDRESS, CLOCK)
    return Cuff(identity, DeviceClock(CLOCK, clock_error_s), ledger, habits=Habits(passkey=passkey))


def make_meter(behaviour: MeterBehaviour | None = None, *, clock_error_s: float = 0.0) -> Meter:
    """A meter that is not in any world yet."""
    identity = DeviceIdentity(METER_ADDRESS, "SUGAR METER", "Vitalwire", "Meter One", "M-0001")
    ledger = Ledger(METER_ADDRESS, CLOCK)
    return Meter(identity, DeviceClock(CLOCK, clock_error_s), ledger, behaviour)


async def eventually(condition: Callable[[], object], within_s: float | None = None) -> None:
    """Wait until `condition` holds; fail after `within_s`, or WAIT_TIMEOUT_S."""
    async with asyncio.timeout(within_s or WAIT_TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - the condition is somebody else's state
            await asyncio.sleep(POLL_S)


async def heard(
    address: str, within_s: float | None = None, adapter: str = "hci0"
) -> BLEDevice | None:
    """Listen for a device as the gateway does, for ``within_s`` or WAIT_TIMEOUT_S at most.

    bleak's own filter misses a device that bluetoothd tells of only once, and that before bleak
    has begun to look at what is told.
    """
    where, most_s = BlueZScannerArgs(adapter=adapter, filters=EVERY_ADVERTISEMENT), WAIT_TIMEOUT_S
    return await BleakScanner.find_device_by_address(
        address, timeout=within_s or most_s, bluez=where
    )


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose path leaves room for a unix socket; pytest's own can be too long."""
    directory = Path(tempfile.mkdtemp(prefix="vw-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest_asyncio.fixture
async def world(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BluetoothWorld]:
    """A running world, as the system bus of this process."""
    async with BluetoothWorld(short_directory) as running:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", running.bus_address)
        yield running


@pytest_asyncio.fixture
async def cuff(world: BluetoothWorld) -> Cuff:
    """A cuff that was paired with the world's adapter long ago."""
    device = make_cuff()
    await world.add(device, bonded=True)
    return device


@pytest_asyncio.fixture
async def meter(world: BluetoothWorld) -> Meter:
    """A meter that was paired with the world's adapter long ago."""
    device = make_meter()
    await world.add(device, bonded=True)
    return device
