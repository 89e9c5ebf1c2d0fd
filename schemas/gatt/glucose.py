"""Glucose Measurement (0x2A18) and Glucose Feature (0x2A51).

0x2A18, 10 to 17 bytes: flags; sequence; base time; then, as flagged, time offset in minutes,
concentration (SFLOAT) with type (low nibble) and location (high nibble), status. The unit on the
wire, kg/L or mol/L, need not be the unit that the meter displays.
"""

from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from schemas.gatt import date_time
from schemas.gatt.codes import CODES_REMEMBERED, Bits, Code
from schemas.gatt.date_time import DateTime
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import Absent, Number, decode_sfloat, encode_sfloat, scaled
from schemas.gatt.octets import Octets

_TIME_OFFSET = 1 << 0
_CONCENTRATION = 1 << 1
_MOL_PER_L = 1 << 2
_STATUS = 1 << 3
_CONTEXT_FOLLOWS = 1 << 4
_RESERVED_FLAGS = 0b1110_0000

_LAYOUT = Layout(
    "glucose measurement",
    Field("the sequence number", "H"),
    Field("the base time", "7s"),
    Field("the time offset", "h", _TIME_OFFSET),
    Field("the concentration", "2s", _CONCENTRATION),
    Field("the sample type and location", "B", _CONCENTRATION),
    Field("the status", "H", _STATUS),
)


class ConcentrationUnit(Enum):
    """The two units of the wire."""

    KG_PER_L = "kg/L"
    MOL_PER_L = "mol/L"


class DisplayUnit(Enum):
    """The two units that people read, a power of ten away from the wire's."""

    MG_PER_DL = "mg/dL"
    MMOL_PER_L = "mmol/L"


_DISPLAYED = {
    ConcentrationUnit.KG_PER_L: (DisplayUnit.MG_PER_DL, 5),
    ConcentrationUnit.MOL_PER_L: (DisplayUnit.MMOL_PER_L, 3),
}


class OffsetUnknown(Enum):
    """A time offset that the meter could not express; the user-facing time is then unknown."""

    OVERRUN = 0x7FFF
    UNDERRUN = -0x8000


_OFFSETS_UNKNOWN = {unknown.value: unknown for unknown in OffsetUnknown}
TimeOffset: TypeAlias = int | OffsetUnknown
"""Minutes between the base time and the time that the user saw, or that they are unknown."""


class SampleType(Code):
    """What was measured; the low nibble."""

    CAPILLARY_WHOLE_BLOOD = 1
    CAPILLARY_PLASMA = 2
    VENOUS_WHOLE_BLOOD = 3
    VENOUS_PLASMA = 4
    ARTERIAL_WHOLE_BLOOD = 5
    ARTERIAL_PLASMA = 6
    UNDETERMINED_WHOLE_BLOOD = 7
    UNDETERMINED_PLASMA = 8
    INTERSTITIAL_FLUID = 9
    CONTROL_SOLUTION = 10


class SampleLocation(Code):
    """Where it was taken; the high nibble."""

    FINGER = 1
    ALTERNATE_SITE = 2
    EARLOBE = 3
    CONTROL_SOLUTION = 4
    NOT_AVAILABLE = 15


class Status(Bits):
    """What the meter noticed about itself, the strip and the sample."""

    BATTERY_LOW = 1 << 0
    SENSOR_MALFUNCTION = 1 << 1
    SAMPLE_TOO_SMALL = 1 << 2
    STRIP_INSERTION_ERROR = 1 << 3
    STRIP_TYPE_WRONG = 1 << 4
    RESULT_ABOVE_RANGE = 1 << 5
    RESULT_BELOW_RANGE = 1 << 6
    TEMPERATURE_TOO_HIGH = 1 << 7
    TEMPERATURE_TOO_LOW = 1 << 8
    STRIP_PULLED_EARLY = 1 << 9
    GENERAL_FAULT = 1 << 10
    TIME_FAULT = 1 << 11


_status = lru_cache(CODES_REMEMBERED)(Status)


SPOILT = (
    Status.SENSOR_MALFUNCTION
    | Status.SAMPLE_TOO_SMALL
    | Status.STRIP_INSERTION_ERROR
    | Status.STRIP_TYPE_WRONG
    | Status.TEMPERATURE_TOO_HIGH
    | Status.TEMPERATURE_TOO_LOW
    | Status.STRIP_PULLED_EARLY
    | Status.GENERAL_FAULT
)
"""The meter says that the measurement went wrong: a number beside it is no result."""


class Feature(Bits):
    """What the meter can notice. Only bits 0 to 4 have the numbers of their status bits."""

    BATTERY_LOW_DETECTION = 1 << 0
    SENSOR_MALFUNCTION_DETECTION = 1 << 1
    SAMPLE_SIZE_DETECTION = 1 << 2
    STRIP_INSERTION_DETECTION = 1 << 3
    STRIP_TYPE_DETECTION = 1 << 4
    RESULT_RANGE_DETECTION = 1 << 5
    TEMPERATURE_DETECTION = 1 << 6
    STRIP_PULL_DETECTION = 1 << 7
    GENERAL_FAULT_DETECTION = 1 << 8
    TIME_FAULT_DETECTION = 1 << 9
    MULTIPLE_BONDS = 1 << 10


BOTH_SIDES = Status.RESULT_ABOVE_RANGE | Status.RESULT_BELOW_RANGE
"""What a meter says that contradicts itself: that the result is HI and LO."""

_DETECTED_BY = {
    Status.BATTERY_LOW: Feature.BATTERY_LOW_DETECTION,
    Status.SENSOR_MALFUNCTION: Feature.SENSOR_MALFUNCTION_DETECTION,
    Status.SAMPLE_TOO_SMALL: Feature.SAMPLE_SIZE_DETECTION,
    Status.STRIP_INSERTION_ERROR: Feature.STRIP_INSERTION_DETECTION,
    Status.STRIP_TYPE_WRONG: Feature.STRIP_TYPE_DETECTION,
    Status.RESULT_ABOVE_RANGE: Feature.RESULT_RANGE_DETECTION,
    Status.RESULT_BELOW_RANGE: Feature.RESULT_RANGE_DETECTION,
    Status.TEMPERATURE_TOO_HIGH: Feature.TEMPERATURE_DETECTION,
    Status.TEMPERATURE_TOO_LOW: Feature.TEMPERATURE_DETECTION,
    Status.STRIP_PULLED_EARLY: Feature.STRIP_PULL_DETECTION,
    Status.GENERAL_FAULT: Feature.GENERAL_FAULT_DETECTION,
    Status.TIME_FAULT: Feature.TIME_FAULT_DETECTION,
}


def not_assessed(feature: Feature) -> Status:
    """Return the status bits whose silence means nothing on a meter with these features."""
    return Status(
        sum(status for status, detection in _DETECTED_BY.items() if not detection & feature)
    )


class Beyond(Enum):
    """The side on which a result lies outside what the meter can measure."""

    ABOVE = "HI"
    BELOW = "LO"


class Displayed(NamedTuple):
    """A concentration in a unit that people read, exact, with the precision of the wire."""

    value: Number
    unit: DisplayUnit


class GlucoseMeasurement(Struct, frozen=True, kw_only=True):
    """One record as its flags describe it; None = the field was not sent.

    ``concentration``, ``sample_type`` and ``sample_location`` come together or not at all.
    """

    sequence: int
    base_time: DateTime
    time_offset_min: TimeOffset | None = None
    unit: ConcentrationUnit = ConcentrationUnit.KG_PER_L
    concentration: Number | None = None
    sample_type: SampleType | None = None
    sample_location: SampleLocation | None = None
    status: Status | None = None
    context_follows: bool = False
    reserved_flags: int = 0
    trailing: bytes = b""

    @property
    def displayed(self) -> Displayed | None:
        """The concentration in mg/dL or mmol/L, scaled by a power of ten, or None if not sent."""
        if self.concentration is None:
            return None
        unit, power = _DISPLAYED[self.unit]
        return Displayed(scaled(self.concentration, power), unit)

    @property
    def user_time(self) -> datetime | None:
        """Base time plus offset: what the meter's clock showed, or None if that is unknown."""
        base = self.base_time.naive
        if base is None or isinstance(self.time_offset_min, OffsetUnknown):
            return None
        try:
            return base + timedelta(minutes=self.time_offset_min or 0)
        except OverflowError:
            return None

    @property
    def beyond(self) -> Beyond | None:
        """HI or LO, said by an infinite value or by a status bit; LO if both are said.

        See docs/design/014: both page, ``told`` says both, and sugar harms a HI less than insulin
        a LO.
        """
        sides = self._sides
        if sides & Status.RESULT_BELOW_RANGE:
            return Beyond.BELOW
        return Beyond.ABOVE if sides & Status.RESULT_ABOVE_RANGE else None

    @property
    def told(self) -> Status | None:
        """The status, and both sides of the range in it if the value contradicts it there."""
        if self.status is None or self._sides != BOTH_SIDES:
            return self.status
        return _status(self.status | BOTH_SIDES)

    @property
    def _sides(self) -> int:
        said = (self.status or 0) & BOTH_SIDES
        if self.concentration is Absent.POSITIVE_INFINITY:
            said |= Status.RESULT_ABOVE_RANGE
        elif self.concentration is Absent.NEGATIVE_INFINITY:
            said |= Status.RESULT_BELOW_RANGE
        return said

    @property
    def spoilt(self) -> bool:
        """Whether the meter itself says that sensor, strip, sample or temperature was wrong."""
        return bool((self.status or Status(0)) & SPOILT)

    @property
    def control_solution(self) -> bool:
        """Whether this tests the meter, not the patient."""
        return (
            self.sample_type is SampleType.CONTROL_SOLUTION
            or self.sample_location is SampleLocation.CONTROL_SOLUTION
        )


def decode(payload: bytes) -> GlucoseMeasurement:
    """Decode 0x2A18. Raises ``MalformedPayload`` if the flags promise more bytes."""
    flags, sequence, base_time, offset, value, sample, status, rest = _LAYOUT.unpack(payload)
    sample_type, sample_location = (None, None) if sample is None else _sample(sample)
    return GlucoseMeasurement(
        sequence=sequence,
        base_time=date_time.decode(base_time),
        time_offset_min=_OFFSETS_UNKNOWN.get(offset, offset),
        unit=ConcentrationUnit.MOL_PER_L if flags & _MOL_PER_L else ConcentrationUnit.KG_PER_L,
        concentration=None if value is None else decode_sfloat(value),
        sample_type=sample_type,
        sample_location=sample_location,
        status=None if status is None else _status(status),
        context_follows=bool(flags & _CONTEXT_FOLLOWS),
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=rest,
    )


def encode(measurement: GlucoseMeasurement) -> bytes:
    """Encode as 0x2A18. Raises ``ValueError`` for a value that no meter could send."""
    flags = measurement.reserved_flags
    tail = b""
    if measurement.time_offset_min is not None:
        flags |= _TIME_OFFSET
        tail += _offset_minutes(measurement.time_offset_min).to_bytes(2, "little", signed=True)
    if measurement.concentration is not None:
        flags |= _CONCENTRATION
        tail += encode_sfloat(measurement.concentration) + _sample_octet(measurement)
    if measurement.unit is ConcentrationUnit.MOL_PER_L:
        flags |= _MOL_PER_L
    if measurement.status is not None:
        flags |= _STATUS
        tail += measurement.status.to_bytes(2, "little")
    if measurement.context_follows:
        flags |= _CONTEXT_FOLLOWS
    head = bytes((flags,)) + measurement.sequence.to_bytes(2, "little")
    return head + date_time.encode(measurement.base_time) + tail + measurement.trailing


def decode_feature(payload: bytes) -> Feature:
    """Decode 0x2A51. Raises ``MalformedPayload`` if there are fewer than 2 bytes."""
    return Feature(Octets(payload, "glucose feature").uint16("the feature bits"))


def encode_feature(feature: Feature) -> bytes:
    """Encode as 0x2A51."""
    return feature.to_bytes(2, "little")


@lru_cache(CODES_REMEMBERED)
def _sample(octet: int) -> tuple[SampleType, SampleLocation]:
    return SampleType(octet & 0x0F), SampleLocation(octet >> 4)


def _offset_minutes(offset: TimeOffset) -> int:
    return offset.value if isinstance(offset, OffsetUnknown) else offset


def _sample_octet(measurement: GlucoseMeasurement) -> bytes:
    if measurement.sample_type is None or measurement.sample_location is None:
        message = "a concentration needs a sample type and a sample location"
        raise ValueError(message)
    return bytes((measurement.sample_location << 4 | measurement.sample_type,))
