"""The fast Bluetooth world: everything between a gateway process and a simulated device.

The process under test gets `bus_address` as DBUS_SYSTEM_BUS_ADDRESS and sees BlueZ; the devices
are added from inside. Real D-Bus, real ATT and SMP bytes, no radio.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol, Self

from bumble import hci
from bumble.controller import Controller
from bumble.keys import KeyStore, MemoryKeyStore, PairingKeys

from simulators.world.adapter import StoredDevice
from simulators.world.bus import PrivateBus
from simulators.world.device import RemoteDevice
from simulators.world.faults import Deafness, Fault, FaultList
from simulators.world.radio import Air, Bond
from simulators.world.stand_in import AdapterSettings, BluezStandIn, StoredAdapter

__all__ = ["BluetoothWorld", "InWorld"]


class InWorld(Protocol):
    """What the world needs to know of a peripheral."""

    @property
    def address(self) -> hci.Address:
        """Its identity address."""

    @property
    def name(self) -> str:
        """Its advertised name."""

    @property
    def service_uuids(self) -> list[str]:
        """Its services, as 128-bit text."""

    @property
    def controller(self) -> Controller:
        """Its radio, once started."""

    async def start(self, air: Air) -> None:
        """Switch it on in this air."""

    async def stop(self) -> None:
        """Switch it off."""

    async def remember(self, peer: hci.Address, keys: PairingKeys) -> None:
        """Store a bond as if it had been paired with `peer`."""


class BluetoothWorld:
    """A private bus, air, and org.bluez with its adapters, as an async context manager."""

    def __init__(self, directory: Path, *adapters: AdapterSettings) -> None:
        """Keep the bus's socket in `directory`, which must exist and have a short path.

        Without `adapters` there is one, hci0; where a method does not name one, the first is meant.
        """
        self._bus = PrivateBus(directory)
        self._settings = {one.name: one for one in adapters or (AdapterSettings(),)}
        self._first = next(iter(self._settings))
        self.air = Air()
        self._bonds: dict[str, KeyStore] = {name: MemoryKeyStore() for name in self._settings}
        self._faults = FaultList()
        self._peripherals: list[InWorld] = []
        self._unplugged: set[str] = set()
        self._stand_in: BluezStandIn | None = None

    @property
    def bus_address(self) -> str:
        """What the process under test needs as DBUS_SYSTEM_BUS_ADDRESS."""
        return self._bus.address

    @property
    def bus_pid(self) -> int:
        """The number of the bus daemon's process."""
        return self._bus.pid

    async def __aenter__(self) -> Self:
        """Start the bus and org.bluez."""
        async with AsyncExitStack() as started:
            await started.enter_async_context(self._bus)
            started.push_async_callback(self.crash)
            await self.restart()
            self._started = started.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End everything, the devices first."""
        for peripheral in self._peripherals:
            await peripheral.stop()
        await self._started.aclose()

    async def add(self, peripheral: InWorld, *, bonded: bool, adapter: str | None = None) -> None:
        """Switch a device on in this home; a bonded one was paired with this adapter long ago."""
        self._peripherals.append(peripheral)
        if bonded:
            name = adapter or self._first
            bond, address = Bond(), self._settings[name].public_address
            await peripheral.remember(address, bond.keys(address))
            await self._bonds[name].update(str(peripheral.address), bond.keys(peripheral.address))
            if self._stand_in is not None:
                self._stand_in.adapter(name).show_bonded(_stored(peripheral))
        await peripheral.start(self.air)

    async def remove(self, peripheral: InWorld) -> None:
        """Take a device out of this home for good; the adapter's bond with it stays."""
        self._peripherals.remove(peripheral)
        await peripheral.stop()

    def inject(self, fault: Fault) -> None:
        """Let a fault happen at its next occasion, once."""
        self._faults.inject(fault)

    def is_paired(self, peripheral: InWorld) -> bool:
        """Whether the Bluetooth daemon holds a bond with this device."""
        device = self._remote(peripheral)
        return device is not None and device.is_paired

    def is_known(self, peripheral: InWorld) -> bool:
        """Whether the Bluetooth daemon shows this device: heard a while ago, or bonded."""
        return self._remote(peripheral) is not None

    def is_resolved(self, peripheral: InWorld) -> bool:
        """Whether the Bluetooth daemon shows this device's services now."""
        device = self._remote(peripheral)
        return device is not None and device.is_resolved

    def _remote(self, peripheral: InWorld) -> RemoteDevice | None:
        devices = self._stand_in.devices if self._stand_in is not None else ()
        name = str(peripheral.address)
        return next((device for device in devices if device.key_name == name), None)

    @property
    def is_discovering(self) -> bool:
        """Whether anybody looks for devices by one of its adapters."""
        return any(self._running.adapter(name).is_discovering for name in self._settings)

    async def crash(self) -> None:
        """Kill the Bluetooth daemon: its name leaves the bus, nobody is told, links break."""
        stand_in, self._stand_in = self._stand_in, None
        if stand_in is not None:
            await stand_in.stop()

    async def restart(self) -> None:
        """Start the Bluetooth daemon; it still knows its bonds."""
        assert self._stand_in is None
        plugged = [name for name in self._settings if name not in self._unplugged]
        stand_in = BluezStandIn(self.air, self._faults)
        await stand_in.start(self._bus.address, [await self._on_disk(name) for name in plugged])
        self._stand_in = stand_in

    async def restart_bus(self) -> None:
        """End the bus and start another: whoever was connected to it is not, bluetoothd ends."""
        await self._bus.restart()
        await self.crash()
        await self.restart()

    async def unplug(self, adapter: str | None = None) -> None:
        """Pull an adapter out."""
        name = adapter or self._first
        self._unplugged.add(name)
        await self._running.unplug(name)

    async def plug(self, adapter: str | None = None) -> None:
        """Put an adapter in again; it still knows its bonds."""
        name = adapter or self._first
        self._unplugged.discard(name)
        await self._running.plug(await self._on_disk(name))

    async def set_powered(self, *, powered: bool, adapter: str | None = None) -> None:
        """Switch an adapter's radio off or on."""
        await self._running.adapter(adapter or self._first).set_powered(powered=powered)

    def deafen(self, deafness: Deafness, adapter: str | None = None) -> None:
        """Let an adapter discover and report nothing."""
        self._running.adapter(adapter or self._first).deafness = deafness

    async def drop_links(self) -> None:
        """Break every link that exists now, as interference does."""
        for name in self._settings.keys() - self._unplugged:
            for device in list(self._running.adapter(name).devices.values()):
                await device.drop()

    @property
    def _running(self) -> BluezStandIn:
        assert self._stand_in is not None
        return self._stand_in

    async def _on_disk(self, name: str) -> StoredAdapter:
        """Return what BlueZ has written down about an adapter."""
        bonds = self._bonds[name]
        known = dict(await bonds.get_all())
        devices = [_stored(one) for one in self._peripherals if str(one.address) in known]
        return StoredAdapter(self._settings[name], bonds, devices)

    def silence(self, peripheral: InWorld) -> None:
        """Let a device neither hear nor be heard; its links stay until restore()."""
        self.air.silence(peripheral.controller)

    def restore(self, peripheral: InWorld) -> None:
        """Let it be heard again; links that it had are over."""
        self.air.restore(peripheral.controller)


def _stored(peripheral: InWorld) -> StoredDevice:
    """Return what BlueZ writes down about a device that it is bonded with."""
    return StoredDevice(peripheral.address, peripheral.name, tuple(peripheral.service_uuids))
