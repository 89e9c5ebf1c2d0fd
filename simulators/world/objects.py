"""The D-Bus objects that org.bluez shows: interfaces, properties and the signals they make."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dbus_fast import Message, Variant

__all__ = ["OBJECT_MANAGER", "PROPERTIES", "ObjectTree", "Properties"]

OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"

Properties = dict[str, Variant]


class ObjectTree:
    """Every change is announced at once, in order, with the signal that bluetoothd would send."""

    def __init__(self, send: Callable[[Message], object]) -> None:
        """Announce through `send`."""
        self._send = send
        self._objects: dict[str, dict[str, Properties]] = {}

    def add(self, path: str, interface: str, properties: Mapping[str, Variant]) -> None:
        """Make an interface appear at `path`."""
        self._objects.setdefault(path, {})[interface] = dict(properties)
        body = [path, {interface: dict(properties)}]
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", body)

    def remove(self, path: str) -> None:
        """Make `path` and everything below it disappear, the deepest first."""
        below = [p for p in self._objects if p == path or p.startswith(path + "/")]
        for gone in sorted(below, reverse=True):
            interfaces = list(self._objects.pop(gone))
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [gone, interfaces])

    def change(
        self,
        path: str,
        interface: str,
        properties: Mapping[str, Variant],
        invalidated: tuple[str, ...] = (),
    ) -> None:
        """Set properties and drop the invalidated ones; nothing happens if the object is gone."""
        current = self._objects.get(path, {}).get(interface)
        if current is None:
            return
        for name in invalidated:
            current.pop(name, None)
        current.update(properties)
        body = [interface, dict(properties), list(invalidated)]
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    def value(self, path: str, interface: str, name: str) -> Any:  # noqa: ANN401 - a D-Bus variant
        """Return the plain value of a property, or None if it is not there."""
        variant = self._objects.get(path, {}).get(interface, {}).get(name)
        return None if variant is None else variant.value

    def interfaces(self, path: str) -> dict[str, Properties]:
        """Return the interfaces of the object at `path`; empty if there is none."""
        return self._objects.get(path, {})

    def managed(self) -> dict[str, dict[str, Properties]]:
        """Return the answer to GetManagedObjects."""
        return self._objects

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> None:
        self._send(Message.new_signal(path, interface, member, signature, body))
