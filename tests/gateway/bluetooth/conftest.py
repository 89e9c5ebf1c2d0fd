"""The Bluetooth world, and the gateway's Bluetooth side alive in it, in this process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from simulators.world import BluetoothWorld
from tests.bluetooth_world import cuff, meter, short_directory, world
from tests.gateway.bluetooth.side import BluetoothSide

__all__ = ["cuff", "meter", "short_directory", "world"]


@pytest_asyncio.fixture
async def side(world: BluetoothWorld, tmp_path: Path) -> AsyncIterator[BluetoothSide]:
    """The gateway without MQTT: scanner, sessions and journal."""
    running = BluetoothSide(tmp_path)
    task = asyncio.create_task(running.run())
    yield running
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    running.close()
