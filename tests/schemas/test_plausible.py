from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidInput
from schemas.plausible import canonical_values, received_value
from schemas.reading import Quantity
from schemas.vitals import BLOOD_PRESSURE, GLUCOSE, VITALS


def glucose(value: str, unit: str) -> dict[str, Decimal]:
    return canonical_values(GLUCOSE, {"glucose": Quantity(unit, value)})


def test_a_value_becomes_canonical_by_the_factor_of_its_unit() -> None:
    assert glucose("5.5", "mmol/L") == {"glucose": Decimal("99.1001")}
    assert glucose("99", "mg/dL") == {"glucose": Decimal(99)}


def test_the_range_is_checked_in_canonical_units_and_includes_its_ends() -> None:
    assert glucose("10", "mg/dL")
    assert glucose("1000", "mg/dL")
    for value, unit in (("9.9", "mg/dL"), ("1000.1", "mg/dL"), ("99", "mmol/L")):
        with pytest.raises(InvalidInput) as refused:
            glucose(value, unit)
        assert refused.value.reason == "implausible"


@pytest.mark.parametrize(
    ("quantities", "reason"),
    [
        ({"mood": Quantity("mm[Hg]", "1")}, "unknown-quantity"),
        ({"systolic": Quantity("psi", "120")}, "unknown-unit"),
        ({"systolic": Quantity("psi", absent="error")}, "unknown-unit"),
        ({"systolic": Quantity("mm[Hg]", "a lot")}, "malformed"),
        ({"systolic": Quantity("mm[Hg]", "Infinity")}, "malformed"),
    ],
)
def test_each_fault_has_its_reason(quantities: dict[str, Quantity], reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        canonical_values(BLOOD_PRESSURE, quantities)
    assert refused.value.reason == reason


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-999, max_value=999))
def test_a_decimal_is_read_exactly(value: Decimal) -> None:
    read = received_value(str(value))
    assert read.as_tuple() == value.as_tuple()


@given(st.text(max_size=50))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for vital in VITALS.values():
        for definition in vital.quantities:
            try:
                canonical_values(vital, {definition.name: Quantity(definition.unit, text)})
            except InvalidInput as refused:
                assert refused.reason in {"malformed", "implausible"}  # noqa: PT017


ODD = ["", " 45", "4_5", "\u0664\u0665", "45,5", "45.", "0x2D", "1e31", "True"]


@pytest.mark.parametrize("text", ODD)
def test_what_only_looks_like_a_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        received_value(text)
    assert refused.value.reason == "malformed"
