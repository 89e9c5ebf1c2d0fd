"""A real bleak BlueZ client against the simulated cuff."""

import asyncio

from bleak import BleakClient, BleakScanner

from schemas.gatt import uuids
from simulators.peripherals import Cuff
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CUFF_ADDRESS, eventually

MEASUREMENT = uuids.full(uuids.BLOOD_PRESSURE_MEASUREMENT)


async def test_a_burst_is_handed_over_and_the_cuff_drops_the_link(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    payloads = [cuff.take(120 + i, 80, 70) for i in range(3)]
    received: asyncio.Queue[bytes] = asyncio.Queue()
    gone = asyncio.Event()
    device = await BleakScanner.find_device_by_address(CUFF_ADDRESS, timeout=10)
    assert device is not None
    assert device.details["props"]["Paired"]
    client = BleakClient(device, disconnected_callback=lambda _client: gone.set())
    await client.connect()
    await client.start_notify(MEASUREMENT, lambda _c, data: received.put_nowait(bytes(data)))
    await asyncio.wait_for(gone.wait(), 10)
    assert [received.get_nowait() for _ in range(3)] == payloads
    assert [entry.payload for entry in cuff.ledger.handed_over] == [p.hex() for p in payloads]
    assert cuff.pending == 0
    await eventually(lambda: not cuff.is_connected)
