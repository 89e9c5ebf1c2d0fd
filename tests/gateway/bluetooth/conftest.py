"""The Bluetooth world, and the gateway's Bluetooth side alive in it, in this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from simulators.world import BluetoothWorld
from tests.bluetooth_world import cuff, meter, short_directory, world
from tests.gateway.bluetooth.side import BluetoothSide, alive

__all__ = ["cuff", "meter", "short_directory", "world"]


@pytest_asyncio.fixture
async def side(world: BluetoothWorld, tmp_path: Path) -> AsyncIterator[BluetoothSide]:
    """The gateway without MQTT: scanner, sessions and journal."""
    async with alive(BluetoothSide(tmp_path, "hci0")) as running:
        yield running
