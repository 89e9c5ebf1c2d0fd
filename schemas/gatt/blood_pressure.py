"""Blood Pressure Measurement (0x2A35), Intermediate Cuff Pressure (0x2A36), Feature (0x2A49).

0x2A35, 7 to 19 bytes: flags; systolic, diastolic, mean (SFLOAT each); then, as flagged, timestamp,
pulse, user, status. 0x2A36 has the same layout: its ``systolic`` is the momentary cuff pressure,
the other two mean nothing, and it is never a reading.

Some cuffs break the standard behind the timestamp (Beurer BM85: a big-endian pulse, and a user byte
that the flags deny). This module reads by the flags; such a packet shows by its ``trailing`` byte.
"""

from enum import Enum
from functools import lru_cache

from msgspec import Struct

from schemas.gatt import date_time
from schemas.gatt.codes import CODES_REMEMBERED, Bits, Code
from schemas.gatt.date_time import DateTime
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import Number, decode_sfloat, encode_sfloat, says_nothing
from schemas.gatt.octets import Octets

USER_UNKNOWN = 255

_KPA = 1 << 0
_TIMESTAMP = 1 << 1
_PULSE = 1 << 2
_USER = 1 << 3
_STATUS = 1 << 4
_RESERVED_FLAGS = 0b1110_0000

_LAYOUT = Layout(
    "blood pressure measurement",
    Field("the systolic pressure", "2s"),
    Field("the diastolic pressure", "2s"),
    Field("the mean pressure", "2s"),
    Field("the timestamp", "7s", _TIMESTAMP),
    Field("the pulse", "2s", _PULSE),
    Field("the user", "B", _USER),
    Field("the status", "H", _STATUS),
)


class PressureUnit(Enum):
    """The unit of all pressures of one measurement; a cuff's kPa stay kPa."""

    MMHG = "mmHg"
    KPA = "kPa"


class PulseRange(Code):
    """Where the pulse lay against the cuff's own limits."""

    WITHIN = 0
    ABOVE = 1
    BELOW = 2


_RESERVED_PULSE_RANGE = 3


class Status(Bits):
    """What the cuff noticed; bits 3 and 4 are one field, ``pulse_range``."""

    BODY_MOVED = 1 << 0
    CUFF_TOO_LOOSE = 1 << 1
    IRREGULAR_PULSE = 1 << 2
    PULSE_ABOVE_RANGE = 1 << 3
    PULSE_BELOW_RANGE = 1 << 4
    IMPROPER_POSITION = 1 << 5

    @property
    def pulse_range(self) -> PulseRange:
        """The two-bit field as one code."""
        return PulseRange(self.value >> 3 & 0b11)

    @property
    def noticed(self) -> tuple[str, ...]:
        """The labels; the reserved pulse range is neither above nor below."""
        if self.pulse_range != _RESERVED_PULSE_RANGE:
            return self.labels
        # By its number: ~ of a flag forgets the bits that have no name.
        others = Status(self.value & ~(_RESERVED_PULSE_RANGE << 3))
        return (*others.labels, f"pulse-range-{self.pulse_range.label}")


_status = lru_cache(CODES_REMEMBERED)(Status)


class Feature(Bits):
    """What the cuff can notice. A status bit without its feature is "not assessed", not "fine"."""

    BODY_MOVEMENT_DETECTION = 1 << 0
    CUFF_FIT_DETECTION = 1 << 1
    IRREGULAR_PULSE_DETECTION = 1 << 2
    PULSE_RANGE_DETECTION = 1 << 3
    POSITION_DETECTION = 1 << 4
    MULTIPLE_BONDS = 1 << 5
    CHECKSUM = 1 << 6
    USER_DATA_SERVICE = 1 << 7
    USER_FACING_TIME = 1 << 8


_DETECTED_BY = {
    Status.BODY_MOVED: Feature.BODY_MOVEMENT_DETECTION,
    Status.CUFF_TOO_LOOSE: Feature.CUFF_FIT_DETECTION,
    Status.IRREGULAR_PULSE: Feature.IRREGULAR_PULSE_DETECTION,
    Status.PULSE_ABOVE_RANGE: Feature.PULSE_RANGE_DETECTION,
    Status.PULSE_BELOW_RANGE: Feature.PULSE_RANGE_DETECTION,
    Status.IMPROPER_POSITION: Feature.POSITION_DETECTION,
}


def not_assessed(feature: Feature) -> Status:
    """Return the status bits whose silence means nothing on a cuff with these features."""
    return Status(
        sum(status for status, detection in _DETECTED_BY.items() if not detection & feature)
    )


class BloodPressureMeasurement(Struct, frozen=True, kw_only=True):
    """One packet as its flags describe it; None = the field was not sent.

    ``status`` None means that nothing was assessed. ``reserved_flags`` and ``trailing`` keep what
    the standard leaves open, so that a packet can be written again as it came.
    """

    unit: PressureUnit = PressureUnit.MMHG
    systolic: Number
    diastolic: Number
    mean: Number
    timestamp: DateTime | None = None
    pulse: Number | None = None
    user: int | None = None
    status: Status | None = None
    reserved_flags: int = 0
    trailing: bytes = b""

    @property
    def mean_measured(self) -> Number | None:
        """The mean, or None where the cuff sends 0 because it has none; not-a-number stays so."""
        return measured_mean(self.mean)

    @property
    def user_slot(self) -> int | None:
        """The user the cuff knows, or None if it was not sent or the cuff does not know."""
        return None if self.user == USER_UNKNOWN else self.user


def failed(systolic: Number, diastolic: Number) -> bool:
    """Whether the cuff gave up, in either form: neither pressure (its status may say nothing).

    An infinity is a pressure beyond what the cuff can measure, and so a result.
    """
    return says_nothing(systolic) and says_nothing(diastolic)


def measured_mean(mean: Number) -> Number | None:
    """Take a mean of 0 for none, in either form of the measurement."""
    return None if mean == 0 else mean


def decode(payload: bytes) -> BloodPressureMeasurement:
    """Decode 0x2A35 or 0x2A36. Raises ``MalformedPayload`` if the flags promise more bytes."""
    flags, systolic, diastolic, mean, timestamp, pulse, user, status, rest = _LAYOUT.unpack(payload)
    return BloodPressureMeasurement(
        unit=PressureUnit.KPA if flags & _KPA else PressureUnit.MMHG,
        systolic=decode_sfloat(systolic),
        diastolic=decode_sfloat(diastolic),
        mean=decode_sfloat(mean),
        timestamp=None if timestamp is None else date_time.decode(timestamp),
        pulse=None if pulse is None else decode_sfloat(pulse),
        user=user,
        status=None if status is None else _status(status),
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=rest,
    )


def encode(measurement: BloodPressureMeasurement) -> bytes:
    """Encode as 0x2A35 or 0x2A36. Raises ``ValueError`` for a number without an exact SFLOAT."""
    flags = measurement.reserved_flags
    tail = b""
    if measurement.unit is PressureUnit.KPA:
        flags |= _KPA
    if measurement.timestamp is not None:
        flags |= _TIMESTAMP
        tail += date_time.encode(measurement.timestamp)
    if measurement.pulse is not None:
        flags |= _PULSE
        tail += encode_sfloat(measurement.pulse)
    if measurement.user is not None:
        flags |= _USER
        tail += bytes((measurement.user,))
    if measurement.status is not None:
        flags |= _STATUS
        tail += measurement.status.to_bytes(2, "little")
    pressures = (measurement.systolic, measurement.diastolic, measurement.mean)
    return bytes((flags,)) + b"".join(map(encode_sfloat, pressures)) + tail + measurement.trailing


def decode_feature(payload: bytes) -> Feature:
    """Decode 0x2A49. Raises ``MalformedPayload`` if there are fewer than 2 bytes."""
    return Feature(Octets(payload, "blood pressure feature").uint16("the feature bits"))


def encode_feature(feature: Feature) -> bytes:
    """Encode as 0x2A49."""
    return feature.to_bytes(2, "little")
