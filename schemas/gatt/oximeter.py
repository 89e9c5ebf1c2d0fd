"""PLX Spot-Check (0x2A5E), Continuous (0x2A5F) and Features (0x2A60) of a pulse oximeter.

0x2A5E, 5 to 19 bytes: flags; oxygen saturation in % and pulse rate per minute (SFLOAT each); then,
as flagged, timestamp, measurement status, device and sensor status, pulse amplitude index in %.
0x2A5F streams the momentary values while the finger is inside: it is never a reading.
"""

from functools import lru_cache

from msgspec import Struct

from schemas.gatt import date_time
from schemas.gatt.codes import CODES_REMEMBERED, Bits
from schemas.gatt.date_time import DateTime
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import Number, decode_sfloat, encode_sfloat
from schemas.gatt.octets import Octets

_TIMESTAMP = 1 << 0
_MEASUREMENT_STATUS = 1 << 1
_SENSOR_STATUS = 1 << 2
_PULSE_AMPLITUDE = 1 << 3
_CLOCK_NOT_SET = 1 << 4

_FAST = 1 << 0
_SLOW = 1 << 1
_STREAM_MEASUREMENT_STATUS = 1 << 2
_STREAM_SENSOR_STATUS = 1 << 3
_STREAM_PULSE_AMPLITUDE = 1 << 4

_RESERVED_FLAGS = 0b1110_0000

_LAYOUT = Layout(
    "pulse oximeter spot-check",
    Field("the saturation", "2s"),
    Field("the pulse rate", "2s"),
    Field("the timestamp", "7s", _TIMESTAMP),
    Field("the measurement status", "2s", _MEASUREMENT_STATUS),
    Field("the device and sensor status", "3s", _SENSOR_STATUS),
    Field("the pulse amplitude index", "2s", _PULSE_AMPLITUDE),
)


class MeasurementStatus(Bits):
    """What the oximeter thinks of this measurement."""

    MEASUREMENT_ONGOING = 1 << 5
    EARLY_ESTIMATE = 1 << 6
    VALIDATED = 1 << 7
    FULLY_QUALIFIED = 1 << 8
    FROM_STORAGE = 1 << 9
    DEMONSTRATION = 1 << 10
    TESTING = 1 << 11
    CALIBRATION_ONGOING = 1 << 12
    MEASUREMENT_UNAVAILABLE = 1 << 13
    QUESTIONABLE_MEASUREMENT = 1 << 14
    INVALID_MEASUREMENT = 1 << 15


class SensorStatus(Bits):
    """What the oximeter noticed about itself, its sensor and the signal; three bytes."""

    DISPLAY_UPDATE_ONGOING = 1 << 0
    EQUIPMENT_MALFUNCTION = 1 << 1
    SIGNAL_IRREGULARITY = 1 << 2
    INADEQUATE_SIGNAL = 1 << 3
    POOR_SIGNAL = 1 << 4
    LOW_PERFUSION = 1 << 5
    ERRATIC_SIGNAL = 1 << 6
    NONPULSATILE_SIGNAL = 1 << 7
    QUESTIONABLE_PULSE = 1 << 8
    SIGNAL_ANALYSIS_ONGOING = 1 << 9
    SENSOR_INTERFERENCE = 1 << 10
    SENSOR_UNCONNECTED_TO_USER = 1 << 11
    UNKNOWN_SENSOR = 1 << 12
    SENSOR_DISPLACED = 1 << 13
    SENSOR_MALFUNCTION = 1 << 14
    SENSOR_DISCONNECTED = 1 << 15


class Ability(Bits):
    """What the oximeter can send."""

    MEASUREMENT_STATUS = 1 << 0
    SENSOR_STATUS = 1 << 1
    SPOT_CHECK_STORAGE = 1 << 2
    SPOT_CHECK_TIMESTAMP = 1 << 3
    FAST_VALUES = 1 << 4
    SLOW_VALUES = 1 << 5
    PULSE_AMPLITUDE = 1 << 6
    MULTIPLE_BONDS = 1 << 7


_STATUS_FIELDS = (Ability.MEASUREMENT_STATUS | Ability.SENSOR_STATUS).value


class SpotCheck(Struct, frozen=True, kw_only=True):
    """One packet as its flags describe it; None = the field was not sent."""

    spo2_percent: Number
    pulse_rate: Number
    timestamp: DateTime | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    pulse_amplitude_percent: Number | None = None
    clock_not_set: bool = False
    reserved_flags: int = 0
    trailing: bytes = b""


class Pair(Struct, frozen=True):
    """Saturation and pulse, averaged over one span of time."""

    spo2_percent: Number
    pulse_rate: Number


class Continuous(Struct, frozen=True, kw_only=True):
    """One packet of the stream as its flags describe it; None = the field was not sent."""

    normal: Pair
    fast: Pair | None = None
    slow: Pair | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    pulse_amplitude_percent: Number | None = None
    reserved_flags: int = 0
    trailing: bytes = b""


class Features(Struct, frozen=True):
    """What the oximeter can send; the status bits it can set, None = it sends no such status."""

    abilities: Ability
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None

    @property
    def not_assessed(self) -> tuple[MeasurementStatus | None, SensorStatus | None]:
        """The bits of both fields whose silence means nothing; None where nobody can tell."""
        measurement, sensor = self.measurement_status, self.sensor_status
        return (
            None if measurement is None else MeasurementStatus(_silent(measurement)),
            None if sensor is None else SensorStatus(_silent(sensor)),
        )


def decode(payload: bytes) -> SpotCheck:
    """Decode 0x2A5E. Raises ``MalformedPayload`` if the flags promise more bytes."""
    flags, spo2, pulse_rate, timestamp, status, sensor, amplitude, rest = _LAYOUT.unpack(payload)
    return SpotCheck(
        spo2_percent=decode_sfloat(spo2),
        pulse_rate=decode_sfloat(pulse_rate),
        timestamp=None if timestamp is None else date_time.decode(timestamp),
        measurement_status=None if status is None else _measurement_status(status),
        sensor_status=None if sensor is None else _sensor_status(sensor),
        pulse_amplitude_percent=None if amplitude is None else decode_sfloat(amplitude),
        clock_not_set=bool(flags & _CLOCK_NOT_SET),
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=rest,
    )


def encode(measurement: SpotCheck) -> bytes:
    """Encode as 0x2A5E. Raises ``ValueError`` for a number without an exact SFLOAT."""
    flags = measurement.reserved_flags | (_CLOCK_NOT_SET if measurement.clock_not_set else 0)
    tail = b""
    if measurement.timestamp is not None:
        flags |= _TIMESTAMP
        tail += date_time.encode(measurement.timestamp)
    if measurement.measurement_status is not None:
        flags |= _MEASUREMENT_STATUS
        tail += measurement.measurement_status.to_bytes(2, "little")
    if measurement.sensor_status is not None:
        flags |= _SENSOR_STATUS
        tail += measurement.sensor_status.to_bytes(3, "little")
    if measurement.pulse_amplitude_percent is not None:
        flags |= _PULSE_AMPLITUDE
        tail += encode_sfloat(measurement.pulse_amplitude_percent)
    pair = Pair(measurement.spo2_percent, measurement.pulse_rate)
    return bytes((flags,)) + _encode_pair(pair) + tail + measurement.trailing


def decode_continuous(payload: bytes) -> Continuous:
    """Decode 0x2A5F. Raises ``MalformedPayload`` if the flags promise more bytes."""
    octets = Octets(payload, "pulse oximeter stream")
    flags = octets.uint8("the flags")
    return Continuous(
        normal=_pair(octets, ""),
        fast=_pair(octets, "fast ") if flags & _FAST else None,
        slow=_pair(octets, "slow ") if flags & _SLOW else None,
        measurement_status=(
            _measurement_status(octets.take(2, "the measurement status"))
            if flags & _STREAM_MEASUREMENT_STATUS
            else None
        ),
        sensor_status=_sensor_status(octets.take(3, "the device and sensor status"))
        if flags & _STREAM_SENSOR_STATUS
        else None,
        pulse_amplitude_percent=_amplitude(octets) if flags & _STREAM_PULSE_AMPLITUDE else None,
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=octets.rest(),
    )


def encode_continuous(stream: Continuous) -> bytes:
    """Encode as 0x2A5F. Raises ``ValueError`` for a number without an exact SFLOAT."""
    flags = stream.reserved_flags
    tail = b""
    if stream.fast is not None:
        flags |= _FAST
        tail += _encode_pair(stream.fast)
    if stream.slow is not None:
        flags |= _SLOW
        tail += _encode_pair(stream.slow)
    if stream.measurement_status is not None:
        flags |= _STREAM_MEASUREMENT_STATUS
        tail += stream.measurement_status.to_bytes(2, "little")
    if stream.sensor_status is not None:
        flags |= _STREAM_SENSOR_STATUS
        tail += stream.sensor_status.to_bytes(3, "little")
    if stream.pulse_amplitude_percent is not None:
        flags |= _STREAM_PULSE_AMPLITUDE
        tail += encode_sfloat(stream.pulse_amplitude_percent)
    return bytes((flags,)) + _encode_pair(stream.normal) + tail + stream.trailing


def decode_features(payload: bytes) -> Features:
    """Decode 0x2A60. Raises ``MalformedPayload`` if its bits promise more bytes."""
    octets = Octets(payload, "pulse oximeter features")
    abilities = Ability(octets.uint16("the feature bits"))
    return Features(
        abilities,
        _measurement_status(octets.take(2, "the measurement status"))
        if Ability.MEASUREMENT_STATUS in abilities
        else None,
        _sensor_status(octets.take(3, "the device and sensor status"))
        if Ability.SENSOR_STATUS in abilities
        else None,
    )


def encode_features(features: Features) -> bytes:
    """Encode as 0x2A60; the bits for the two status fields follow from their presence."""
    abilities = features.abilities.value & ~_STATUS_FIELDS  # ~ of flags would drop reserved bits
    tail = b""
    if features.measurement_status is not None:
        abilities |= Ability.MEASUREMENT_STATUS
        tail += features.measurement_status.to_bytes(2, "little")
    if features.sensor_status is not None:
        abilities |= Ability.SENSOR_STATUS
        tail += features.sensor_status.to_bytes(3, "little")
    return abilities.to_bytes(2, "little") + tail


def _pair(octets: Octets, span: str) -> Pair:
    spo2_percent = decode_sfloat(octets.take(2, f"the {span}saturation"))
    return Pair(spo2_percent, decode_sfloat(octets.take(2, f"the {span}pulse rate")))


def _silent(supported: Bits) -> int:
    return sum(bit for bit in type(supported) if bit not in supported)


def _encode_pair(pair: Pair) -> bytes:
    return encode_sfloat(pair.spo2_percent) + encode_sfloat(pair.pulse_rate)


@lru_cache(CODES_REMEMBERED)
def _measurement_status(octets: bytes) -> MeasurementStatus:
    return MeasurementStatus(int.from_bytes(octets, "little"))


@lru_cache(CODES_REMEMBERED)
def _sensor_status(octets: bytes) -> SensorStatus:
    return SensorStatus(int.from_bytes(octets, "little"))


def _take_status(octets: Octets) -> bytes:
    return octets.take(2, "the measurement status")


def _take_sensor(octets: Octets) -> bytes:
    return octets.take(3, "the device and sensor status")


def _amplitude(octets: Octets) -> Number:
    return decode_sfloat(octets.take(2, "the pulse amplitude index"))
