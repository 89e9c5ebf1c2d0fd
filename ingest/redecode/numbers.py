"""IEEE 11073 numbers as columns: exact mantissa and exponent, and canonical values rounded once.

The vectorised twin of ``schemas.gatt.number`` and ``schemas.plausible.canonical_values``: a value
is mantissa * 10**exponent in integers, and becomes a float in one correctly rounded operation.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from ingest.redecode.payloads import LongWords, Words
from schemas.gatt.number import exact
from schemas.reading import Absence
from schemas.vitals import Conversion, Quantity

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]
Booleans = npt.NDArray[np.bool_]

ABSENCES: tuple[Absence | None, ...] = (
    None,
    "positive-infinity",
    "not-a-number",
    "error",
    "negative-infinity",
    "not-sent",
    "unknown",
)
"""Codes of absence; 0: there is a value."""
POSITIVE_INFINITY, NOT_A_NUMBER, ERROR, NEGATIVE_INFINITY, NOT_SENT, UNKNOWN = range(1, 7)

_SPECIAL_FIRST = 0x07FE  # the five special words of an SFLOAT follow each other
_LONG_SPECIAL_FIRST = 0x007F_FFFE  # and those of a FLOAT, in the same order
_STEP_DIGITS_MAX = 5  # 65535 steps of 5
_SPECIALS = np.array(
    [POSITIVE_INFINITY, NOT_A_NUMBER, ERROR, ERROR, NEGATIVE_INFINITY, 0], np.uint8
)

_POWER_MAX = 22
"""10**22 is the last power of ten that a float64 holds exactly."""
_SIGNIFICANT_MAX = 1 << 53
"""Integers below it are floats exactly; powers of two beside them do no harm."""
_TENS = np.array([10.0**power for power in range(_POWER_MAX + 1)])
_MULTIPLIERS = np.concatenate([np.ones(_POWER_MAX), _TENS])
_DIVISORS = np.concatenate([_TENS[:0:-1], np.ones(_POWER_MAX + 1)])


@dataclass(frozen=True, slots=True)
class Numbers:
    """One quantity of many payloads, as received: mantissa * 10**exponent, or why it is absent.

    ``unit``: place in ``units_of`` the quantity. Where ``absent`` is not 0 the others say nothing.
    """

    mantissa: npt.NDArray[np.int32]
    exponent: npt.NDArray[np.int8]
    absent: Codes
    unit: Codes

    @property
    def present(self) -> Booleans:
        """Where there is a value."""
        present: Booleans = self.absent == 0
        return present

    @property
    def says_nothing(self) -> Booleans:
        """Where there is no result: neither a value nor one beyond what can be measured."""
        nothing: Booleans = (self.absent == NOT_A_NUMBER) | (self.absent == ERROR)
        return nothing


def units_of(definition: Quantity) -> list[str]:
    """List the units in which a quantity may come, the canonical one first."""
    return [definition.unit, *definition.units]


def sfloat(words: Words, unit: Codes, power: int | npt.NDArray[np.int8] = 0) -> Numbers:
    """Split 16-bit words; ``power`` shifts the decimal point, which is exact."""
    mantissa = (words << np.uint16(4)).view(np.int16) >> np.int16(4)
    exponent = (words.view(np.int16) >> np.int16(12)).astype(np.int8)
    special = np.minimum(words - np.uint16(_SPECIAL_FIRST), np.uint16(len(_SPECIALS) - 1))
    return Numbers(
        mantissa.astype(np.int32),
        exponent + np.int8(power) if isinstance(power, int) else exponent + power,
        _SPECIALS.take(special),
        unit,
    )


def float32(words: LongWords, unit: Codes) -> Numbers:
    """Split 32-bit words (a FLOAT): 24 bits of mantissa, 8 of exponent."""
    special = np.minimum(words - np.uint32(_LONG_SPECIAL_FIRST), np.uint32(len(_SPECIALS) - 1))
    return Numbers(
        (words << np.uint32(8)).view(np.int32) >> np.int32(8),
        (words >> np.uint32(24)).astype(np.uint8).view(np.int8),
        _SPECIALS.take(special),
        unit,
    )


def steps(
    counts: Words, size: npt.NDArray[np.int32], exponent: npt.NDArray[np.int8], unit: Codes
) -> Numbers:
    """Take counts of steps of ``size`` * 10**``exponent``; zeros at the end say nothing."""
    mantissa = counts * size
    for _ in range(_STEP_DIGITS_MAX):
        even = (mantissa % 10 == 0) & (mantissa != 0)
        mantissa = np.where(even, mantissa // 10, mantissa)
        exponent = exponent + even.astype(np.int8)
    exponent = np.where(mantissa == 0, np.int8(0), exponent)
    return Numbers(mantissa, exponent, np.zeros(len(counts), np.uint8), unit)


def believable(numbers: Numbers, definition: Quantity) -> Numbers:
    """Take for an error what no patient has, as ``schemas.gatt.measurement.believable`` does."""
    return absent_where(numbers, implausible(numbers, definition), ERROR)


def implausible(numbers: Numbers, definition: Quantity) -> Booleans:
    """Tell which numbers lie outside of what is plausible."""
    low, high = definition.plausible
    value = canonical(numbers, definition)
    outside: Booleans = (value < float(low)) | (value > float(high))
    return outside


def whole(values: Words | Codes) -> Numbers:
    """Take whole numbers in the canonical unit."""
    size = len(values)
    return Numbers(
        values.astype(np.int32),
        np.zeros(size, np.int8),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint8),
    )


def absent_where(numbers: Numbers, where: Booleans, reason: int) -> Numbers:
    """Give the same with a reason of absence at some places."""
    absent = np.where(where, np.uint8(reason), numbers.absent)
    return Numbers(numbers.mantissa, numbers.exponent, absent, numbers.unit)


def canonical(numbers: Numbers, definition: Quantity) -> Floats:
    """Give values in the canonical unit, NaN where absent: those that the sink stores."""
    values = _converted(numbers.mantissa, numbers.exponent, Conversion())
    for code, conversion in enumerate(definition.units.values(), start=1):
        rows = np.flatnonzero(numbers.unit == code)
        if len(rows):
            values[rows] = _converted(numbers.mantissa[rows], numbers.exponent[rows], conversion)
    values[numbers.absent != 0] = np.nan
    return values


def _converted(
    mantissa: npt.NDArray[np.int32], exponent: npt.NDArray[np.int8], conversion: Conversion
) -> Floats:
    """Convert and round once.

    A float holds a power of ten up to 10**22 exactly, and a product that leaves room for its powers
    of five; then one multiplication or division rounds correctly. Other numbers go by ``Decimal``,
    each distinct one once: those with a divisor, as that of kPa, or a zero point.
    """
    if conversion.divisor != 1 or conversion.zero:
        return _each_distinct(mantissa, exponent, conversion)
    multiplier, shift = _split(conversion.multiplier)
    lowest, highest = shift + int(exponent.min(initial=0)), shift + int(exponent.max(initial=0))
    largest = multiplier * int(np.abs(mantissa).max(initial=0)) * 5 ** max(highest, 0)
    if largest >= _SIGNIFICANT_MAX or lowest < -_POWER_MAX or highest > _POWER_MAX:
        return _each_distinct(mantissa, exponent, conversion)
    place = exponent.astype(np.intp) + (shift + _POWER_MAX)
    values: Floats = mantissa * np.float64(multiplier)
    if highest > 0:
        values *= _MULTIPLIERS.take(place)
    if lowest < 0:
        values /= _DIVISORS.take(place)
    return values


def _each_distinct(
    mantissa: npt.NDArray[np.int32], exponent: npt.NDArray[np.int8], conversion: Conversion
) -> Floats:
    keys = mantissa.astype(np.int64) << 8 | exponent.view(np.uint8)
    distinct, place = np.unique(keys, return_inverse=True)
    pairs = [(key >> 8, ((key & 0xFF) ^ 0x80) - 0x80) for key in distinct.tolist()]
    converted = [float(conversion.canonical(exact(*pair))) for pair in pairs]
    values: Floats = np.array(converted).take(place)
    return values


def _split(factor: Decimal) -> tuple[int, int]:
    """Write a factor as integer * 10**power."""
    _, digits, exponent = factor.as_tuple()
    assert isinstance(exponent, int), "a factor is a number"
    return int("".join(map(str, digits))), exponent
