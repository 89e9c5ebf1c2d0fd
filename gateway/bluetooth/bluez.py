"""Watches org.bluez and one adapter on the system bus.

bleak notices neither the end of bluetoothd (a client stays "connected" for ever) nor an adapter
that is switched off while scanning; this does, and whoever depends on it waits for ``ready`` or
``lost``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from random import Random
from typing import Any

import structlog
from bleak.args.bluez import BlueZDiscoveryFilters
from dbus_fast import BusType, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

from gateway import metrics
from gateway.admission.advert import is_bonded
from schemas.backoff import Backoff
from schemas.errors import UnavailableError
from schemas.gatt import services, uuids

CALL_TIMEOUT_S = 10.0
POWER_ON_PAUSES_S = (0.5, 2.0, 5.0)  # a controller needs a moment to go and to come
BLUEZ = "org.bluez"
ADAPTER_INTERFACE = "org.bluez.Adapter1"
DEVICE_INTERFACE = "org.bluez.Device1"
EVERY_ADVERTISEMENT = BlueZDiscoveryFilters(RSSI=-127)
"""What every scan asks for: whatever advertises, however weakly, each time that it does.

No UUIDs, for bluetoothd holds them against the advertisement alone: a device that names its service
only while it waits to be paired would never be heard again. A threshold that everything passes, for
without one it tells no strength that differs by less than 8 dB from the last (its commit e004414a1,
July 2026): a cuff that lies where it always lies would change nothing, and a device that is not
discoverable would be hidden by an adapter without Bluetooth Classic (``device_is_discoverable``).
"""
SERVICES = [uuids.full(service.number) for service in services.SERVICES]
BUS = "org.freedesktop.DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"

log = structlog.get_logger(__name__)


class Adapter(Enum):
    """The adapter's state; the value says it with the way out, ``{name}`` is the adapter."""

    UNKNOWN = "Bluetooth: not looked at yet"
    NO_BUS = "Bluetooth: this machine has no D-Bus system bus; restart it with `sudo reboot`"
    NO_PERMISSION = (
        "Bluetooth: no permission on the D-Bus system bus; run this with sudo, "
        "or add the gateway's user to group bluetooth"
    )
    NO_DAEMON = (
        "Bluetooth: its service, bluetoothd, is not running; run `sudo systemctl start bluetooth`"
    )
    MISSING = "Bluetooth: there is no adapter {name}; plug it in, or choose another with --adapter"
    POWERED_OFF = "Bluetooth: adapter {name} is switched off; run `bluetoothctl power on`"
    READY = ""


class Bluez:
    """One adapter: its state, as long as ``run`` runs, and whose turn it is to connect over it."""

    def __init__(self, adapter: str, rng: Random) -> None:
        """Watch ``adapter`` (hci0); nothing is known before ``run``."""
        self.adapter = adapter
        self._path = f"/org/bluez/{adapter}"
        self._backoff = Backoff(rng)
        self._changed = asyncio.Event()
        self._bus: MessageBus | None = None
        self._state = Adapter.UNKNOWN
        self.ready = asyncio.Event()
        """Set while the adapter can scan and connect."""
        self.lost = asyncio.Event()
        """Set when it no longer can; whatever was running on it is over."""
        self.connecting = asyncio.Lock()
        """Held while a device connects: concurrent connects fail on BlueZ."""
        self.linked: set[str] = set()
        """The sessions under way over it that have had a link."""
        self.removed: Callable[[str], None] = lambda _address: None
        """Told of each device that bluetoothd forgets, bond and all."""

    @property
    def problem(self) -> str | None:
        """What is wrong and how to mend it; None if nothing is."""
        return self._state.value.format(name=self.adapter) or None

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            bus = MessageBus(bus_type=BusType.SYSTEM)
            try:
                async with asyncio.timeout(CALL_TIMEOUT_S):
                    await bus.connect()
                self._backoff.reset()
                await self._watch(bus)
            except AuthError:
                self._become(Adapter.NO_PERMISSION)
            except (OSError, EOFError, InvalidAddressError, DBusError, TimeoutError):
                self._become(Adapter.NO_BUS)
            finally:
                bus.disconnect()
            await asyncio.sleep(self._backoff.next_s())

    async def is_bonded(self, address: str) -> bool:
        """Ask whether bluetoothd holds a bond with this device now; False if it does not answer."""
        path = f"{self._path}/dev_{address.replace(':', '_')}"
        question = Message(
            BLUEZ, path, _PROPERTIES, "GetAll", signature="s", body=[DEVICE_INTERFACE]
        )
        if self._bus is None:
            return False
        try:
            reply = await call(self._bus, question)
        except (DBusError, OSError, EOFError, TimeoutError):
            return False
        return is_bonded(unpack_variants(reply.body[0]))

    async def power_cycle(self) -> None:
        """Switch the adapter off and on again; raise ``UnavailableError`` if it stays off."""
        async with system_bus() as bus:
            await call(bus, self._set_powered(on=False))
            for pause_s in POWER_ON_PAUSES_S[:-1]:
                await asyncio.sleep(pause_s)
                with suppress(DBusError):
                    await call(bus, self._set_powered(on=True))
                    return
            await asyncio.sleep(POWER_ON_PAUSES_S[-1])
            await call(bus, self._set_powered(on=True))

    def _set_powered(self, *, on: bool) -> Message:
        body = [ADAPTER_INTERFACE, "Powered", Variant("b", on)]
        return Message(BLUEZ, self._path, _PROPERTIES, "Set", signature="ssv", body=body)

    async def _watch(self, bus: MessageBus) -> None:
        bus.add_message_handler(self._on_message)
        rules = (
            f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
            f"type='signal',sender='{BLUEZ}',member='PropertiesChanged',path='{self._path}'",
            f"type='signal',sender='{BLUEZ}',member='InterfacesAdded'",
            f"type='signal',sender='{BLUEZ}',member='InterfacesRemoved'",
        )
        for rule in rules:
            await call(bus, to_bus("AddMatch", rule))
        gone = asyncio.ensure_future(bus.wait_for_disconnect())
        self._bus = bus
        try:
            while not gone.done():
                self._changed.clear()
                state = await self._look(bus)
                if state is Adapter.READY and not self.ready.is_set():
                    await self._hang_up(bus)
                self._become(state)
                change = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({gone, change}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
        finally:
            self._bus = None
            gone.cancel()
        raise EOFError

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "NameOwnerChanged":
            self._become(Adapter.NO_DAEMON)  # even if a new one is there: all is to be done anew
            self._changed.set()
        elif message.member == "PropertiesChanged":
            if "Powered" in message.body[1]:
                self._changed.set()
        elif message.body and message.body[0] == self._path:
            self._changed.set()
        elif message.member == "InterfacesRemoved" and DEVICE_INTERFACE in message.body[1]:
            adapter, _, device = message.body[0].rpartition("/dev_")
            if adapter == self._path:
                self.removed(device.replace("_", ":").upper())

    async def _look(self, bus: MessageBus) -> Adapter:
        """Ask whether the adapter is there and switched on, without starting bluetoothd."""
        owned = await call(bus, to_bus("NameHasOwner", BLUEZ))
        if not owned.body[0]:
            return Adapter.NO_DAEMON
        question = Message(
            BLUEZ,
            self._path,
            _PROPERTIES,
            "Get",
            signature="ss",
            body=[ADAPTER_INTERFACE, "Powered"],
        )
        try:
            powered = await call(bus, question)
        except DBusError as error:
            denied = error.type == "org.freedesktop.DBus.Error.AccessDenied"
            return Adapter.NO_PERMISSION if denied else Adapter.MISSING
        return Adapter.READY if powered.body[0].value else Adapter.POWERED_OFF

    async def _hang_up(self, bus: MessageBus) -> None:
        """End links that a killed predecessor left: BlueZ keeps them (bluez issue 89).

        A device that is connected does not advertise, so it would not be visited.
        """
        for path, interfaces in (await objects(bus)).items():
            device = interfaces.get(DEVICE_INTERFACE, {})
            ours = device.get("Adapter") == self._path and set(SERVICES) & set(
                device.get("UUIDs", [])
            )
            if ours and device.get("Connected"):
                log.info("link.left_over")
                with suppress(DBusError, TimeoutError):
                    await call(bus, Message(BLUEZ, path, DEVICE_INTERFACE, "Disconnect"))

    def _become(self, state: Adapter) -> None:
        if state is self._state:
            return
        log.info("bluetooth.state", state=state.name.lower(), adapter=self.adapter)
        self._state = state
        if state is Adapter.READY:
            self.lost.clear()
            self.ready.set()
        else:
            metrics.FAILURES.labels(f"bluetooth-{state.name.lower().replace('_', '-')}").inc()
            self.ready.clear()
            self.lost.set()


def to_bus(member: str, argument: str) -> Message:
    """Ask the bus itself."""
    return Message(BUS, "/org/freedesktop/DBus", BUS, member, signature="s", body=[argument])


@asynccontextmanager
async def system_bus() -> AsyncIterator[MessageBus]:
    """Connect to the system bus; raise ``UnavailableError`` that says what is missing."""
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        await bus.connect()
        yield bus
    except AuthError as error:
        raise UnavailableError(Adapter.NO_PERMISSION.value) from error
    except (DBusError, TimeoutError) as error:  # before OSError, of which TimeoutError is a kind
        raise UnavailableError(Adapter.NO_DAEMON.value) from error
    except (OSError, EOFError, InvalidAddressError) as error:
        raise UnavailableError(Adapter.NO_BUS.value) from error
    finally:
        bus.disconnect()


async def objects(bus: MessageBus) -> dict[str, dict[str, dict[str, Any]]]:
    """Give everything that bluetoothd shows: interfaces by path, properties by interface."""
    question = Message(BLUEZ, "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    found: dict[str, dict[str, dict[str, Any]]] = unpack_variants(
        (await call(bus, question)).body[0]
    )
    return found


async def call(bus: MessageBus, message: Message, timeout_s: float = CALL_TIMEOUT_S) -> Message:
    """Call a method; raise ``DBusError`` if it is refused, ``TimeoutError`` if nobody answers."""
    async with asyncio.timeout(timeout_s):
        reply = await bus.call(message)
    assert reply is not None
    if reply.message_type is MessageType.ERROR:
        assert reply.error_name is not None
        raise DBusError(reply.error_name, str(reply.body[0]) if reply.body else "", reply)
    return reply
