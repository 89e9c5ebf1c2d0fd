"""The clock of Ascensia's Contour meters, 10 bytes: 1, date and time in UTC, the zone in minutes.

Their service and characteristic are Ascensia's own (``uuids.CONTOUR_SERVICE``). The layout is what
a public collector writes; what a meter answers was seen nowhere, so it is not trusted to be one.
(github.com/weliem/blessed-android, BluetoothHandler.java, writeContourClock)
"""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from schemas.gatt import date_time
from schemas.gatt.date_time import DateTime
from schemas.gatt.octets import Octets

SET_CLOCK = 1


class ContourClock(Struct, frozen=True):
    """A setting of the clock; local time, with daylight saving, is ``utc`` plus ``offset_min``."""

    utc: DateTime
    offset_min: int
    command: int = SET_CLOCK
    trailing: bytes = b""


def of(moment: datetime) -> ContourClock:
    """Return what sets a meter to ``moment``, which must have a zone."""
    offset = moment.utcoffset()
    if offset is None:
        message = f"{moment} has no zone"
        raise ValueError(message)
    return ContourClock(date_time.of(moment.astimezone(UTC)), offset // timedelta(minutes=1))


def decode(payload: bytes) -> ContourClock:
    """Decode a setting. Raises ``MalformedPayload`` if there are fewer than 10 bytes."""
    octets = Octets(payload, "Contour's clock")
    command = octets.uint8("the command")
    utc = date_time.decode(octets.take(date_time.SIZE, "the date and time"))
    return ContourClock(utc, octets.sint16("the zone"), command, octets.rest())


def encode(clock: ContourClock) -> bytes:
    """Encode as 10 bytes."""
    zone = clock.offset_min.to_bytes(2, "little", signed=True)
    return bytes((clock.command,)) + date_time.encode(clock.utc) + zone + clock.trailing
