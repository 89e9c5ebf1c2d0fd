"""Who else may be on the bus or near: another program's agent, a device that nobody paired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from dbus_fast import Message
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from gateway.bluetooth.bluez import (
    ADAPTER_INTERFACE,
    BLUEZ,
    DEVICE_INTERFACE,
    call,
    system_bus,
)
from simulators.peripherals import Cuff, Meter
from simulators.world import BluetoothWorld
from tests.bluetooth_world import eventually, make_meter


class Applet:
    """Another program's agent, a desktop's say, that lets everything in."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def allows(self, address: str) -> bool:
        self.asked.append(address)
        return True

    async def passkey(self, _address: str) -> int | None:
        return None

    async def same(self, _address: str, _passkey: int) -> bool:
        return True

    def show(self, _address: str, _passkey: int) -> None:
        pass


def ask_for_security(device: Meter) -> None:
    """Send a Security Request, as some devices do as soon as somebody connects."""
    assert device._link.connection is not None
    device._link.connection.request_pairing()


def path_of(device: Cuff | Meter) -> str:
    return f"/org/bluez/hci0/dev_{str(device.address).removesuffix('/P').replace(':', '_')}"


@asynccontextmanager
async def connected(world: BluetoothWorld, device: Cuff | Meter) -> AsyncIterator[MessageBus]:
    """Somebody on the bus, not the daemon, has connected to a device that nobody paired."""
    async with system_bus() as bus:
        # In progress, or never answered because another one is beginning: then that will find it.
        with suppress(DBusError, TimeoutError):
            begin = Message(BLUEZ, "/org/bluez/hci0", ADAPTER_INTERFACE, "StartDiscovery")
            await call(bus, begin, timeout_s=3.0)
        await eventually(lambda: world.is_known(device))
        await call(bus, Message(BLUEZ, path_of(device), DEVICE_INTERFACE, "Connect"))
        # A call of Pair while they are being resolved is never answered by bluetoothd 5.66.
        await eventually(lambda: world.is_resolved(device))
        yield bus
        await call(bus, Message(BLUEZ, path_of(device), DEVICE_INTERFACE, "Disconnect"))


@asynccontextmanager
async def stranger_connected(world: BluetoothWorld) -> AsyncIterator[Meter]:
    """A meter that nobody paired, in pairing mode, to which somebody has connected."""
    stranger = make_meter()
    await world.add(stranger, bonded=False)
    await stranger.set_pairing_mode(on=True)
    async with connected(world, stranger):
        yield stranger
