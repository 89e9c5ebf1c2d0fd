"""Device Information (0x180A) and Battery Level (0x2A19): texts, two numbers, one percentage."""

from msgspec import Struct

from schemas.gatt.codes import Code
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.octets import Octets

PERCENT_MAX = 100


class SystemId(Struct, frozen=True):
    """0x2A23, 8 bytes: an EUI-64 in two parts, the maker's own number and the organisation's."""

    manufacturer: int
    organisation: int


class VendorSource(Code):
    """Who gave the vendor its number."""

    BLUETOOTH_SIG = 1
    USB_IMPLEMENTERS_FORUM = 2


class PnpId(Struct, frozen=True):
    """0x2A50, 7 bytes: which product of which vendor, in which version (0x0213 is 2.1.3)."""

    source: VendorSource
    vendor: int
    product: int
    version: int


def decode_text(payload: bytes) -> str:
    """Decode a maker, model, serial number or revision.

    Devices pad with zero bytes and blanks, and not all of them write UTF-8: what cannot be read
    becomes a replacement character, since a name must not stop a session.
    """
    return payload.decode("utf-8", errors="replace").split("\0", 1)[0].strip()


def encode_text(text: str) -> bytes:
    """Encode a maker, model, serial number or revision."""
    return text.encode()


def decode_system_id(payload: bytes) -> SystemId:
    """Decode 0x2A23. Raises ``MalformedPayload`` if there are fewer than 8 bytes."""
    octets = Octets(payload, "system id")
    manufacturer = int.from_bytes(octets.take(5, "the manufacturer's number"), "little")
    return SystemId(manufacturer, octets.uint24("the organisation's number"))


def encode_system_id(system_id: SystemId) -> bytes:
    """Encode as 0x2A23."""
    organisation = system_id.organisation.to_bytes(3, "little")
    return system_id.manufacturer.to_bytes(5, "little") + organisation


def decode_pnp_id(payload: bytes) -> PnpId:
    """Decode 0x2A50. Raises ``MalformedPayload`` if there are fewer than 7 bytes."""
    octets = Octets(payload, "PnP id")
    return PnpId(
        source=VendorSource(octets.uint8("the source of the vendor's number")),
        vendor=octets.uint16("the vendor"),
        product=octets.uint16("the product"),
        version=octets.uint16("the version"),
    )


def encode_pnp_id(pnp: PnpId) -> bytes:
    """Encode as 0x2A50."""
    numbers = (pnp.vendor, pnp.product, pnp.version)
    return bytes((pnp.source,)) + b"".join(number.to_bytes(2, "little") for number in numbers)


def decode_battery_percent(payload: bytes) -> int:
    """Decode 0x2A19, 0 to 100. Raises ``MalformedPayload`` without a byte or above 100."""
    percent = Octets(payload, "battery level").uint8("the percentage")
    if percent > PERCENT_MAX:
        message = f"battery level: {percent} is not a percentage"
        raise MalformedPayload(message)
    return percent


def encode_battery_percent(percent: int) -> bytes:
    """Encode as 0x2A19."""
    return bytes((percent,))
