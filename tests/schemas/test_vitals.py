from decimal import Decimal

import pytest

from schemas.vitals import BLOOD_PRESSURE, GLUCOSE, VITALS


def test_names_characteristics_and_columns_are_unique() -> None:
    assert len({vital.characteristic for vital in VITALS.values()}) == len(VITALS)
    for vital in VITALS.values():
        columns = [name for name, _ in vital.sql_columns()]
        fields = [name for name, _ in vital.numpy_fields()]
        assert len(set(columns)) == len(columns)
        assert len(set(fields)) == len(fields)


def test_kilopascal_and_millimetres_of_mercury() -> None:
    systolic = BLOOD_PRESSURE.quantity("systolic")
    assert systolic is not None
    factor = systolic.factor("kPa")
    assert factor is not None
    assert round(Decimal("16.0") * factor, 1) == Decimal("120.0")
    assert systolic.factor("mm[Hg]") == 1


def test_a_unit_is_never_guessed() -> None:
    glucose = GLUCOSE.quantity("glucose")
    assert glucose is not None
    assert glucose.factor("kg/L") is None


def test_3_9_millimoles_are_not_70_milligrams() -> None:
    glucose = GLUCOSE.quantity("glucose")
    assert glucose is not None
    factor = glucose.factor("mmol/L")
    assert factor is not None
    assert Decimal("3.9") * factor == Decimal("70.27098")


@pytest.mark.parametrize("vital", VITALS.values(), ids=lambda vital: vital.name)
def test_plausible_ranges_are_ranges_and_pairs_name_quantities(vital: object) -> None:
    found = next(entry for entry in VITALS.values() if entry is vital)
    for quantity in found.quantities:
        assert quantity.plausible[0] < quantity.plausible[1]
    for pair in found.descending:
        assert all(found.quantity(name) for name in pair)
