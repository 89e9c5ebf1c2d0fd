"""The true Bluetooth world: the fast one's interface, but bluetoothd in an emulated Linux.

Controllers and devices are bumble's and live in this process, as in the fast world; only what is
between the radio and D-Bus is the guest's: kernel, bluetoothd, dbus-daemon.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from bumble import hci
from bumble.transport import open_transport

from simulators.stack.process import LOOPBACK
from simulators.true_world.bus import BusRelay
from simulators.true_world.daemon import DEVICE_INTERFACE, BluetoothDaemon
from simulators.true_world.machine import ADAPTER, BUS, Machine
from simulators.true_world.storage import info_file, info_path
from simulators.world import AdapterSettings
from simulators.world.central import device_path
from simulators.world.radio import Air, Bond, CentralController
from simulators.world.world import InWorld

__all__ = ["TrueWorld"]

_ADAPTER_PATH = "/org/bluez/hci0"
_UNTIL_GONE = "while [ -e /sys/class/bluetooth/hci0 ]; do usleep 20000; done"


class TrueWorld:
    """One adapter, an air and a bluetoothd of its own, in a machine that others used before.

    bluetoothd starts with the first client of the bus: who was bonded until then is on its disk.
    """

    def __init__(self, machine: Machine, directory: Path) -> None:
        """Keep the bus's socket in `directory`, which must exist and have a short path."""
        self._machine = machine
        self._relay = BusRelay(directory, machine.port(BUS), self._start_first)
        self._daemon = BluetoothDaemon(machine)
        self._settings = AdapterSettings()
        self._starting = asyncio.Lock()
        self._to_start = True
        self._not_started: Exception | None = None
        self._adapter = AsyncExitStack()
        self._is_plugged = False
        self._peripherals: list[InWorld] = []
        self.air = Air()

    @property
    def bus_address(self) -> str:
        """What the process under test needs as DBUS_SYSTEM_BUS_ADDRESS."""
        return self._relay.address

    @property
    def adapter_transport(self) -> str:
        """Where whoever connects becomes an adapter, as bumble names it: see `unplug`."""
        return f"tcp-client:{LOOPBACK}:{self._machine.port(ADAPTER)}"

    async def __aenter__(self) -> Self:
        """Plug the adapter in; bluetoothd waits for somebody who wants it."""
        async with AsyncExitStack() as started:
            await started.enter_async_context(self._daemon)
            started.push_async_callback(self._adapter.aclose)
            await self._plug_in()
            await started.enter_async_context(self._relay)
            self._started = started.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End everything, the devices first.

        Raises what kept bluetoothd from starting: its first client saw nothing but a bus that hung
        up, and a test that waited for something else.
        """
        for peripheral in self._peripherals:
            await peripheral.stop()
        await self._started.aclose()
        if self._not_started is not None:
            raise self._not_started

    async def add(self, peripheral: InWorld, *, bonded: bool) -> None:
        """Switch a device on in this home; a bonded one was paired with this adapter long ago."""
        self._peripherals.append(peripheral)
        if bonded:
            await self._bond(peripheral)
        await peripheral.start(self.air)

    async def remove(self, peripheral: InWorld) -> None:
        """Take a device out of this home for good; bluetoothd's bond with it stays."""
        self._peripherals.remove(peripheral)
        await peripheral.stop()

    def is_paired(self, peripheral: InWorld) -> bool:
        """Whether bluetoothd holds a bond with this device."""
        return bool(self._daemon.property(_path(peripheral), DEVICE_INTERFACE, "Paired"))

    def is_known(self, peripheral: InWorld) -> bool:
        """Whether bluetoothd shows this device: heard a while ago, or bonded."""
        return DEVICE_INTERFACE in self._daemon.objects.get(_path(peripheral), {})

    def is_resolved(self, peripheral: InWorld) -> bool:
        """Whether bluetoothd shows this device's services now."""
        return bool(self._daemon.property(_path(peripheral), DEVICE_INTERFACE, "ServicesResolved"))

    async def crash(self) -> None:
        """Kill bluetoothd; the kernel keeps the links for a while."""
        self._to_start = False
        await self._daemon.kill()

    async def restart(self) -> None:
        """Start bluetoothd; it finds its bonds on disk."""
        async with self._starting:
            self._to_start = False
            await self._daemon.start(has_adapter=self._is_plugged)

    async def restart_bus(self) -> None:
        """End the bus and start another: whoever was connected to it is not, bluetoothd ends."""
        await self._daemon.restart_bus()
        await self.restart()

    async def unplug(self) -> None:
        """Pull the adapter out."""
        self._is_plugged = False
        await self._adapter.aclose()

    async def plug(self) -> None:
        """Put the adapter in again; it still knows its bonds."""
        await self._plug_in()

    async def set_powered(self, *, powered: bool) -> None:
        """Switch the adapter's radio off or on, as a person does."""
        await self._daemon.set_powered(_ADAPTER_PATH, powered=powered)

    async def drop_links(self) -> None:
        """Break every link that exists now, as interference does."""
        self.air.end_links(self._controller)

    def silence(self, peripheral: InWorld) -> None:
        """Let a device neither hear nor be heard; its links stay until restore()."""
        self.air.silence(peripheral.controller)

    def restore(self, peripheral: InWorld) -> None:
        """Let it be heard again; links that it had are over."""
        self.air.restore(peripheral.controller)

    async def _start_first(self) -> None:
        async with self._starting:
            if self._to_start:
                self._to_start = False
                try:
                    await self._daemon.start(has_adapter=self._is_plugged)
                except Exception as error:  # in a task of the bus, where nobody looks
                    self._not_started = error
                    raise

    async def _plug_in(self) -> None:
        """Connect a controller to the guest; there it becomes hci0 (Raspberry Pi: by UART).

        Not before the former one is gone: beside it this one would be hci1. The kernel says goodbye
        to a controller first, and waits for answers that no longer come if it was in use.
        """
        await self._daemon.run(_UNTIL_GONE)
        opened = await open_transport(self.adapter_transport)
        transport = await self._adapter.enter_async_context(opened)
        self._is_plugged = True
        self._controller = CentralController(
            "adapter",
            host_source=transport.source,
            host_sink=transport.sink,
            link=self.air,
            # Only in an Air, which corrects whom bumble says that data comes from. Without a public
            # address, bluetoothd would draw another one whenever its disk is empty.
            public_address=self._settings.public_address,
        )
        self._adapter.callback(self.air.remove_controller, self._controller)
        self._adapter.callback(self.air.end_links, self._controller)
        # bumble never sends Enhanced Connection Complete, which a kernel waits for that is told of
        # these (bumble issue 841).
        self._controller.le_features &= ~(
            hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        )

    async def _bond(self, peripheral: InWorld) -> None:
        """Write what pairing would have left on both sides, and let bluetoothd read it."""
        bond, adapter = Bond(), self._settings.public_address
        await peripheral.remember(adapter, bond.keys(adapter))
        key = bond.keys(peripheral.address).ltk
        assert key is not None
        path = info_path(self._settings.address, peripheral.address.to_string(False))
        content = info_file(peripheral.name, peripheral.service_uuids, key.value)
        await self._daemon.run(f"mkdir -p {path.rpartition('/')[0]}\ncat >{path} <<'.'\n{content}.")
        if self._daemon.runs:  # it reads its disk once
            await self._daemon.kill()
            await self._daemon.start(has_adapter=self._is_plugged)


def _path(peripheral: InWorld) -> str:
    return device_path(_ADAPTER_PATH, peripheral.address)
