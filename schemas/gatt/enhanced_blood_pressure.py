"""Enhanced Blood Pressure Measurement (0x2B34), Enhanced Intermediate Cuff Pressure (0x2B35).

Blood Pressure Service 1.1. 0x2B34, 7 to 20 bytes: flags; systolic, diastolic, mean (SFLOAT each);
then, as flagged, timestamp, pulse, user, status, user-facing time. Both times are seconds since
the start of 2000 or of 1900, as one flag says, by the device's clock. 0x2B35 has one momentary cuff
pressure instead of the three: it is never a reading.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from schemas.gatt.blood_pressure import USER_UNKNOWN, PressureUnit, Status
from schemas.gatt.codes import CODES_REMEMBERED
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import Number, decode_sfloat, encode_sfloat

_KPA = 1 << 0
_TIMESTAMP = 1 << 1
_PULSE = 1 << 2
_USER = 1 << 3
_STATUS = 1 << 4
_USER_FACING_TIME = 1 << 5
_EPOCH_2000 = 1 << 6
_RESERVED_FLAGS = 0b1000_0000

_DETAILS = (
    Field("the timestamp", "I", _TIMESTAMP),
    Field("the pulse", "2s", _PULSE),
    Field("the user", "B", _USER),
    Field("the status", "H", _STATUS),
    Field("the user-facing time", "I", _USER_FACING_TIME),
)
_MEASUREMENT = Layout(
    "enhanced blood pressure measurement",
    Field("the systolic pressure", "2s"),
    Field("the diastolic pressure", "2s"),
    Field("the mean pressure", "2s"),
    *_DETAILS,
)
_CUFF_PRESSURE = Layout(
    "enhanced intermediate cuff pressure", Field("the cuff pressure", "2s"), *_DETAILS
)


class Details(Struct, frozen=True, kw_only=True):
    """What both characteristics have behind the pressures; None = the field was not sent."""

    unit: PressureUnit = PressureUnit.MMHG
    timestamp_s: int | None = None
    pulse: Number | None = None
    user: int | None = None
    status: Status | None = None
    user_facing_time_s: int | None = None
    since_2000: bool = True
    reserved_flags: int = 0
    trailing: bytes = b""

    @property
    def timestamp(self) -> datetime | None:
        """The timestamp by the device's clock, without zone, or None if it was not sent."""
        return self._moment(self.timestamp_s)

    @property
    def user_facing_time(self) -> datetime | None:
        """What the user's display showed, without zone, or None if it was not sent."""
        return self._moment(self.user_facing_time_s)

    @property
    def user_slot(self) -> int | None:
        """The user the cuff knows, or None if it was not sent or the cuff does not know."""
        return None if self.user == USER_UNKNOWN else self.user

    def _moment(self, seconds: int | None) -> datetime | None:
        if seconds is None:
            return None
        epoch = datetime(2000 if self.since_2000 else 1900, 1, 1)  # noqa: DTZ001 - no zone given
        return epoch + timedelta(seconds=seconds)


class EnhancedMeasurement(Struct, frozen=True, kw_only=True):
    """One packet of 0x2B34 as its flags describe it."""

    systolic: Number
    diastolic: Number
    mean: Number
    details: Details


class EnhancedCuffPressure(Struct, frozen=True, kw_only=True):
    """One packet of 0x2B35 as its flags describe it."""

    cuff_pressure: Number
    details: Details


def decode(payload: bytes) -> EnhancedMeasurement:
    """Decode 0x2B34. Raises ``MalformedPayload`` if the flags promise more bytes."""
    flags, systolic, diastolic, mean, *details = _MEASUREMENT.unpack(payload)
    return EnhancedMeasurement(
        systolic=decode_sfloat(systolic),
        diastolic=decode_sfloat(diastolic),
        mean=decode_sfloat(mean),
        details=_details(flags, *details),
    )


def encode(measurement: EnhancedMeasurement) -> bytes:
    """Encode as 0x2B34. Raises ``ValueError`` for a number without an exact SFLOAT."""
    pressures = (measurement.systolic, measurement.diastolic, measurement.mean)
    return _encode(b"".join(map(encode_sfloat, pressures)), measurement.details)


def decode_cuff_pressure(payload: bytes) -> EnhancedCuffPressure:
    """Decode 0x2B35. Raises ``MalformedPayload`` if the flags promise more bytes."""
    flags, pressure, *details = _CUFF_PRESSURE.unpack(payload)
    return EnhancedCuffPressure(
        cuff_pressure=decode_sfloat(pressure), details=_details(flags, *details)
    )


def encode_cuff_pressure(packet: EnhancedCuffPressure) -> bytes:
    """Encode as 0x2B35. Raises ``ValueError`` for a number without an exact SFLOAT."""
    return _encode(encode_sfloat(packet.cuff_pressure), packet.details)


def _details(  # noqa: PLR0913, PLR0917 - the fields of _DETAILS, in their order
    flags: int,
    timestamp_s: int | None,
    pulse: bytes | None,
    user: int | None,
    status: int | None,
    user_facing_time_s: int | None,
    rest: bytes,
) -> Details:
    return Details(
        unit=PressureUnit.KPA if flags & _KPA else PressureUnit.MMHG,
        timestamp_s=timestamp_s,
        pulse=None if pulse is None else decode_sfloat(pulse),
        user=user,
        status=None if status is None else _status(status),
        user_facing_time_s=user_facing_time_s,
        since_2000=bool(flags & _EPOCH_2000),
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=rest,
    )


_status = lru_cache(CODES_REMEMBERED)(Status)


def _encode(pressures: bytes, details: Details) -> bytes:
    flags = details.reserved_flags
    tail = b""
    if details.unit is PressureUnit.KPA:
        flags |= _KPA
    if details.timestamp_s is not None:
        flags |= _TIMESTAMP
        tail += details.timestamp_s.to_bytes(4, "little")
    if details.pulse is not None:
        flags |= _PULSE
        tail += encode_sfloat(details.pulse)
    if details.user is not None:
        flags |= _USER
        tail += bytes((details.user,))
    if details.status is not None:
        flags |= _STATUS
        tail += details.status.to_bytes(2, "little")
    if details.user_facing_time_s is not None:
        flags |= _USER_FACING_TIME
        tail += details.user_facing_time_s.to_bytes(4, "little")
    if details.since_2000:
        flags |= _EPOCH_2000
    return bytes((flags,)) + pressures + tail + details.trailing
