"""Temperature Measurement (0x2A1C), Intermediate Temperature (0x2A1E), Temperature Type (0x2A1D).

0x2A1C, 5 to 13 bytes: flags; temperature (FLOAT, degrees Celsius or Fahrenheit); then, as flagged,
timestamp and the place of measurement. 0x2A1E has the same layout while the value still rises: it
is never a reading. 0x2A1D is the place of a thermometer that has only one.
"""

from enum import Enum
from functools import lru_cache

from msgspec import Struct

from schemas.gatt import date_time
from schemas.gatt.codes import CODES_REMEMBERED, Code
from schemas.gatt.date_time import DateTime
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import Number, decode_float, encode_float
from schemas.gatt.octets import Octets

_FAHRENHEIT = 1 << 0
_TIMESTAMP = 1 << 1
_PLACE = 1 << 2
_RESERVED_FLAGS = 0b1111_1000

_LAYOUT = Layout(
    "temperature measurement",
    Field("the temperature", "4s"),
    Field("the timestamp", "7s", _TIMESTAMP),
    Field("the type", "B", _PLACE),
)


class TemperatureUnit(Enum):
    """The unit of one measurement, in UCUM."""

    CELSIUS = "Cel"
    FAHRENHEIT = "[degF]"


class TemperatureType(Code):
    """Where it was measured."""

    ARMPIT = 1
    BODY = 2
    EAR = 3
    FINGER = 4
    GASTROINTESTINAL = 5
    MOUTH = 6
    RECTUM = 7
    TOE = 8
    TYMPANUM = 9


_place = lru_cache(CODES_REMEMBERED)(TemperatureType)


class TemperatureMeasurement(Struct, frozen=True, kw_only=True):
    """One packet as its flags describe it; None = the field was not sent."""

    unit: TemperatureUnit = TemperatureUnit.CELSIUS
    temperature: Number
    timestamp: DateTime | None = None
    type: TemperatureType | None = None
    reserved_flags: int = 0
    trailing: bytes = b""


def decode(payload: bytes) -> TemperatureMeasurement:
    """Decode 0x2A1C or 0x2A1E. Raises ``MalformedPayload`` if the flags promise more bytes."""
    flags, temperature, timestamp, place, rest = _LAYOUT.unpack(payload)
    return TemperatureMeasurement(
        unit=TemperatureUnit.FAHRENHEIT if flags & _FAHRENHEIT else TemperatureUnit.CELSIUS,
        temperature=decode_float(temperature),
        timestamp=None if timestamp is None else date_time.decode(timestamp),
        type=None if place is None else _place(place),
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=rest,
    )


def encode(measurement: TemperatureMeasurement) -> bytes:
    """Encode as 0x2A1C or 0x2A1E. Raises ``ValueError`` for a number without an exact FLOAT."""
    flags = measurement.reserved_flags
    tail = b""
    if measurement.unit is TemperatureUnit.FAHRENHEIT:
        flags |= _FAHRENHEIT
    if measurement.timestamp is not None:
        flags |= _TIMESTAMP
        tail += date_time.encode(measurement.timestamp)
    if measurement.type is not None:
        flags |= _PLACE
        tail += bytes((measurement.type,))
    return bytes((flags,)) + encode_float(measurement.temperature) + tail + measurement.trailing


def decode_type(payload: bytes) -> TemperatureType:
    """Decode 0x2A1D. Raises ``MalformedPayload`` without a byte."""
    return TemperatureType(Octets(payload, "temperature type").uint8("the type"))


def encode_type(place: TemperatureType) -> bytes:
    """Encode as 0x2A1D."""
    return bytes((place,))
