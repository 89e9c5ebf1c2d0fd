import json
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gatt.errors import MalformedPayload
from schemas.gatt.number import (
    Absent,
    Number,
    decode_float,
    decode_sfloat,
    encode_float,
    encode_sfloat,
    exact,
    scaled,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "numbers.json").read_text())


def text(value: Number) -> str:
    return value.value if isinstance(value, Absent) else str(value)


@pytest.mark.parametrize("vector", VECTORS["sfloat"], ids=lambda vector: str(vector["hex"]))
def test_sfloat_vector(vector: dict[str, str]) -> None:
    value = decode_sfloat(bytes.fromhex(vector["hex"]))
    assert text(value) == vector["says"]
    if value is not Absent.ERROR:
        assert encode_sfloat(value).hex().upper() == vector["hex"]


@pytest.mark.parametrize("vector", VECTORS["float"], ids=lambda vector: str(vector["hex"]))
def test_float_vector(vector: dict[str, str]) -> None:
    value = decode_float(bytes.fromhex(vector["hex"]))
    assert text(value) == vector["says"]
    if value is not Absent.ERROR:
        assert encode_float(value).hex().upper() == vector["hex"]


def test_every_sfloat_word_comes_back_as_it_was() -> None:
    for word in range(1 << 16):
        payload = word.to_bytes(2, "little")
        again = encode_sfloat(decode_sfloat(payload))
        assert again == payload or word == 0x0801, hex(word)  # reserved becomes NRes: both errors


@given(st.binary(min_size=4, max_size=4))
def test_every_float_word_comes_back_as_it_was(payload: bytes) -> None:
    value = decode_float(payload)
    assert encode_float(value) == payload or value is Absent.ERROR


def test_precision_is_kept() -> None:
    words = [bytes.fromhex(word) for word in ("0200", "14F0", "C8E0")]
    assert [str(decode_sfloat(word)) for word in words] == ["2", "2.0", "2.00"]
    assert [encode_sfloat(Decimal(number)) for number in ("2", "2.0", "2.00")] == words


@pytest.mark.parametrize(
    ("number", "word"),
    [
        ("120.000000000", 0xF4B0),  # 1200E-1 is the most precise of its words
        ("1E+8", 0x700A),  # exponent 8 does not exist, 10E7 does
        ("2100", 0x10D2),  # 2100 does not fit twelve bits, 210E1 does
    ],
)
def test_an_equal_word_is_found_where_the_own_exponent_does_not_fit(number: str, word: int) -> None:
    assert encode_sfloat(Decimal(number)) == word.to_bytes(2, "little")
    assert decode_sfloat(encode_sfloat(Decimal(number))) == Decimal(number)


@pytest.mark.parametrize("number", ["2047", "2046", "-2046", "-2048", "20481", "1E-9", "1E+12"])
def test_what_has_no_exact_word_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode_sfloat(Decimal(number))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_specials_are_named_not_hidden_in_a_decimal(number: str) -> None:
    with pytest.raises(ValueError, match="use Absent"):
        encode_sfloat(Decimal(number))


def test_a_word_of_another_length_is_malformed() -> None:
    for payload in (b"", b"\0", b"\0\0\0"):
        with pytest.raises(MalformedPayload, match="2 bytes"):
            decode_sfloat(payload)
        with pytest.raises(MalformedPayload, match="4 bytes"):
            decode_float(payload)


def test_every_concentration_is_scaled_exactly() -> None:
    # In float64 180 * 10**-5 * 1e5 is 180.00000000000003, and 1055 of 2045 mantissas are not exact.
    for mantissa in range(2046):
        assert str(scaled(exact(mantissa, -5), 5)) == str(mantissa)


def test_scaling_does_not_depend_on_the_decimal_context() -> None:
    with localcontext(prec=1):
        assert scaled(exact(111, -5), 5) == 111


def test_scaling_leaves_specials_alone() -> None:
    assert scaled(Absent.NEGATIVE_INFINITY, 5) is Absent.NEGATIVE_INFINITY
