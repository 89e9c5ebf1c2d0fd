"""Characteristics as bumble wants them, with the access rules that bumble does not enforce."""

from collections.abc import Callable
from functools import partial

from bumble import att, gatt
from bumble.core import UUID
from bumble.device import Connection
from bumble.gatt_server import Server

from schemas.gatt import device_information, uuids

__all__ = [
    "Characteristic",
    "battery_level",
    "indicated",
    "information_service",
    "notified",
    "notified_too",
    "protect_subscription",
    "readable",
    "service",
    "writable",
    "written",
]

Characteristic = gatt.Characteristic[bytes]
_Properties = gatt.Characteristic.Properties
_Permissions = att.Attribute.Permissions

_OPEN = _Permissions.READABLE | _Permissions.WRITEABLE
_ENCRYPTED = _OPEN | _Permissions.READ_REQUIRES_ENCRYPTION | _Permissions.WRITE_REQUIRES_ENCRYPTION


def service(number: int, characteristics: list[Characteristic]) -> gatt.Service:
    """Return the service with this assigned number."""
    return gatt.Service(UUID.from_16_bits(number), characteristics)


def readable(number: int, read: Callable[[], bytes], *, encrypted: bool) -> Characteristic:
    """Return a read-only characteristic; a write is refused (bumble itself would accept it)."""
    value = gatt.CharacteristicValue(read=lambda _connection: read(), write=_refuse_write)
    permissions = _ENCRYPTED if encrypted else _OPEN
    return Characteristic(UUID.from_16_bits(number), _Properties.READ, permissions, value)


def writable(
    number: int, read: Callable[[], bytes], write: Callable[[Connection, bytes], None]
) -> Characteristic:
    """Return a characteristic that bonded peers read and write."""
    properties = _Properties.READ | _Properties.WRITE
    value = gatt.CharacteristicValue(read=lambda _connection: read(), write=write)
    return Characteristic(UUID.from_16_bits(number), properties, _ENCRYPTED, value)


def notified_too(
    number: int,
    read: Callable[[], bytes],
    write: Callable[[Connection, bytes], None] | None = None,
) -> Characteristic:
    """Return a characteristic that bonded peers read, maybe write, and hear of when they ask to."""
    properties = _Properties.READ | _Properties.NOTIFY
    properties |= _Properties(0) if write is None else _Properties.WRITE
    value = gatt.CharacteristicValue(
        read=lambda _connection: read(), write=_refuse_write if write is None else write
    )
    return Characteristic(UUID.from_16_bits(number), properties, _ENCRYPTED, value)


def written(uuid: UUID, write: Callable[[Connection, bytes], None]) -> Characteristic:
    """Return a maker's own characteristic that bonded peers write, and may listen to."""
    value = gatt.CharacteristicValue(read=_refuse_read, write=write)
    properties = _Properties.WRITE | _Properties.INDICATE
    return Characteristic(uuid, properties, _ENCRYPTED, value)


def notified(number: int) -> Characteristic:
    """Return a characteristic whose values only ever come as notifications."""
    return _pushed(number, _Properties.NOTIFY, _refuse_write)


def indicated(
    number: int, write: Callable[[Connection, bytes], None] | None = None
) -> Characteristic:
    """Return a characteristic whose values only ever come as indications; maybe also writable."""
    if write is None:
        return _pushed(number, _Properties.INDICATE, _refuse_write)
    return _pushed(number, _Properties.INDICATE | _Properties.WRITE, write)


def _pushed(
    number: int, properties: _Properties, write: Callable[[Connection, bytes], None]
) -> Characteristic:
    value = gatt.CharacteristicValue(read=_refuse_read, write=write)
    return Characteristic(UUID.from_16_bits(number), properties, _ENCRYPTED, value)


def protect_subscription(server: Server, characteristic: Characteristic) -> None:
    """Let only encrypted links subscribe; the descriptor that bumble adds by itself is open."""
    descriptor = gatt.Descriptor(
        gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
        _OPEN | _Permissions.WRITE_REQUIRES_ENCRYPTION,
        server.make_descriptor_value(characteristic),
    )
    characteristic.descriptors = [*characteristic.descriptors, descriptor]


def information_service(texts: dict[int, str]) -> gatt.Service:
    """Return Device Information with these texts, by assigned number; anybody may read it."""
    characteristics = [
        readable(number, partial(device_information.encode_text, text), encrypted=False)
        for number, text in texts.items()
    ]
    return service(uuids.DEVICE_INFORMATION_SERVICE, characteristics)


def battery_level(percent: Callable[[], int], *, notifies: bool) -> Characteristic:
    """Return a battery's level: anybody may read it, or bonded peers hear of it too."""

    def read() -> bytes:
        return device_information.encode_battery_percent(percent())

    if notifies:
        return notified_too(uuids.BATTERY_LEVEL, read)
    return readable(uuids.BATTERY_LEVEL, read, encrypted=False)


def _refuse_write(_connection: Connection, _value: bytes) -> None:
    raise att.ATT_Error(att.ATT_WRITE_NOT_PERMITTED_ERROR)


def _refuse_read(_connection: Connection) -> bytes:
    raise att.ATT_Error(att.ATT_READ_NOT_PERMITTED_ERROR)
