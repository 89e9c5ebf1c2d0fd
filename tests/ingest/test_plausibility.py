import pytest

from ingest.plausibility import check
from schemas.errors import InvalidInput
from schemas.reading import Coincidence, Device, DeviceTime, Quantity
from tests.ingest.factories import reading


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
