"""What a person does once per device: find it, pair it, see what is paired, give it away."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
from dbus_fast import Message
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from gateway.admission.advert import Advert, advert, is_bonded, plain
from gateway.bluetooth.agent import registered
from gateway.bluetooth.bluez import (
    ADAPTER_INTERFACE,
    BLUEZ,
    DEVICE_INTERFACE,
    Adapter,
    call,
    objects,
    system_bus,
)
from gateway.bluetooth.first_meeting import Met, Task, connected, meet
from gateway.bluetooth.link import FAILURES, LinkFailed
from gateway.bluetooth.listening import listening
from schemas.errors import UnavailableError
from schemas.reading import Device

FIND_TIMEOUT_S = 30.0
PAIR_TIMEOUT_S = 60.0  # a person reads six digits
OLD_BOND_PAUSES_S = (0.5, 2.0)
SAID_TIMEOUT_S = 30.0


class NotHeardError(UnavailableError):
    """The device is asleep, far away, or has another address."""


@dataclass(frozen=True, slots=True)
class Person:
    """The person at the keyboard, who pairs one device: the agent's answers."""

    address: str
    ask_passkey: Callable[[], Awaitable[int | None]]
    """Ask for the digits on the device's display; None: they gave up."""
    ask_same: Callable[[int], Awaitable[bool]]
    """Ask whether the device shows these digits too."""
    tell: Callable[[str], None]
    """Tell them something."""
    asked: list[str] = field(default_factory=list)
    """For which devices they were asked for digits."""

    def allows(self, address: str) -> bool:
        """Allow the one device that is being paired."""
        return address == self.address

    async def passkey(self, address: str) -> int | None:
        """Ask for the digits."""
        self.asked.append(address)
        return await self.ask_passkey()

    async def same(self, _address: str, passkey: int) -> bool:
        """Ask whether they are the same."""
        return await self.ask_same(passkey)

    def show(self, _address: str, passkey: int) -> None:
        """Show what is to be typed on the device."""
        self.tell(f"Type {passkey:06} on the device.")


async def paired_devices(adapter: str) -> list[Advert]:
    """Give the devices paired on this adapter; raise ``UnavailableError`` without bluetoothd."""
    async with system_bus() as bus:
        shown = [advert(properties) for properties in (await _devices(bus, adapter)).values()]
    return [one for one in shown if one.bonded]


def _forgive_ended_connection(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of an answer to a bus that is gone: dbus-fast sends one after Ctrl-C too."""
    if not isinstance(context.get("exception"), OSError | EOFError):
        loop.default_exception_handler(context)


async def pair(adapter: str, person: Person, task: Task) -> tuple[Advert, Met]:
    """Pair the person's device, in pairing mode; give what it is and what it says of itself.

    A bond that still works is kept. One that does not is removed first: bluetoothd takes it for
    "already paired" and would do nothing. Raises ``UnavailableError`` with the way out.
    """
    address = person.address
    asyncio.get_running_loop().set_exception_handler(_forgive_ended_connection)
    async with registered(person) as bus:
        try:
            device = await _find(bus, adapter, person)
            person.tell(f"Found {plain(device.name or address)}.")
            met = None
            if is_bonded(await _properties(bus, adapter, address)):
                person.tell("It was paired before; trying that pairing.")
                met = await _meet_over_old_bond(device, adapter, task)
                if met is None:
                    person.tell("That pairing no longer works; making a new one.")
                    await remove(bus, adapter, address)
                    device = await _find(bus, adapter, person)
            if met is None:
                person.tell("Pairing…")
                met = await _pair(bus, device, adapter, task)
        except TimeoutError as error:
            raise UnavailableError(f"{address} does not answer.", _TRY_AGAIN) from error
        except DBusError as error:
            raise _refusal(error, address, asked=bool(person.asked)) from error
        except (BleakError, OSError, EOFError) as error:
            raise UnavailableError(f"Pairing failed: {error}.", _TRY_AGAIN) from error
        properties = await _properties(bus, adapter, address)
    if not is_bonded(properties):
        raise UnavailableError(f"{address} did not keep the bond.", _TRY_AGAIN)
    return advert(properties), met


async def has_bond(address: str) -> bool:
    """Tell whether any adapter holds a bond with it."""
    async with system_bus() as bus:
        return bool(await _bonded_adapters(bus, address))


async def unpair(address: str) -> bool:
    """Remove the bond on whichever adapter holds it; False if none that is here does.

    Raises ``UnavailableError`` if bluetoothd does not let it go.
    """
    async with system_bus() as bus:
        return await remove_bonds(bus, address)


async def remove_bonds(bus: MessageBus, address: str) -> bool:
    """Do so over this connection; raise as ``unpair`` does, ``DBusError`` without bluetoothd."""
    adapters = await _bonded_adapters(bus, address)
    for adapter in adapters:
        try:
            await remove(bus, adapter, address)
        except DBusError as error:
            if error.type == _NOT_READY:
                off = Adapter.POWERED_OFF.value.format(name=adapter)
                raise UnavailableError(off) from error
            raise UnavailableError(f"Adapter {adapter} does not let it go: {error}.") from error
    return bool(adapters)


async def _bonded_adapters(bus: MessageBus, address: str) -> list[str]:
    devices = [one.get(DEVICE_INTERFACE, {}) for one in (await objects(bus)).values()]
    return [
        str(device["Adapter"]).rpartition("/")[2]
        for device in devices
        if str(device.get("Address", "")).upper() == address and is_bonded(device)
    ]


async def remove(bus: MessageBus, adapter: str, address: str) -> None:
    """Let bluetoothd forget a device and its bond; raise ``DBusError`` if it does not."""
    device = _device_path(adapter, address)
    path, interface = f"/org/bluez/{adapter}", ADAPTER_INTERFACE
    await call(bus, Message(BLUEZ, path, interface, "RemoveDevice", signature="o", body=[device]))


_TRY_AGAIN = "Put it into pairing mode again and repeat; remove old bonds on the device first."
_NOT_LET_IN = "org.bluez.Error.Authentication"  # …Failed, …Rejected, …Canceled, …Timeout
_NOT_READY = "org.bluez.Error.NotReady"
_IN_PROGRESS = "org.bluez.Error.InProgress"


def _refusal(error: DBusError, address: str, *, asked: bool) -> UnavailableError:
    """Say what a device that was not paired probably minded; BlueZ only tells that it did."""
    if error.type == _IN_PROGRESS:
        return UnavailableError(
            f"{address} is being paired by another program just now.",
            "Let that one finish, or end it, and repeat.",
        )
    if not error.type.startswith(_NOT_LET_IN):
        return UnavailableError(f"{address} was not paired: {error}.", _TRY_AGAIN)
    if asked:
        return UnavailableError(
            f"{address} was not paired: the six digits were wrong, or none were typed in time.",
            "Put it into pairing mode again, repeat, and type the digits that it shows then.",
        )
    return UnavailableError(
        f"{address} does not let itself be paired: it is not in pairing mode, or it is paired with"
        " a telephone or another gateway and takes no second one.",
        "Put it into pairing mode again and repeat; if that does not help, remove its old pairings"
        " first, on the device and on the telephone.",
    )


async def _find(bus: MessageBus, adapter: str, person: Person) -> BLEDevice:
    """Wait until the device is heard: bluetoothd forgets an unpaired one after 30 s.

    One that is connected does not advertise; to attach to that link and end it would end the visit
    of whoever has it (bleak pull request 1984).
    """
    address = person.address
    found: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()

    def heard(device: BLEDevice, _advertisement: AdvertisementData) -> None:
        if device.address.upper() == address and not found.done():
            found.set_result(device)

    async with listening(adapter, heard):
        if await _is_connected(bus, adapter, address):
            person.tell(f"{address} is connected just now; waiting for the end of that.")
        try:
            async with asyncio.timeout(FIND_TIMEOUT_S):
                return await found
        except TimeoutError as error:
            if await _is_connected(bus, adapter, address):
                raise UnavailableError(
                    f"{address} is connected: the gateway, or another program here, is reading it.",
                    "Wait until it has ended, and repeat; `vitalwire gateway devices` tells whether"
                    " it is read already.",
                ) from error
            raise NotHeardError(
                f"{address} is not heard.",
                "Put it into pairing mode, and bring it within a few metres; `vitalwire gateway"
                " scan` lists what is heard.",
            ) from error


async def _meet_over_old_bond(device: BLEDevice, adapter: str, task: Task) -> Met | None:
    """Connect with the bond that there is; give what the device says, None if there is no way in.

    The daemon may be talking to it at the same moment, so one failure proves nothing.
    """
    for pause_s in (*OLD_BOND_PAUSES_S, None):
        with suppress(*FAILURES, LinkFailed):
            async with connected(device, adapter) as link:
                return await meet(link, device, task)
        if pause_s is not None:
            await asyncio.sleep(pause_s)
    return None


async def _pair(bus: MessageBus, device: BLEDevice, adapter: str, task: Task) -> Met:
    """Pair by a call of our own: bluetoothd asks the agent that is on the caller's connection.

    Without connecting first: a device that asks for security as soon as somebody connects would be
    put to the default agent, the daemon's, which refuses. What it says of itself is read if it
    stays; if not, the daemon reads it at its first visit.
    """
    path, link_is_ours = _device_path(adapter, device.address), True
    try:
        await call(bus, Message(BLUEZ, path, DEVICE_INTERFACE, "Pair"), PAIR_TIMEOUT_S)
        with suppress(*FAILURES, LinkFailed):
            async with asyncio.timeout(SAID_TIMEOUT_S), connected(device, adapter) as link:
                return await meet(link, device, task)
        return Met(Device(address=device.address.upper()))
    except DBusError as error:
        link_is_ours = error.type != _IN_PROGRESS  # to end it would end the other one's pairing
        raise
    finally:
        if link_is_ours:
            with suppress(DBusError, OSError, EOFError):  # usually it is gone already
                await call(bus, Message(BLUEZ, path, DEVICE_INTERFACE, "Disconnect"))


async def _devices(bus: MessageBus, adapter: str) -> dict[str, dict[str, Any]]:
    """Give the devices that an adapter knows, by object path, in the order of their addresses."""
    found = await objects(bus)
    path = f"/org/bluez/{adapter}"
    if path not in found:
        raise UnavailableError(Adapter.MISSING.value.format(name=adapter))
    return {
        path: interfaces[DEVICE_INTERFACE]
        for path, interfaces in sorted(found.items())
        if DEVICE_INTERFACE in interfaces and path.startswith(f"/org/bluez/{adapter}/")
    }


async def _properties(bus: MessageBus, adapter: str, address: str) -> dict[str, Any]:
    devices = await _devices(bus, adapter)
    return devices.get(_device_path(adapter, address), {"Address": address})


async def _is_connected(bus: MessageBus, adapter: str, address: str) -> bool:
    return bool((await _properties(bus, adapter, address)).get("Connected"))


def _device_path(adapter: str, address: str) -> str:
    return f"/org/bluez/{adapter}/dev_{address.upper().replace(':', '_')}"
