"""The true Bluetooth world: the fast one's interface, but bluetoothd in an emulated Linux.

Controllers and devices are bumble's and live in this process, as in the fast world; only what is
between the radio and D-Bus is the guest's: kernel, bluetoothd, dbus-daemon.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from bumble import hci
from bumble.transport import open_transport
from dbus_fast import BusType, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus

from schemas.errors import UnavailableError
from simulators.stack.process import LOOPBACK
from simulators.true_world.bus import BusRelay
from simulators.true_world.machine import ADAPTER, BUS, Machine
from simulators.true_world.storage import STORAGE, info_file, info_path
from simulators.world import AdapterSettings
from simulators.world.radio import Air, Bond, CentralController
from simulators.world.world import InWorld

__all__ = ["TrueWorld"]

READY_WITHIN_S = 20.0
_POLL_S = 0.02
_ADAPTER_PATH = "/org/bluez/hci0"
_ADAPTER_INTERFACE = "org.bluez.Adapter1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_START = "bluetoothd --nodetach >>/run/bluetoothd.log 2>&1 &"
_KILL = "while pidof bluetoothd >/dev/null; do killall -9 bluetoothd 2>/dev/null || true; done"


class TrueWorld:
    """An adapter, an air and a bluetoothd of its own in a machine that others used before."""

    def __init__(
        self, machine: Machine, directory: Path, settings: AdapterSettings | None = None
    ) -> None:
        """Keep the bus's socket in `directory`, which must exist and have a short path."""
        self._machine = machine
        self._relay = BusRelay(directory, machine.port(BUS))
        self._settings = settings or AdapterSettings()
        self.air = Air()
        self._peripherals: list[InWorld] = []

    @property
    def bus_address(self) -> str:
        """What the process under test needs as DBUS_SYSTEM_BUS_ADDRESS."""
        return self._relay.address

    async def __aenter__(self) -> Self:
        """Plug the adapter in and start bluetoothd."""
        async with AsyncExitStack() as started:
            await self._run(f"rm -rf {STORAGE}; mkdir {STORAGE}")
            await started.enter_async_context(self._relay)
            await self._plug_in(started)
            self._bus = MessageBus(bus_address=self.bus_address, bus_type=BusType.SYSTEM)
            await self._bus.connect()
            started.callback(self._bus.disconnect)
            started.push_async_callback(self.crash)
            await self.restart()
            self._started = started.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End everything, the devices first."""
        for peripheral in self._peripherals:
            await peripheral.stop()
        await self._started.aclose()

    async def add(self, peripheral: InWorld, *, bonded: bool) -> None:
        """Switch a device on in this home; a bonded one was paired with this adapter long ago."""
        self._peripherals.append(peripheral)
        if bonded:
            await self._bond(peripheral)
        await peripheral.start(self.air)

    async def crash(self) -> None:
        """Kill bluetoothd."""
        await self._run(_KILL)

    async def restart(self) -> None:
        """Start bluetoothd; it finds its bonds on disk."""
        await self._run(_START)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not await self._is_powered():  # noqa: ASYNC110 - it is another machine's
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            log = await self._run("tail -n 5 /run/bluetoothd.log")
            raise UnavailableError(f"bluetoothd does not come up: {log}.") from error

    async def set_powered(self, *, powered: bool) -> None:
        """Switch the adapter's radio off or on, as a person does."""
        arguments = [_ADAPTER_INTERFACE, "Powered", Variant("b", powered)]
        reply = await self._call(_ADAPTER_PATH, _PROPERTIES, "Set", "ssv", arguments)
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body

    async def drop_links(self) -> None:
        """Break every link that exists now, as interference does."""
        self.air.end_links(self._controller)

    def silence(self, peripheral: InWorld) -> None:
        """Let a device neither hear nor be heard; its links stay until restore()."""
        self.air.silence(peripheral.controller)

    def restore(self, peripheral: InWorld) -> None:
        """Let it be heard again; links that it had are over."""
        self.air.restore(peripheral.controller)

    async def _plug_in(self, started: AsyncExitStack) -> None:
        """Connect a controller to the guest; there it becomes hci0."""
        name = f"tcp-client:{LOOPBACK}:{self._machine.port(ADAPTER)}"
        transport = await started.enter_async_context(await open_transport(name))
        self._controller = CentralController(
            "adapter",
            host_source=transport.source,
            host_sink=transport.sink,
            link=self.air,
            public_address=self._settings.public_address,
        )
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
        await self._run(
            f"mkdir -p {path.rpartition('/')[0]}\ncat >{path} <<'.'\n{content}.\n{_KILL}"
        )
        await self.restart()

    async def _is_powered(self) -> bool:
        reply = await self._call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        if reply.message_type is MessageType.ERROR:
            return False
        shown: dict[str, dict[str, dict[str, Any]]] = unpack_variants(reply.body[0])
        adapter = shown.get(_ADAPTER_PATH, {}).get(_ADAPTER_INTERFACE, {})
        return bool(adapter.get("Powered"))

    async def _call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
    ) -> Message:
        message = Message(
            "org.bluez", path, interface, member, signature=signature, body=list(body)
        )
        reply = await self._bus.call(message)
        assert reply is not None
        return reply

    async def _run(self, script: str) -> str:
        return await asyncio.to_thread(self._machine.run, script)
