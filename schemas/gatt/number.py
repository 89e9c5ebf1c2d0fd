"""IEEE 11073 numbers: SFLOAT (16 bits) and FLOAT (32 bits), decoded exactly.

A word is a decimal, mantissa * 10**exponent, both two's complement, little-endian on the wire. The
exponent carries the precision (2, 2.0 and 2.00 are three words), so the value is a ``Decimal`` that
keeps it, never a binary float: 0.00180 kg/L times 1e5 is 180.00000000000003 in float64, and a
meter that shows exactly 180 would trip a limit of "> 180".
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from schemas.gatt.errors import MalformedPayload

WORDS_REMEMBERED = 4096  # devices use a few hundred, and a decimal takes a microsecond to build


class Absent(Enum):
    """Why a word carries no number; the values are FHIR's data-absent-reason codes."""

    NOT_A_NUMBER = "not-a-number"
    ERROR = "error"
    POSITIVE_INFINITY = "positive-infinity"
    NEGATIVE_INFINITY = "negative-infinity"


Number: TypeAlias = Decimal | Absent
"""An exact decimal, or the reason why there is none."""

_SAYS_NOTHING = frozenset({Absent.NOT_A_NUMBER, Absent.ERROR})


def says_nothing(value: Number) -> bool:
    """Tell a word without any result from a number, and from one beyond what can be measured."""
    return value in _SAYS_NOTHING


@dataclass(frozen=True, slots=True)
class _Layout:
    """One of the two word formats; ``specials`` are whole words, all with exponent 0."""

    name: str
    size: int
    mantissa_bits: int
    exponent_bits: int
    specials: dict[int, Absent]
    words: dict[Absent, int]

    def decode(self, payload: bytes) -> Number:
        """Split the word, unless the whole of it is a special value."""
        if len(payload) != self.size:
            message = f"{self.name} takes {self.size} bytes, not {len(payload)}"
            raise MalformedPayload(message)
        word = int.from_bytes(payload, "little")
        special = self.specials.get(word)
        if special is not None:
            return special
        mantissa = _signed(word & ((1 << self.mantissa_bits) - 1), self.mantissa_bits)
        return exact(mantissa, _signed(word >> self.mantissa_bits, self.exponent_bits))

    def encode(self, value: Number) -> bytes:
        """Write the word that keeps the value's own exponent where one can."""
        if isinstance(value, Absent):
            return self.words[value].to_bytes(self.size, "little")
        mantissa, exponent = self._fit(value)
        word = (exponent & ((1 << self.exponent_bits) - 1)) << self.mantissa_bits
        word |= mantissa & ((1 << self.mantissa_bits) - 1)
        if word in self.specials:
            message = f"{value} cannot be sent as {self.name}: its word has a special meaning"
            raise ValueError(message)
        return word.to_bytes(self.size, "little")

    def _fit(self, value: Decimal) -> tuple[int, int]:
        mantissa, exponent = _split(value)
        limit, exponent_limit = 1 << (self.mantissa_bits - 1), 1 << (self.exponent_bits - 1)
        while exponent >= exponent_limit and -limit <= mantissa * 10 < limit:
            mantissa, exponent = mantissa * 10, exponent - 1
        while mantissa % 10 == 0 and (exponent < -exponent_limit or not -limit <= mantissa < limit):
            mantissa, exponent = mantissa // 10, exponent + 1
        if -limit <= mantissa < limit and -exponent_limit <= exponent < exponent_limit:
            return mantissa, exponent
        message = f"{value} has no exact form as {self.name}"
        raise ValueError(message)


def exact(mantissa: int, exponent: int) -> Decimal:
    """Return mantissa * 10**exponent with that very exponent, whatever the decimal context."""
    digits = tuple(int(digit) for digit in str(abs(mantissa)))
    return Decimal((int(mantissa < 0), digits, exponent))


def scaled(value: Number, power: int) -> Number:
    """Return value * 10**power exactly (a change of unit prefix); a special stays itself."""
    if isinstance(value, Absent):
        return value
    mantissa, exponent = _split(value)
    return exact(mantissa, exponent + power)


@lru_cache(WORDS_REMEMBERED)
def decode_sfloat(payload: bytes) -> Number:
    """Decode the two bytes of an SFLOAT. Raises ``MalformedPayload`` on any other length."""
    return _SFLOAT.decode(payload)


def encode_sfloat(value: Number) -> bytes:
    """Encode as the two bytes of an SFLOAT. Raises ``ValueError`` if it has no exact form."""
    return _SFLOAT.encode(value)


@lru_cache(WORDS_REMEMBERED)
def decode_float(payload: bytes) -> Number:
    """Decode the four bytes of a FLOAT. Raises ``MalformedPayload`` on any other length."""
    return _FLOAT.decode(payload)


def encode_float(value: Number) -> bytes:
    """Encode as the four bytes of a FLOAT. Raises ``ValueError`` if it has no exact form."""
    return _FLOAT.encode(value)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _split(value: Decimal) -> tuple[int, int]:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        message = f"{value} is not a finite decimal; use Absent for specials"
        raise ValueError(message)  # noqa: TRY004 - the type is right, the value is not
    magnitude = int("".join(map(str, digits)))
    return (-magnitude if sign else magnitude), exponent


_SFLOAT = _Layout(
    name="an SFLOAT",
    size=2,
    mantissa_bits=12,
    exponent_bits=4,
    specials={
        0x07FE: Absent.POSITIVE_INFINITY,
        0x07FF: Absent.NOT_A_NUMBER,
        0x0800: Absent.ERROR,  # NRes: not at this resolution
        0x0801: Absent.ERROR,  # reserved
        0x0802: Absent.NEGATIVE_INFINITY,
    },
    words={
        Absent.POSITIVE_INFINITY: 0x07FE,
        Absent.NOT_A_NUMBER: 0x07FF,
        Absent.ERROR: 0x0800,
        Absent.NEGATIVE_INFINITY: 0x0802,
    },
)
_FLOAT = _Layout(
    name="a FLOAT",
    size=4,
    mantissa_bits=24,
    exponent_bits=8,
    specials={
        0x007FFFFE: Absent.POSITIVE_INFINITY,
        0x007FFFFF: Absent.NOT_A_NUMBER,
        0x00800000: Absent.ERROR,
        0x00800001: Absent.ERROR,
        0x00800002: Absent.NEGATIVE_INFINITY,
    },
    words={
        Absent.POSITIVE_INFINITY: 0x007FFFFE,
        Absent.NOT_A_NUMBER: 0x007FFFFF,
        Absent.ERROR: 0x00800000,
        Absent.NEGATIVE_INFINITY: 0x00800002,
    },
)
