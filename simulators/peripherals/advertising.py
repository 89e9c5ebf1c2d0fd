"""What a device says on the air before anybody connects: 31 bytes, and 31 more to who asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from bumble.core import UUID, AdvertisingData

__all__ = ["ADVERTISEMENT_BYTES_MAX", "Unread", "advertisement", "omron_data", "scan_response"]

ADVERTISEMENT_BYTES_MAX = 31

_NO_CLASSIC = 0x04
_GENERALLY_DISCOVERABLE = 0x02
_LIMITED_DISCOVERABLE = 0x01  # "for a short while": pairing mode

_OMRON = 0x020E
_EACH_USER_DATA = 0x01
_TIME_NOT_SET = 1 << 2
_PAIRING_MODE = 1 << 3


@dataclass(frozen=True, slots=True)
class Unread:
    """Of one user: the number of the newest record (0: none yet), and how many wait."""

    newest: int
    count: int


def advertisement(
    name: str, service: int, *, pairing: bool, discoverable: bool, maker: bytes = b""
) -> bytes:
    """Build the advertisement; a name that finds no room is shortened, as the standard has it.

    The whole name is in the scan response; but a virtual controller of bumble answers no scan
    request, so that a device which must be recognised there by its name needs a short one.
    """
    discovery = _GENERALLY_DISCOVERABLE if discoverable else 0
    flags = _NO_CLASSIC | (_LIMITED_DISCOVERABLE if pairing else discovery)
    content = [
        (AdvertisingData.FLAGS, bytes((flags,))),
        (
            AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
            UUID.from_16_bits(service).to_bytes(),
        ),
    ]
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


def omron_data(users: Sequence[Unread], *, pairing: bool, time_set: bool) -> bytes:
    """Build Omron's manufacturer data (company 0x020E) for one to four users.

    Source: github.com/StanfordSpezi/SpeziDevices, OmronManufacturerData.
    """
    flags = len(users) - 1
    flags |= 0 if time_set else _TIME_NOT_SET
    flags |= _PAIRING_MODE if pairing else 0
    told = b"".join(user.newest.to_bytes(2, "little") + bytes((user.count,)) for user in users)
    return _OMRON.to_bytes(2, "little") + bytes((_EACH_USER_DATA, flags)) + told
