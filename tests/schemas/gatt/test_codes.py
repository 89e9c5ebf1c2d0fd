import pytest

from schemas.gatt.codes import Bits, Code


class Colour(Code):
    RED = 1
    DARK_BLUE = 2


class Noticed(Bits):
    HEAT = 1 << 0
    HEAVY_RAIN = 1 << 3


def test_an_unassigned_code_is_a_value_with_a_name() -> None:
    colour = Colour(9)
    assert (colour, colour.name, colour.label) == (9, "CODE_9", "code-9")
    assert Colour(9) is colour
    assert colour not in list(Colour)


def test_an_assigned_code_has_a_label() -> None:
    assert Colour.DARK_BLUE.label == "dark-blue"


@pytest.mark.parametrize("value", [-1, 256])
def test_what_no_octet_holds_is_no_code(value: int) -> None:
    with pytest.raises(ValueError, match="is not a valid Colour"):
        Colour(value)


def test_bits_without_a_name_are_kept_and_numbered() -> None:
    noticed = Noticed(0b1_0000_1010)
    assert noticed.labels == ("bit-1", "heavy-rain", "bit-8")
    assert noticed == 0b1_0000_1010


def test_a_clear_word_names_nothing() -> None:
    assert Noticed(0).labels == ()
