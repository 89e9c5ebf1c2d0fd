import pytest

from schemas.gatt.measurement import believable, measure
from tests.schemas.gatt.measurement.shown import sent


def test_an_oximeter_in_full() -> None:
    measurement = measure("2a5e", bytes.fromhex("1F5F003C00D007010100030C00422000000EF0"))
    assert sent(measurement) == {
        "spo2": "95 %",
        "pulse_rate": "60 /min",
        "pulse_amplitude": "1.4 %",
    }
    assert measurement.status == ["from-storage", "questionable-measurement", "low-perfusion"]
    assert measurement.outcome == "measured"
    assert measurement.stamp is not None
    assert measurement.stamp.fault  # the clock was never set


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        ("0061004800", "measured"),
        ("00FF07FF07", "failed"),
        ("00FF074800", "failed"),
        ("0002084800", "measured"),  # less than it can measure
        ("02020848000080", "failed"),  # the same, but invalid
        ("02610048000080", "failed"),  # invalid
        ("02610048000020", "failed"),  # unavailable
        ("02610048000004", "demonstration"),
        ("02610048000008", "demonstration"),
        ("02610048000040", "measured"),  # questionable: kept, and told
    ],
)
def test_what_an_oximeter_does_not_stand_by_is_no_measurement(payload: str, outcome: str) -> None:
    assert measure("2a5e", bytes.fromhex(payload)).outcome == outcome


def test_a_pulse_that_nobody_has_does_not_take_the_saturation_with_it() -> None:
    measurement = believable(measure("2a5e", bytes.fromhex("0055000000")))
    assert sent(measurement) == {"spo2": "85 %"}
    assert measurement.quantities["pulse_rate"].absent == "error"


def test_what_the_oximeter_cannot_notice_is_named() -> None:
    # it can tell a questionable measurement, and low perfusion
    feature = int.from_bytes(bytes.fromhex("03000040200000"), "little")
    measurement = measure("2a5e", bytes.fromhex("06610048000040000000"), feature)
    assert measurement.status == ["questionable-measurement"]
    silent = measurement.attributes["not_assessed"].split()
    assert "invalid-measurement" in silent
    assert "poor-signal" in silent
    assert not {"questionable-measurement", "low-perfusion"} & set(silent)
    nothing = int.from_bytes(bytes.fromhex("03000000000000"), "little")
    assert measure("2a5e", bytes.fromhex("06610048000000000000"), nothing).status is None
    assert measure("2a5e", bytes.fromhex("06610048000000000000")).status == []
