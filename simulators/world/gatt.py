"""GattService1, GattCharacteristic1 and GattDescriptor1 in front of bumble's GATT client."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final, TypeVar

from bumble import att
from bumble.core import UUID
from bumble.gatt_client import CharacteristicProxy, ServiceProxy
from dbus_fast import Variant

from simulators.world.central import Central, full_uuid
from simulators.world.errors import BluezError, from_att_code
from simulators.world.faults import ReadHangs

__all__ = ["CHARACTERISTIC", "DESCRIPTOR", "SERVICE", "RemoteCharacteristic", "show_service"]

SERVICE: Final = "org.bluez.GattService1"
CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
DESCRIPTOR: Final = "org.bluez.GattDescriptor1"

GENERIC_ACCESS: Final = UUID.from_16_bits(0x1800)  # bluetoothd keeps this service to itself

NOTIFY, INDICATE = 0x10, 0x20
FLAGS: Final = (
    (0x01, "broadcast"),
    (0x02, "read"),
    (0x04, "write-without-response"),
    (0x08, "write"),
    (NOTIFY, "notify"),
    (INDICATE, "indicate"),
    (0x40, "authenticated-signed-writes"),
)

Result = TypeVar("Result")


class RemoteCharacteristic:
    """One characteristic of a connected device and the bus clients that listen to it."""

    def __init__(self, central: Central, path: str, proxy: CharacteristicProxy[bytes]) -> None:
        """Serve `proxy` at `path`."""
        self._central = central
        self._path = path
        self._proxy = proxy
        self._listeners: set[str] = set()
        self._busy: set[str] = set()

    @property
    def uuid(self) -> str:
        """Its UUID, as 128-bit text."""
        return full_uuid(self._proxy.uuid)

    async def read(self) -> bytes:
        """Read the value; as in BlueZ it is announced as a property change too."""
        if self._central.faults.take(ReadHangs) is not None:
            await asyncio.Event().wait()
        value = bytes(await self._attempt("read", self._proxy.read_value()))
        self._announce(value)
        return value

    async def write(self, value: bytes, *, with_response: bool) -> None:
        """Write the value."""
        await self._attempt("write", self._proxy.write_value(value, with_response=with_response))

    async def read_descriptor(self, handle: int) -> bytes:
        """Read the descriptor with this handle."""
        for descriptor in self._proxy.descriptors:
            if descriptor.handle == handle:
                return bytes(await self._attempt("read", descriptor.read_value()))
        raise BluezError("DoesNotExist", "Does Not Exist")

    async def start_notify(self, listener: str) -> None:
        """Subscribe for a bus client; only the first one writes to the device."""
        if not self._proxy.properties & (NOTIFY | INDICATE):
            raise BluezError("NotSupported", "Operation is not supported")
        if listener in self._listeners:
            raise BluezError("InProgress", "In Progress")
        first = not self._listeners
        self._listeners.add(listener)
        if first:
            prefer_notify = bool(self._proxy.properties & NOTIFY)
            subscribing = self._proxy.subscribe(self._announce, prefer_notify=prefer_notify)
            try:
                await self._attempt("notify", subscribing)
            except BluezError:
                self._listeners.discard(listener)
                raise
        self._show_notifying()

    async def stop_notify(self, listener: str) -> None:
        """End a bus client's subscription; the last one writes to the device."""
        if listener not in self._listeners:
            raise BluezError("Failed", "No notify session started")
        self._listeners.discard(listener)
        if not self._listeners:
            await self._attempt("notify", self._proxy.unsubscribe(self._announce))
        self._show_notifying()

    def has_listener(self, listener: str) -> bool:
        """Whether this bus client subscribed here."""
        return listener in self._listeners

    def _show_notifying(self) -> None:
        notifying = Variant("b", bool(self._listeners))
        self._central.tree.change(self._path, CHARACTERISTIC, {"Notifying": notifying})

    def _announce(self, value: bytes) -> None:
        changed = {"Value": Variant("ay", bytes(value))}
        self._central.tree.change(self._path, CHARACTERISTIC, changed)

    async def _attempt(self, kind: str, operation: Coroutine[Any, Any, Result]) -> Result:
        """Run one ATT operation; a second of the same kind meanwhile is refused, as in BlueZ."""
        if kind in self._busy:
            operation.close()
            raise BluezError("InProgress", "In Progress")
        self._busy.add(kind)
        try:
            return await operation
        except att.ATT_Error as error:
            raise from_att_code(error.error_code) from error
        except (asyncio.CancelledError, Exception) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
                raise
            # The link broke (bumble cancels what is pending) or the device never answered.
            raise BluezError("Failed", f"ATT operation failed: {error!r}") from error
        finally:
            self._busy.discard(kind)


async def show_service(
    central: Central, device: str, service: ServiceProxy
) -> AsyncIterator[tuple[str, RemoteCharacteristic]]:
    """Discover what is in `service`, show it below `device`; give each path once it is shown."""
    await service.discover_characteristics()
    if service.uuid == GENERIC_ACCESS:
        return
    path = f"{device}/service{service.handle:04x}"
    if not central.tree.interfaces(path):
        central.tree.add(path, SERVICE, _service_properties(device, service))
    for proxy in service.characteristics:
        await proxy.discover_descriptors()
        proxy.descriptors_discovered = True  # bumble would ask again, and listen only after that
        # bumble's handle is that of the value, BlueZ names the object by the declaration's.
        characteristic = f"{path}/char{proxy.handle - 1:04x}"
        _show_characteristic(central, path, characteristic, proxy)
        yield characteristic, RemoteCharacteristic(central, characteristic, proxy)


def _service_properties(device: str, service: ServiceProxy) -> dict[str, Variant]:
    return {
        "UUID": Variant("s", full_uuid(service.uuid)),
        "Primary": Variant("b", True),
        "Device": Variant("o", device),
        "Includes": Variant("ao", []),
    }


def _show_characteristic(
    central: Central, service: str, path: str, proxy: CharacteristicProxy[bytes]
) -> None:
    if central.tree.interfaces(path):  # known from an earlier connection
        central.tree.change(path, CHARACTERISTIC, {"Notifying": Variant("b", False)})
        return
    properties = {
        "UUID": Variant("s", full_uuid(proxy.uuid)),
        "Service": Variant("o", service),
        "Value": Variant("ay", b""),
        "Flags": Variant("as", [name for bit, name in FLAGS if proxy.properties & bit]),
        "MTU": Variant("q", proxy.client.mtu),
    }
    if proxy.properties & (NOTIFY | INDICATE):
        properties["Notifying"] = Variant("b", False)
    central.tree.add(path, CHARACTERISTIC, properties)
    for descriptor in proxy.descriptors:
        descriptor_properties = {
            "UUID": Variant("s", full_uuid(descriptor.type)),
            "Characteristic": Variant("o", path),
            "Value": Variant("ay", b""),
        }
        central.tree.add(f"{path}/desc{descriptor.handle:04x}", DESCRIPTOR, descriptor_properties)
