"""Current Time (0x2A2B), 10 bytes: the device's clock, read at the start of each session."""

from datetime import datetime

from msgspec import Struct

from schemas.gatt import date_time
from schemas.gatt.codes import Bits
from schemas.gatt.date_time import DateTime
from schemas.gatt.octets import Octets


class AdjustReason(Bits):
    """Why the clock was last set."""

    MANUAL = 1 << 0
    EXTERNAL_REFERENCE = 1 << 1
    TIME_ZONE_CHANGE = 1 << 2
    DAYLIGHT_SAVING_CHANGE = 1 << 3


NO_REASON = AdjustReason(0)


class CurrentTime(Struct, frozen=True):
    """A clock's reading; ``weekday`` is 1 (Monday) to 7, or 0 if unknown."""

    date_time: DateTime
    weekday: int = 0
    fractions_256: int = 0
    adjust_reason: AdjustReason = NO_REASON

    @property
    def naive(self) -> datetime | None:
        """The local date and time to 1/256 s, or None if a part is unknown or impossible."""
        whole = self.date_time.naive
        return whole and whole.replace(microsecond=self.fractions_256 * 1_000_000 // 256)


def of(moment: datetime, adjust_reason: AdjustReason = NO_REASON) -> CurrentTime:
    """Return what a clock that reads ``moment`` sends; its zone is dropped."""
    return CurrentTime(
        date_time=date_time.of(moment),
        weekday=moment.isoweekday(),
        fractions_256=moment.microsecond * 256 // 1_000_000,
        adjust_reason=adjust_reason,
    )


def decode(payload: bytes) -> CurrentTime:
    """Decode the first 10 bytes. Raises ``MalformedPayload`` if there are fewer."""
    octets = Octets(payload, "current time")
    return CurrentTime(
        date_time=date_time.decode(octets.take(date_time.SIZE, "the date and time")),
        weekday=octets.uint8("the day of the week"),
        fractions_256=octets.uint8("the fractions of a second"),
        adjust_reason=AdjustReason(octets.uint8("the adjust reason")),
    )


def encode(current: CurrentTime) -> bytes:
    """Encode as 10 bytes."""
    return date_time.encode(current.date_time) + bytes(
        (current.weekday, current.fractions_256, current.adjust_reason)
    )
