from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import measure
from schemas.gatt.quirks import QUIRKS, Quirk
from schemas.vitals import VITALS


@pytest.mark.parametrize("characteristic", ["2a36", "2b35", "2a5f", "2a1e", "2a52", "2a35 ", ""])
def test_other_characteristics_hold_no_record(characteristic: str) -> None:
    with pytest.raises(MalformedPayload, match="holds no record"):
        measure(characteristic, bytes.fromhex("00D7F000000000"))


@given(
    st.sampled_from([number for vital in VITALS.values() for number in vital.characteristics]),
    st.binary(max_size=24),
    st.none() | st.integers(0, 0xFFFF),
    st.none() | st.sampled_from(QUIRKS),
)
def test_whatever_is_measured_fits_the_table_of_vitals(
    characteristic: str, payload: bytes, feature: int | None, quirk: Quirk | None
) -> None:
    try:
        measurement = measure(characteristic, payload, feature, quirk)
    except MalformedPayload:
        return
    vital = measurement.vital
    assert list(measurement.quantities) == [quantity.name for quantity in vital.quantities]
    for quantity in vital.quantities:
        received = measurement.quantities[quantity.name]
        assert quantity.conversion(received.unit) is not None
        if received.value is not None:
            assert Decimal(received.value).is_finite()
