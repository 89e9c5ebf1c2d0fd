"""org.bluez on a bus of ours: what bluetoothd is to a GATT client, in front of a bumble central.

Only what a Bluetooth LE client such as bleak needs. Not imitated: passive scanning
(AdvertisementMonitor), AcquireNotify and AcquireWrite, Bluetooth Classic.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from bumble import hci
from bumble.keys import KeyStore
from dbus_fast import BusType, ErrorType, Message, MessageType, RequestNameReply
from dbus_fast.aio import MessageBus

from simulators.world.adapter import Adapter, StoredDevice
from simulators.world.agent import AGENT_MANAGER, AGENT_MANAGER_PATH, Agents
from simulators.world.calls import Call, Handler, Reply
from simulators.world.central import ADAPTER, DEVICE, BackgroundTasks, Central, make_host
from simulators.world.device import RemoteDevice
from simulators.world.errors import BluezError
from simulators.world.faults import FaultList
from simulators.world.gatt import CHARACTERISTIC, DESCRIPTOR, RemoteCharacteristic
from simulators.world.objects import OBJECT_MANAGER, PROPERTIES, ObjectTree
from simulators.world.radio import Air

__all__ = ["AdapterSettings", "BluezStandIn", "StoredAdapter"]

BUS: Final = "org.freedesktop.DBus"
# dbus-fast answers these itself.
LEFT_TO_LIBRARY: Final = (f"{BUS}.Peer", f"{BUS}.Introspectable")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AdapterSettings:
    """Which adapter the stand-in shows, and when it forgets unpaired devices.

    Its address is public, as that of a Raspberry Pi.
    """

    name: str = "hci0"
    address: str = "B8:27:EB:00:00:01"
    temporary_timeout_s: float = 30.0

    @property
    def public_address(self) -> hci.Address:
        """The address as bumble wants it."""
        return hci.Address(self.address, hci.Address.PUBLIC_DEVICE_ADDRESS)


@dataclass(frozen=True)
class StoredAdapter:
    """An adapter and what is kept on disk for it: its bonds belong to its address."""

    settings: AdapterSettings
    bonds: KeyStore
    devices: Sequence[StoredDevice] = ()


class BluezStandIn:
    """One run of the Bluetooth daemon: start() it once, stop() it once."""

    def __init__(self, air: Air, faults: FaultList) -> None:
        """Let its adapters live in `air`; nothing is on a bus yet."""
        self._air = air
        self._faults = faults
        self._tree = ObjectTree(self._announce)
        self._tasks = BackgroundTasks()
        self._adapters: dict[str, Adapter] = {}

    async def start(self, bus_address: str, stored: Sequence[StoredAdapter]) -> None:
        """Put org.bluez on the bus at `bus_address`, with these adapters and their devices."""
        connecting = MessageBus(bus_address=bus_address, bus_type=BusType.SYSTEM)
        self._bus = await connecting.connect()
        self.agents = Agents(self._bus)
        await self._listen()
        self._tree.add(AGENT_MANAGER_PATH, AGENT_MANAGER, {})
        for adapter in stored:
            await self.plug(adapter)
        reply = await self._bus.request_name("org.bluez")
        assert reply is RequestNameReply.PRIMARY_OWNER, "one stand-in per bus"

    async def plug(self, stored: StoredAdapter) -> None:
        """Put an adapter in: its object appears, with the devices that it is bonded with."""
        settings = stored.settings
        host, controller = make_host(self._air, settings.public_address, stored.bonds)
        path = _adapter_path(settings.name)
        central = Central(host, controller, self._tree, self._faults, path)
        adapter = Adapter(central, settings.address, settings.temporary_timeout_s)
        host.pairing_config_factory = partial(self.agents.pairing_config, path)
        host.on("advertisement", adapter.on_advertisement)
        await host.power_on()
        self._adapters[path] = adapter
        adapter.show()
        for device in stored.devices:
            adapter.show_bonded(device)

    async def unplug(self, name: str) -> None:
        """Pull an adapter out: its links break, its objects vanish."""
        adapter = self._adapters.pop(_adapter_path(name))
        await adapter.end()
        self._tree.remove(_adapter_path(name))
        self._air.remove_controller(adapter.controller)

    def adapter(self, name: str) -> Adapter:
        """Return the adapter with this name."""
        return self._adapters[_adapter_path(name)]

    @property
    def devices(self) -> list[RemoteDevice]:
        """Every device that is shown, on any adapter."""
        return [device for one in self._adapters.values() for device in one.devices.values()]

    async def stop(self) -> None:
        """Vanish from the bus as a killed daemon does, then let the links break."""
        self._bus.disconnect()
        with suppress(EOFError, OSError):  # the bus may have gone first
            await self._bus.wait_for_disconnect()
        await self._tasks.close()
        for adapter in self._adapters.values():
            await adapter.end()
            self._air.remove_controller(adapter.controller)

    def _announce(self, signal: Message) -> None:
        if self._bus.connected:
            _ = self._bus.send(signal)

    async def _listen(self) -> None:
        self._bus.add_message_handler(self._on_message)
        rule = f"type='signal',sender='{BUS}',member='NameOwnerChanged'"
        await self._bus.call(
            Message(
                destination=BUS,
                path="/org/freedesktop/DBus",
                interface=BUS,
                member="AddMatch",
                signature="s",
                body=[rule],
            )
        )

    def _methods(self, path: str) -> dict[tuple[str, str], Handler]:
        adapter = self._adapters.get(path)
        return {
            **(adapter.methods() if adapter is not None else {}),
            **self.agents.methods(),
            (PROPERTIES, "Get"): self._get_property,
            (PROPERTIES, "GetAll"): self._get_all_properties,
            (PROPERTIES, "Set"): self._set_property,
            (DEVICE, "Connect"): self._connect,
            (DEVICE, "Disconnect"): self._disconnect,
            (DEVICE, "Pair"): self._pair,
            (CHARACTERISTIC, "ReadValue"): self._read,
            (CHARACTERISTIC, "WriteValue"): self._write,
            (CHARACTERISTIC, "StartNotify"): self._start_notify,
            (CHARACTERISTIC, "StopNotify"): self._stop_notify,
            (DESCRIPTOR, "ReadValue"): self._read_descriptor,
        }

    def _on_message(self, message: Message) -> bool | None:
        """Take every call in a task of its own; True tells dbus-fast that it is answered."""
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            name, _old_owner, new_owner = message.body
            if not new_owner:
                self._tasks.spawn(self._client_gone(name))
            return None
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.interface in LEFT_TO_LIBRARY:
            return None
        self._tasks.spawn(self._answer(message))
        return True

    async def _client_gone(self, name: str) -> None:
        self.agents.client_gone(name)
        for adapter in list(self._adapters.values()):
            await adapter.client_gone(name)

    async def _answer(self, message: Message) -> None:
        try:
            reply = await self._perform(message) or Reply()
        except BluezError as error:
            answer = Message.new_error(message, error.name, error.text)
        else:
            answer = Message.new_method_return(message, reply.signature, list(reply.values))
        with suppress(EOFError, OSError):  # killed meanwhile: whoever asked hears that by the bus
            await self._bus.send(answer)

    async def _perform(self, message: Message) -> Reply | None:
        path, interface, member = message.path or "", message.interface or "", message.member or ""
        if (interface, member) == (OBJECT_MANAGER, "GetManagedObjects"):
            return Reply("a{oa{sa{sv}}}", (self._tree.managed(),))
        shown = self._tree.interfaces(path)
        if not shown:
            raise BluezError(ErrorType.UNKNOWN_OBJECT.value, f'Method "{member}" doesn\'t exist')
        handler = self._methods(path).get((interface, member))
        if handler is None or not (interface == PROPERTIES or interface in shown):
            raise BluezError(ErrorType.UNKNOWN_METHOD.value, f'Method "{member}" doesn\'t exist')
        return await handler(Call(message.sender or "", path, tuple(message.body)))

    # Properties of any object.

    async def _get_property(self, call: Call) -> Reply:
        interface, name = call.arguments
        properties = self._tree.interfaces(call.path).get(interface, {})
        if name not in properties:
            raise BluezError(f"{BUS}.Error.InvalidArgs", f"No such property '{name}'")
        return Reply("v", (properties[name],))

    async def _get_all_properties(self, call: Call) -> Reply:
        (interface,) = call.arguments
        return Reply("a{sv}", (self._tree.interfaces(call.path).get(interface, {}),))

    async def _set_property(self, call: Call) -> None:
        interface, name, variant = call.arguments
        if (interface, name) == (ADAPTER, "Powered"):
            await self._adapters[call.path].set_powered(powered=variant.value)
        else:
            self._tree.change(call.path, interface, {name: variant})

    # Devices and their attributes: find the one that is meant.

    def _device(self, path: str) -> RemoteDevice:
        adapter_path, _, _ = path.partition("/dev_")
        return self._adapters[adapter_path].devices[path]

    def _characteristic(self, path: str) -> RemoteCharacteristic:
        device_path, _service, _characteristic = path.rsplit("/", 2)
        try:
            device = self._device(device_path)
        except KeyError:
            raise BluezError("Failed", "Not connected") from None
        if not device.is_connected or path not in device.characteristics:
            raise BluezError("Failed", "Not connected")
        return device.characteristics[path]

    async def _connect(self, call: Call) -> None:
        await self._device(call.path).connect()

    async def _disconnect(self, call: Call) -> None:
        await self._device(call.path).disconnect()

    async def _pair(self, call: Call) -> None:
        device = self._device(call.path)
        if device.is_paired:
            raise BluezError("AlreadyExists", "Already Exists")
        if self.agents.of(call.sender) is None:  # "No agent available for request type 2"
            raise BluezError("AuthenticationFailed", "Authentication Failed")
        if self.agents.is_pairing(call.path):
            raise BluezError("InProgress", "In Progress")
        with self.agents.pairing(call.path, call.sender):
            await device.connect()
            await device.pair()

    async def _read(self, call: Call) -> Reply:
        return Reply("ay", (await self._characteristic(call.path).read(),))

    async def _write(self, call: Call) -> None:
        value, options = call.arguments
        command = "type" in options and options["type"].value == "command"
        characteristic = self._characteristic(call.path)
        await characteristic.write(bytes(value), with_response=not command)

    async def _start_notify(self, call: Call) -> None:
        await self._characteristic(call.path).start_notify(call.sender)

    async def _stop_notify(self, call: Call) -> None:
        await self._characteristic(call.path).stop_notify(call.sender)

    async def _read_descriptor(self, call: Call) -> Reply:
        characteristic_path, _, handle = call.path.rpartition("/desc")
        characteristic = self._characteristic(characteristic_path)
        return Reply("ay", (await characteristic.read_descriptor(int(handle, 16)),))


def _adapter_path(name: str) -> str:
    return f"/org/bluez/{name}"
