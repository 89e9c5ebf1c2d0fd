from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.plausibility import canonical_values, check, received_value
from schemas.errors import InvalidInput
from schemas.reading import Coincidence, Device, DeviceTime, Quantity
from schemas.vitals import BLOOD_PRESSURE, GLUCOSE, VITALS
from tests.ingest.factories import reading


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


def test_systolic_is_above_diastolic_or_the_decoder_is_wrong() -> None:
    check(reading(systolic="81"))
    with pytest.raises(InvalidInput) as refused:
        check(reading(systolic="80"))
    assert refused.value.reason == "implausible"


@pytest.mark.parametrize("address", ["", "C0:FF:EE:00:00", "c0:ff:ee:00:00:01", "C0" * 9_000])
def test_a_device_is_named_by_a_bluetooth_address(address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(reading(device=Device(address)))
    assert refused.value.reason == "malformed"


@pytest.mark.parametrize("status", [["x"] * 41, ["x" * 65]])
def test_no_device_notices_so_much(status: list[str]) -> None:
    check(reading(status=["irregular-pulse", "y" * 64]))
    with pytest.raises(InvalidInput) as refused:
        check(reading(status=status))
    assert refused.value.reason == "malformed"


def test_an_absent_value_is_no_fault() -> None:
    check(reading(quantities={"systolic": Quantity("mm[Hg]", absent="not-a-number")}))
    check(reading(quantities={}, outcome="failed"))


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


@pytest.mark.parametrize(
    "told",
    [
        DeviceTime("?", coincidences=[Coincidence(0, "2026-03-14T07:05:09")] * 6),
        DeviceTime("?", coincidences=[Coincidence(0, "2" * 33)]),
        DeviceTime("?", screens=["clock-moved"] * 9),
    ],
)
def test_a_device_time_tells_no_more_than_five_sessions(told: DeviceTime) -> None:
    with pytest.raises(InvalidInput, match="five sessions"):
        check(reading(device_time=told))
    check(reading(device_time=DeviceTime("?", coincidences=told.coincidences[:0])))
