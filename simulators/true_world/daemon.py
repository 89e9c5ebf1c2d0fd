"""bluetoothd in the emulated machine: its life, its disk, and what it shows on the bus."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from dbus_fast import Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.auth import AuthAnonymous

from schemas.errors import UnavailableError
from simulators.stack.process import LOOPBACK
from simulators.true_world.machine import BUS, Machine
from simulators.true_world.storage import STORAGE

__all__ = ["ADAPTER_INTERFACE", "DEVICE_INTERFACE", "BluetoothDaemon"]

READY_WITHIN_S = 60.0  # of an emulated machine, beside other work
_POLL_S = 0.02
_FIRST = "/org/bluez/hci0"
ADAPTER_INTERFACE = "org.bluez.Adapter1"
DEVICE_INTERFACE = "org.bluez.Device1"
_BUS = "org.freedesktop.DBus"
_BUS_PATH = "/org/freedesktop/DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_RULE = "type='signal',sender='org.bluez'"
_START = "bluetoothd --nodetach >>/run/bluetoothd.log 2>&1 &"
_KILL = "while pidof bluetoothd >/dev/null; do killall -9 bluetoothd || true; done"
_RESTART_BUS = "killall -9 dbus-daemon; sh /simulators/true_world/guest/start-bus"


class BluetoothDaemon:
    """Starts and kills bluetoothd, and follows the objects that it shows."""

    def __init__(self, machine: Machine) -> None:
        """Begin with whatever an earlier user left."""
        self._machine = machine
        self.objects: dict[str, dict[str, dict[str, Any]]] = {}
        """What it shows: properties by path and interface."""
        self.runs = False

    async def __aenter__(self) -> Self:
        """Watch the guest's bus; nothing is on bluetoothd's disk."""
        await self.run(f"{_KILL}\nrm -rf {STORAGE}; mkdir {STORAGE}")
        await self._watch()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Kill bluetoothd."""
        self._bus.disconnect()
        await self.kill()

    async def start(self, *, has_adapter: bool) -> None:
        """Start it, and wait until its first adapter is switched on; without one, until it answers.

        Raises:
            UnavailableError: it does not, in time.
        """
        await self.run(_START)
        self.runs = True
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                # What another machine does sets no event here.
                while not (  # noqa: ASYNC110
                    self._is_powered() if has_adapter else await self._answers()
                ):
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            log = await self.run("tail -n 5 /run/bluetoothd.log")
            lack = "has no adapter" if has_adapter else "does not answer"
            raise UnavailableError(f"bluetoothd {lack}: {log}.") from error

    def _is_powered(self) -> bool:
        return bool(self.property(_FIRST, ADAPTER_INTERFACE, "Powered"))

    async def _answers(self) -> bool:
        arguments = ["org.bluez"]
        reply = await self._call(_BUS, _BUS_PATH, _BUS, "NameHasOwner", "s", arguments)
        return reply.body == [True]

    async def kill(self) -> None:
        """End it without warning."""
        await self.run(_KILL)
        self.runs = False

    async def restart_bus(self) -> None:
        """Kill the guest's dbus-daemon, which ends bluetoothd too, and start another."""
        self._bus.disconnect()
        await self.run(f"{_RESTART_BUS}\n{_KILL}")
        await self._watch()
        self.runs = False

    def property(self, path: str, interface: str, name: str) -> Any:  # noqa: ANN401 - D-Bus's
        """Return a property as last announced; None if there is none."""
        return self.objects.get(path, {}).get(interface, {}).get(name)

    async def set_powered(self, path: str, *, powered: bool) -> None:
        """Switch an adapter off or on."""
        arguments = [ADAPTER_INTERFACE, "Powered", Variant("b", powered)]
        reply = await self._call("org.bluez", path, _PROPERTIES, "Set", "ssv", arguments)
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body

    async def run(self, script: str) -> str:
        """Run a shell script in the guest."""
        return await asyncio.to_thread(self._machine.run, script)

    async def _watch(self) -> None:
        self.objects.clear()
        address = f"tcp:host={LOOPBACK},port={self._machine.port(BUS)}"
        self._bus = await MessageBus(bus_address=address, auth=AuthAnonymous()).connect()
        self._bus.add_message_handler(self._on_message)
        for rule in (_RULE, f"type='signal',sender='{_BUS}',arg0='org.bluez'"):
            await self._call(_BUS, _BUS_PATH, _BUS, "AddMatch", "s", [rule])

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        body = unpack_variants(message.body)
        match message.member:
            case "NameOwnerChanged":
                self.objects.clear()
            case "InterfacesAdded":
                path, interfaces = body
                self.objects.setdefault(path, {}).update(interfaces)
            case "InterfacesRemoved":
                path, names = body
                for name in names:
                    self.objects.get(path, {}).pop(name, None)
            case "PropertiesChanged":
                interface, changed, _invalidated = body
                shown = self.objects.setdefault(message.path or "", {})
                shown.setdefault(interface, {}).update(changed)
            case _:
                pass

    async def _call(  # noqa: PLR0913, PLR0917 - D-Bus's
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: Sequence[Any],
    ) -> Message:
        message = Message(destination, path, interface, member, signature=signature, body=[*body])
        reply = await self._bus.call(message)
        assert reply is not None
        return reply
