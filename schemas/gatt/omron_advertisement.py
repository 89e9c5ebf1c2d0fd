"""What Omron's devices advertise of their records (manufacturer data of company 0x020E).

Behind the company number: the tag 1, flags (two bits count the users), then per user the sequence
number of the newest record and how many records there are. A sequence number other than the last
one stored says that a visit is worth while. How many of them are unread, no public source shows: a
real cuff gave 720/100 and 17/17 for two users, which is what its memory holds.
(github.com/StanfordSpezi/SpeziDevices, OmronManufacturerData.swift;
github.com/custom-components/ble_monitor/issues/1003)
"""

from msgspec import Struct

from schemas.gatt.codes import Bits
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.octets import Octets

COMPANY = 0x020E
USERS_MAX = 4

_TAG = 1
_USERS = 0b11


class Flags(Bits):
    """The state of the device. Bit 5 chooses the services; public sources differ on which."""

    TIME_NOT_SET = 1 << 2
    PAIRING_MODE = 1 << 3
    STREAMING = 1 << 4


class Memory(Struct, frozen=True):
    """One user's records: the newest one's sequence number, and how many there are."""

    sequence: int
    records: int


class Advertisement(Struct, frozen=True, kw_only=True):
    """One advertisement; ``users`` are the device's 1 to 4 user slots in order."""

    flags: Flags
    users: tuple[Memory, ...]
    trailing: bytes = b""


def decode(payload: bytes) -> Advertisement:
    """Decode what follows the company number. Raises ``MalformedPayload`` for another kind."""
    octets = Octets(payload, "Omron's advertisement")
    if (tag := octets.uint8("the tag")) != _TAG:
        message = f"Omron's advertisement: tag {tag} is not about records"
        raise MalformedPayload(message)
    flags = octets.uint8("the flags")
    users = tuple(_memory(octets) for _ in range((flags & _USERS) + 1))
    return Advertisement(flags=Flags(flags & ~_USERS), users=users, trailing=octets.rest())


def encode(advertisement: Advertisement) -> bytes:
    """Encode what follows the company number. Raises ``ValueError`` unless for 1 to 4 users."""
    if not 1 <= len(advertisement.users) <= USERS_MAX:
        message = f"{len(advertisement.users)} users cannot be advertised"
        raise ValueError(message)
    flags = advertisement.flags | len(advertisement.users) - 1
    users = b"".join(
        user.sequence.to_bytes(2, "little") + bytes((user.records,)) for user in advertisement.users
    )
    return bytes((_TAG, flags)) + users + advertisement.trailing


def _memory(octets: Octets) -> Memory:
    return Memory(octets.uint16("a sequence number"), octets.uint8("a number of records"))
