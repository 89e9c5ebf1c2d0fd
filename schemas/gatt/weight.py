"""Weight Measurement (0x2A9D) and Weight Scale Feature (0x2A9E).

0x2A9D, 3 to 15 bytes: flags; weight; then, as flagged, timestamp, user, body mass index and height.
Numbers are whole steps: 0.005 kg or 0.01 lb, 0.1 kg/m2, 0.001 m or 0.1 in. One flag chooses the
unit of both weight and height.
"""

from decimal import Decimal
from enum import Enum
from functools import lru_cache

from msgspec import Struct

from schemas.gatt import date_time
from schemas.gatt.codes import Bits, Code
from schemas.gatt.date_time import DateTime
from schemas.gatt.layout import Field, Layout
from schemas.gatt.number import WORDS_REMEMBERED, Absent, Number, exact
from schemas.gatt.octets import Octets

USER_UNKNOWN = 255

_IMPERIAL = 1 << 0
_TIMESTAMP = 1 << 1
_USER = 1 << 2
_BODY = 1 << 3
_RESERVED_FLAGS = 0b1111_0000

_LAYOUT = Layout(
    "weight measurement",
    Field("the weight", "H"),
    Field("the timestamp", "7s", _TIMESTAMP),
    Field("the user", "B", _USER),
    Field("the body mass index", "H", _BODY),
    Field("the height", "H", _BODY),
)
_UNSUCCESSFUL = 0xFFFF
_WORD_MAX = 0xFFFF


class System(Enum):
    """The system of units of one measurement."""

    SI = "si"
    IMPERIAL = "imperial"


_WEIGHT_STEP = {System.SI: (5, -3), System.IMPERIAL: (1, -2)}
_HEIGHT_STEP = {System.SI: (1, -3), System.IMPERIAL: (1, -1)}
_MASS_INDEX_STEP = (1, -1)


class Body(Struct, frozen=True):
    """What a scale reckons with its user's height: in m (SI) or in (imperial)."""

    mass_index: Decimal
    height: Decimal


class WeightMeasurement(Struct, frozen=True, kw_only=True):
    """One packet as its flags describe it; None = the field was not sent.

    ``weight`` is in kg (SI) or lb (imperial); ``Absent.ERROR`` where the scale says that it failed.
    """

    system: System = System.SI
    weight: Number
    timestamp: DateTime | None = None
    user: int | None = None
    body: Body | None = None
    reserved_flags: int = 0
    trailing: bytes = b""

    @property
    def user_slot(self) -> int | None:
        """The user the scale knows, or None if it was not sent or the scale does not know."""
        return None if self.user == USER_UNKNOWN else self.user


class Ability(Bits):
    """What the scale can send."""

    TIMESTAMP = 1 << 0
    MULTIPLE_USERS = 1 << 1
    BODY_MASS_INDEX = 1 << 2


class WeightResolution(Code):
    """The step of the scale itself."""

    NOT_SPECIFIED = 0
    HALF_KG_OR_1_LB = 1
    FIFTH_KG_OR_HALF_LB = 2
    TENTH_KG_OR_FIFTH_LB = 3
    TWENTIETH_KG_OR_TENTH_LB = 4
    FIFTIETH_KG_OR_TWENTIETH_LB = 5
    HUNDREDTH_KG_OR_FIFTIETH_LB = 6
    FIVE_GRAMS_OR_HUNDREDTH_LB = 7


class HeightResolution(Code):
    """The step of the height that the scale was told."""

    NOT_SPECIFIED = 0
    CENTIMETRE_OR_INCH = 1
    HALF_CENTIMETRE_OR_HALF_INCH = 2
    MILLIMETRE_OR_TENTH_INCH = 3


class Feature(Struct, frozen=True):
    """What a scale can do; ``abilities`` keeps the reserved bits too."""

    abilities: Ability
    weight_resolution: WeightResolution = WeightResolution.NOT_SPECIFIED
    height_resolution: HeightResolution = HeightResolution.NOT_SPECIFIED


def decode(payload: bytes) -> WeightMeasurement:
    """Decode 0x2A9D. Raises ``MalformedPayload`` if the flags promise more bytes."""
    flags, weight, timestamp, user, mass_index, height, rest = _LAYOUT.unpack(payload)
    system = System.IMPERIAL if flags & _IMPERIAL else System.SI
    return WeightMeasurement(
        system=system,
        weight=Absent.ERROR if weight == _UNSUCCESSFUL else _of_steps(weight, _WEIGHT_STEP[system]),
        timestamp=None if timestamp is None else date_time.decode(timestamp),
        user=user,
        body=None if height is None else _body(mass_index, height, system),
        reserved_flags=flags & _RESERVED_FLAGS,
        trailing=rest,
    )


def encode(measurement: WeightMeasurement) -> bytes:
    """Encode as 0x2A9D. Raises ``ValueError`` for a number between two steps."""
    flags = measurement.reserved_flags
    tail = b""
    if measurement.system is System.IMPERIAL:
        flags |= _IMPERIAL
    if measurement.timestamp is not None:
        flags |= _TIMESTAMP
        tail += date_time.encode(measurement.timestamp)
    if measurement.user is not None:
        flags |= _USER
        tail += bytes((measurement.user,))
    if (body := measurement.body) is not None:
        flags |= _BODY
        tail += _word(body.mass_index, _MASS_INDEX_STEP)
        tail += _word(body.height, _HEIGHT_STEP[measurement.system])
    return bytes((flags,)) + _weight_word(measurement) + tail + measurement.trailing


def decode_feature(payload: bytes) -> Feature:
    """Decode 0x2A9E. Raises ``MalformedPayload`` if there are fewer than 4 bytes."""
    word = Octets(payload, "weight scale feature").uint32("the feature bits")
    return Feature(
        abilities=Ability(word & ~0x3F8),
        weight_resolution=WeightResolution(word >> 3 & 0b1111),
        height_resolution=HeightResolution(word >> 7 & 0b111),
    )


def encode_feature(feature: Feature) -> bytes:
    """Encode as 0x2A9E."""
    word = feature.abilities | feature.weight_resolution << 3 | feature.height_resolution << 7
    return word.to_bytes(4, "little")


def _body(mass_index: int, height: int, system: System) -> Body:
    return Body(
        _of_steps(mass_index, _MASS_INDEX_STEP),
        _of_steps(height, _HEIGHT_STEP[system]),
    )


@lru_cache(WORDS_REMEMBERED)
def _of_steps(count: int, step: tuple[int, int]) -> Decimal:
    size, exponent = step
    return exact(count * size, exponent)


def _weight_word(measurement: WeightMeasurement) -> bytes:
    if isinstance(measurement.weight, Absent):
        return _UNSUCCESSFUL.to_bytes(2, "little")
    word = _word(measurement.weight, _WEIGHT_STEP[measurement.system])
    if int.from_bytes(word, "little") == _UNSUCCESSFUL:
        message = f"{measurement.weight} cannot be sent: its word means a failed measurement"
        raise ValueError(message)
    return word


def _word(value: Decimal, step: tuple[int, int]) -> bytes:
    size, exponent = step
    count = value.scaleb(-exponent) / size
    if count != count.to_integral_value() or not 0 <= count <= _WORD_MAX:
        message = f"{value} is not a whole number of steps of {size}e{exponent}, or too many"
        raise ValueError(message)
    return int(count).to_bytes(2, "little")
