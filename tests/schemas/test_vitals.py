from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vitals import (
    BLOOD_PRESSURE,
    BODY_TEMPERATURE,
    GLUCOSE,
    VITALS,
    WEIGHT,
    Conversion,
    Vital,
    spoken,
)


def test_names_characteristics_and_columns_are_unique() -> None:
    numbers = [number for vital in VITALS.values() for number in vital.characteristics]
    assert len(set(numbers)) == len(numbers)
    for vital in VITALS.values():
        columns = [name for name, _ in vital.sql_columns()]
        assert len(set(columns)) == len(columns)


def canonical(vital: Vital, name: str, value: str, unit: str) -> Decimal:
    quantity = vital.quantity(name)
    assert quantity is not None
    conversion = quantity.conversion(unit)
    assert conversion is not None
    return conversion.canonical(Decimal(value))


def test_kilopascal_and_millimetres_of_mercury() -> None:
    assert round(canonical(BLOOD_PRESSURE, "systolic", "16.0", "kPa"), 1) == Decimal("120.0")
    assert canonical(BLOOD_PRESSURE, "systolic", "120", "mm[Hg]") == 120


def test_a_unit_is_never_guessed() -> None:
    glucose = GLUCOSE.quantity("glucose")
    assert glucose is not None
    assert glucose.conversion("kg/L") is None


def test_3_9_millimoles_are_not_70_milligrams() -> None:
    assert canonical(GLUCOSE, "glucose", "3.9", "mmol/L") == Decimal("70.27098")


@pytest.mark.parametrize(
    ("vital", "name", "value", "unit", "expected"),
    [
        (BODY_TEMPERATURE, "temperature", "98.6", "[degF]", "37"),
        (BODY_TEMPERATURE, "temperature", "104.0", "[degF]", "40"),
        (BODY_TEMPERATURE, "temperature", "-40", "[degF]", "-40"),
        (WEIGHT, "weight", "183.16", "[lb_av]", "83.0799784892"),
        (WEIGHT, "height", "27.7", "[in_i]", "0.70358"),
    ],
)
def test_conversions_are_exact(
    vital: Vital, name: str, value: str, unit: str, expected: str
) -> None:
    assert canonical(vital, name, value, unit) == Decimal(expected)


@given(
    st.sampled_from(
        [
            quantity.conversion(unit)
            for vital in VITALS.values()
            for quantity in vital.quantities
            for unit in (quantity.unit, *quantity.units)
        ]
    ),
    st.decimals(-1000, 1000, places=3),
)
def test_there_and_back_again(conversion: Conversion, value: Decimal) -> None:
    assert abs(conversion.received(conversion.canonical(value)) - value) < Decimal("1e-20")


def test_names_as_people_write_them() -> None:
    assert [spoken(name) for name in ("spo2", "pulse_rate")] == ["SpO2", "pulse rate"]


def test_the_canonical_unit_keeps_the_precision_of_the_wire() -> None:
    assert str(canonical(GLUCOSE, "glucose", "120.0", "mg/dL")) == "120.0"


@pytest.mark.parametrize(
    ("vital", "name", "low", "high"),
    [
        (BLOOD_PRESSURE, "systolic", 40, 300),
        (BLOOD_PRESSURE, "diastolic", 20, 200),
        (BLOOD_PRESSURE, "pulse", 20, 250),
        (GLUCOSE, "glucose", 10, 1000),
    ],
)
def test_beyond_these_bounds_the_device_or_its_decoder_is_wrong(
    vital: Vital, name: str, low: int, high: int
) -> None:
    quantity = vital.quantity(name)
    assert quantity is not None
    assert quantity.plausible == (Decimal(low), Decimal(high))


@pytest.mark.parametrize("vital", VITALS.values(), ids=lambda vital: vital.name)
def test_plausible_ranges_are_ranges_and_pairs_name_quantities(vital: object) -> None:
    found = next(entry for entry in VITALS.values() if entry is vital)
    for quantity in found.quantities:
        assert quantity.plausible[0] < quantity.plausible[1]
    for pair in found.descending:
        assert all(found.quantity(name) for name in pair)
