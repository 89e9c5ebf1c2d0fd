"""Adapters that come and go, go deaf or stay busy, several at once, as a bleak client sees it."""

import asyncio
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakDeviceNotFoundError

from simulators.peripherals import Cuff
from simulators.world import (
    AdapterSettings,
    BluetoothWorld,
    Deafness,
    DeviceForgotten,
    ReadHangs,
    StartDiscoveryInProgress,
    StopDiscoveryInProgress,
)
from tests.bluetooth_world import CUFF_ADDRESS, eventually, heard, make_cuff
from tests.simulators.host import FEATURE, TIMEOUT_S, adapter_is_powered, find


async def test_an_adapter_that_is_pulled_out_is_gone_and_keeps_its_bonds(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    gone = asyncio.Event()
    async with BleakClient(await find(), lambda _client: gone.set()):
        await world.unplug()
        await asyncio.wait_for(gone.wait(), TIMEOUT_S)
    manager = await get_global_bluez_manager()
    await eventually(lambda: not adapter_is_powered(manager))  # told after the link's end
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner().start()
    await world.plug()
    await eventually(lambda: adapter_is_powered(manager))
    async with BleakClient(await find()) as again:
        assert bytes(await again.read_gatt_char(FEATURE))


async def test_a_bond_belongs_to_one_adapter(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AdapterSettings("hci1", "B8:27:EB:00:00:02")
    async with BluetoothWorld(short_directory, AdapterSettings(), other) as world:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", world.bus_address)
        cuff = make_cuff()
        await world.add(cuff, bonded=True, adapter="hci1")
        cuff.take(120, 80, 70)
        found = {}
        for name in ("hci0", "hci1"):
            device = await heard(CUFF_ADDRESS, adapter=name)
            assert device is not None
            found[name] = device
        paired = {name: device.details["props"]["Paired"] for name, device in found.items()}
        assert paired == {"hci0": False, "hci1": True}
        async with BleakClient(found["hci1"], bluez={"adapter": "hci1"}) as client:
            assert bytes(await client.read_gatt_char(FEATURE))


async def test_a_new_bus_has_a_new_daemon_with_the_old_bonds(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    manager = await get_global_bluez_manager()
    await world.restart_bus()
    await eventually(lambda: not manager._bus or not manager._bus.connected)
    cuff.take(120, 80, 70)
    async with BleakClient(await find()) as client:
        assert bytes(await client.read_gatt_char(FEATURE))


async def hears(timeout_s: float) -> bool:
    device = await heard(CUFF_ADDRESS, timeout_s)
    return device is not None


async def test_an_adapter_is_deaf_until_a_new_discovery_or_until_power(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    async with BleakScanner() as scanner:
        world.deafen(Deafness.UNTIL_DISCOVERY)
        cuff.take(120, 80, 70)
        await eventually(lambda: cuff.is_advertising)
        assert scanner.discovered_devices == []
    assert await hears(TIMEOUT_S)
    world.deafen(Deafness.UNTIL_POWER)
    assert not await hears(0.3)
    await world.set_powered(powered=False)
    await world.set_powered(powered=True)
    manager = await get_global_bluez_manager()
    await eventually(lambda: adapter_is_powered(manager))
    assert await hears(TIMEOUT_S)


async def test_discovery_that_is_in_progress(world: BluetoothWorld, cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    world.inject(StartDiscoveryInProgress())
    with pytest.raises(BleakDBusError, match="InProgress"):
        await BleakScanner().start()
    assert await hears(TIMEOUT_S)
    for _ in range(2):  # bleak itself gets over one
        world.inject(StopDiscoveryInProgress())
    with pytest.raises(BleakDBusError, match="InProgress"):
        await hears(TIMEOUT_S)
    assert not await hears(0.3)


async def test_a_device_that_is_forgotten_before_the_connect(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    world.inject(DeviceForgotten())
    with pytest.raises(BleakDeviceNotFoundError):
        await BleakClient(await find()).connect()


async def test_a_read_that_hangs(world: BluetoothWorld, cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    async with BleakClient(await find()) as client:
        world.inject(ReadHangs())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.read_gatt_char(FEATURE), 0.2)
