"""The Bluetooth world, and the gateway's Bluetooth side alive in it, in this process."""

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from gateway.daemon import note_stray_error
from simulators.world import BluetoothWorld
from tests.bluetooth_world import cuff, meter, short_directory, world
from tests.gateway.bluetooth.side import BluetoothSide

__all__ = ["cuff", "meter", "short_directory", "world"]


@pytest_asyncio.fixture
async def side(world: BluetoothWorld, tmp_path: Path) -> AsyncIterator[BluetoothSide]:
    """The gateway without MQTT: scanner, sessions and journal."""
    asyncio.get_running_loop().set_exception_handler(note_stray_error)  # as in the daemon
    running = BluetoothSide(tmp_path, "hci0")
    task = asyncio.create_task(running.run())
    yield running
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    running.close()
    gc.collect()  # while the loop can still hear of the errors that bleak leaves behind
