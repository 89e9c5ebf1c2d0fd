"""What a device says on the air before anybody connects: 31 bytes, and 31 more to who asks."""

from bumble.core import UUID, AdvertisingData
from bumble.device import Device

__all__ = ["ADVERTISEMENT_BYTES_MAX", "advertisement", "begin", "scan_response"]

ADVERTISEMENT_BYTES_MAX = 31
INTERVAL_MS = 100

_NO_CLASSIC = 0x04
_GENERALLY_DISCOVERABLE = 0x02
_LIMITED_DISCOVERABLE = 0x01  # "for a short while": pairing mode


def advertisement(
    name: str, service: int | None, *, pairing: bool, discoverable: bool, maker: bytes = b""
) -> bytes:
    """Build the advertisement; a name that finds no room is shortened, as the standard has it.

    The whole name is in the scan response; but a virtual controller of bumble answers no scan
    request, so that a device which must be recognised there by its name needs a short one.
    ``service`` is None for a device that does not say what it is for.
    """
    discovery = _GENERALLY_DISCOVERABLE if discoverable else 0
    flags = _NO_CLASSIC | (_LIMITED_DISCOVERABLE if pairing else discovery)
    content = [(AdvertisingData.FLAGS, bytes((flags,)))]
    if service is not None:
        listed = AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
        content.append((listed, UUID.from_16_bits(service).to_bytes()))
    if maker:
        content.append((AdvertisingData.MANUFACTURER_SPECIFIC_DATA, maker))
    room = ADVERTISEMENT_BYTES_MAX - len(bytes(AdvertisingData(content))) - 2
    text = name.encode()
    whole = AdvertisingData.COMPLETE_LOCAL_NAME
    kind = whole if len(text) <= room else AdvertisingData.SHORTENED_LOCAL_NAME
    return bytes(AdvertisingData([*content, (kind, text[:room])]))


def scan_response(name: str) -> bytes:
    """Build the answer to who asks for more: the name, as much of it as fits."""
    text = name.encode()[: ADVERTISEMENT_BYTES_MAX - 2]
    return bytes(AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, text)]))


async def begin(device: Device, said: bytes, name: str) -> None:
    """Say it ten times a second, until told otherwise."""
    await device.start_advertising(
        advertising_data=said,
        scan_response_data=scan_response(name),
        advertising_interval_min=INTERVAL_MS,
        advertising_interval_max=INTERVAL_MS,
    )
