import pytest

from schemas.gatt import uuids


def test_assigned_numbers_both_ways() -> None:
    full = uuids.full(uuids.BLOOD_PRESSURE_MEASUREMENT)
    assert full == "00002a35-0000-1000-8000-00805f9b34fb"
    assert uuids.assigned(full) == uuids.BLOOD_PRESSURE_MEASUREMENT
    assert uuids.assigned(full.upper()) == uuids.BLOOD_PRESSURE_MEASUREMENT
    assert uuids.assigned("2A35") == uuids.BLOOD_PRESSURE_MEASUREMENT


@pytest.mark.parametrize(
    "uuid",
    [
        "",
        "2a3",
        "00002a35",
        "zzzz",
        "12342a35-0000-1000-8000-00805f9b34fb",
        "233bf000-5a34-1b6d-975c-000d5690abe4",
    ],
)
def test_other_uuids_have_no_assigned_number(uuid: str) -> None:
    assert uuids.assigned(uuid) is None


def test_a_number_beyond_16_bits_is_none() -> None:
    with pytest.raises(ValueError, match="16-bit"):
        uuids.full(0x10000)
