"""Local Time Information (0x2A0F), 2 bytes: the zone and daylight saving that a device assumes."""

from msgspec import Struct

from schemas.gatt.codes import Code
from schemas.gatt.octets import Octets

ZONE_UNKNOWN = -128
_MINUTES_PER_STEP = 15


class DaylightSaving(Code):
    """What is added to the zone's standard time."""

    STANDARD_TIME = 0
    HALF_AN_HOUR = 2
    ONE_HOUR = 4
    TWO_HOURS = 8
    UNKNOWN = 255


_SAVING_MIN = {
    DaylightSaving.STANDARD_TIME: 0,
    DaylightSaving.HALF_AN_HOUR: 30,
    DaylightSaving.ONE_HOUR: 60,
    DaylightSaving.TWO_HOURS: 120,
}


class LocalTime(Struct, frozen=True):
    """The fields as received; ``zone_quarters`` counts quarters of an hour east of UTC."""

    zone_quarters: int
    daylight_saving: DaylightSaving

    @property
    def offset_min(self) -> int | None:
        """Minutes from UTC to the device's local time, or None if either part is unknown."""
        saving_min = _SAVING_MIN.get(self.daylight_saving)
        if saving_min is None or self.zone_quarters == ZONE_UNKNOWN:
            return None
        return self.zone_quarters * _MINUTES_PER_STEP + saving_min


def decode(payload: bytes) -> LocalTime:
    """Decode the first 2 bytes. Raises ``MalformedPayload`` if there are fewer."""
    octets = Octets(payload, "local time information")
    quarters = int.from_bytes(octets.take(1, "the time zone"), "little", signed=True)
    return LocalTime(quarters, DaylightSaving(octets.uint8("the daylight saving")))


def encode(local: LocalTime) -> bytes:
    """Encode as 2 bytes."""
    zone = local.zone_quarters.to_bytes(1, "little", signed=True)
    return zone + bytes((local.daylight_saving,))
