"""Continuous Glucose Monitoring Measurement (0x2AA7): for those who look into packets.

It streams a sensor's values in mg/dL (not kg/L, as meters do) and is never a reading here. A packet
has one or more records: size, flags, glucose (SFLOAT), minutes since the session's start; then, as
flagged, three octets of status, trend, quality; and an E2E-CRC of the whole record, if the sensor
has that feature: it shows by two bytes more than the flags announce.
"""

from msgspec import Struct

from schemas.gatt.checksum import e2e_crc
from schemas.gatt.codes import Bits
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import Number, decode_sfloat, encode_sfloat

_TREND = 1 << 0
_QUALITY = 1 << 1
_WARNING = 1 << 5
_CALIBRATION = 1 << 6
_STATUS = 1 << 7
_RESERVED_FLAGS = 0b0001_1100
_SIZE_MIN = 6
_CHECKSUM_OCTETS = 2

_LAYOUT = Layout(
    "continuous glucose",
    Field("the glucose", "2s"),
    Field("the time offset", "H"),
    Field("the status", "B", _STATUS),
    Field("the calibration status", "B", _CALIBRATION),
    Field("the warnings", "B", _WARNING),
    Field("the trend", "2s", _TREND),
    Field("the quality", "2s", _QUALITY),
)


class Annunciation(Bits):
    """What the sensor noticed: status, calibration and warnings, an octet each."""

    SESSION_STOPPED = 1 << 0
    BATTERY_LOW = 1 << 1
    SENSOR_TYPE_WRONG = 1 << 2
    SENSOR_MALFUNCTION = 1 << 3
    DEVICE_SPECIFIC_ALERT = 1 << 4
    GENERAL_FAULT = 1 << 5
    TIME_SYNCHRONISATION_REQUIRED = 1 << 8
    CALIBRATION_NOT_ALLOWED = 1 << 9
    CALIBRATION_RECOMMENDED = 1 << 10
    CALIBRATION_REQUIRED = 1 << 11
    TEMPERATURE_TOO_HIGH = 1 << 12
    TEMPERATURE_TOO_LOW = 1 << 13
    BELOW_PATIENT_LOW = 1 << 16
    ABOVE_PATIENT_HIGH = 1 << 17
    BELOW_HYPO = 1 << 18
    ABOVE_HYPER = 1 << 19
    FALLING_TOO_FAST = 1 << 20
    RISING_TOO_FAST = 1 << 21
    RESULT_BELOW_RANGE = 1 << 22
    RESULT_ABOVE_RANGE = 1 << 23


class ContinuousGlucose(Struct, frozen=True, kw_only=True):
    """One record as its flags describe it; None = the field was not sent."""

    glucose_mg_dl: Number
    offset_min: int
    status: int | None = None
    calibration: int | None = None
    warnings: int | None = None
    trend_mg_dl_min: Number | None = None
    quality_percent: Number | None = None
    checksum: int | None = None
    reserved_flags: int = 0
    trailing: bytes = b""

    @property
    def annunciation(self) -> Annunciation | None:
        """All three octets as one field; None if none was sent."""
        octets = (self.status, self.calibration, self.warnings)
        if octets == (None, None, None):
            return None
        return Annunciation(int.from_bytes(bytes(octet or 0 for octet in octets), "little"))

    @property
    def checksum_fits(self) -> bool | None:
        """Whether the checksum is that of the record; None if there is none."""
        return None if self.checksum is None else self.checksum == e2e_crc(_record(self)[:-2])


def decode(payload: bytes) -> tuple[ContinuousGlucose, ...]:
    """Decode 0x2AA7. Raises ``MalformedPayload`` if a size or the flags do not fit the bytes."""
    records = []
    while True:
        size = payload[0] if payload else 0
        if not _SIZE_MIN <= size <= len(payload):
            message = f"continuous glucose: a record of {size} bytes among {len(payload)}"
            raise MalformedPayload(message)
        records.append(_one(payload[1:size]))
        payload = payload[size:]
        if not payload:
            return tuple(records)


def encode(records: tuple[ContinuousGlucose, ...]) -> bytes:
    """Encode as 0x2AA7. Raises ``ValueError`` for a number without an exact SFLOAT."""
    return b"".join(map(_record, records))


def _one(body: bytes) -> ContinuousGlucose:
    flags, glucose, offset, status, calibration, warnings, trend, quality, rest = _LAYOUT.unpack(
        body
    )
    sealed = len(rest) == _CHECKSUM_OCTETS
    return ContinuousGlucose(
        glucose_mg_dl=decode_sfloat(glucose),
        offset_min=offset,
        status=status,
        calibration=calibration,
        warnings=warnings,
        trend_mg_dl_min=None if trend is None else decode_sfloat(trend),
        quality_percent=None if quality is None else decode_sfloat(quality),
        checksum=int.from_bytes(rest, "little") if sealed else None,
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=b"" if sealed else rest,
    )


def _record(record: ContinuousGlucose) -> bytes:
    flags = record.reserved_flags
    tail = b""
    for bit, octet in (
        (_STATUS, record.status),
        (_CALIBRATION, record.calibration),
        (_WARNING, record.warnings),
    ):
        if octet is not None:
            flags |= bit
            tail += bytes((octet,))
    for bit, number in ((_TREND, record.trend_mg_dl_min), (_QUALITY, record.quality_percent)):
        if number is not None:
            flags |= bit
            tail += encode_sfloat(number)
    if record.checksum is not None:
        tail += record.checksum.to_bytes(_CHECKSUM_OCTETS, "little")
    head = encode_sfloat(record.glucose_mg_dl) + record.offset_min.to_bytes(2, "little")
    body = bytes((flags,)) + head + tail + record.trailing
    return bytes((len(body) + 1,)) + body
