"""Date Time (0x2A08), 7 bytes: what a device's clock showed, without zone or daylight saving."""

import struct
from datetime import datetime

from msgspec import Struct

from schemas.gatt.octets import Octets

_FIELDS = struct.Struct("<HBBBBB")
SIZE = _FIELDS.size


class DateTime(Struct, frozen=True):
    """The fields as received; a zero year, month or day means unknown. Nothing is corrected."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int

    @property
    def unknown(self) -> bool:
        """Whether the device knows nothing: all fields are zero."""
        return self == DateTime(0, 0, 0, 0, 0, 0)

    @property
    def naive(self) -> datetime | None:
        """The local date and time, or None if a part is unknown or there is no such date."""
        try:
            return datetime(  # noqa: DTZ001 - the device has no zone to give
                self.year, self.month, self.day, self.hour, self.minute, self.second
            )
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The fields as ``YYYY-MM-DDTHH:MM:SS``, unknown ones as zeros: kept, not understood."""
        return (
            f"{self.year:04}-{self.month:02}-{self.day:02}"
            f"T{self.hour:02}:{self.minute:02}:{self.second:02}"
        )

    @property
    def told(self) -> str | None:
        """The text, or None from a clock that knows nothing."""
        return None if self.unknown else self.text


def of(moment: datetime) -> DateTime:
    """Return what a clock that reads ``moment`` shows; its zone and microseconds are dropped."""
    return DateTime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second
    )


def decode(payload: bytes) -> DateTime:
    """Decode the first 7 bytes. Raises ``MalformedPayload`` if there are fewer."""
    if len(payload) < SIZE:
        Octets(payload, "date time").take(SIZE, "year to second")
    return DateTime(*_FIELDS.unpack_from(payload))


def encode(moment: DateTime) -> bytes:
    """Encode as 7 bytes."""
    return moment.year.to_bytes(2, "little") + bytes(
        (moment.month, moment.day, moment.hour, moment.minute, moment.second)
    )
