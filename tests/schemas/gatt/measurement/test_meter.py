import pytest

from schemas.gatt import glucose
from schemas.gatt.measurement import Measurement, measure
from tests.schemas.gatt.measurement.shown import sent


def meter(payload: str, feature: int | None = None) -> Measurement:
    return measure("2a18", bytes.fromhex(payload), feature)


def context(payload: str) -> Measurement:
    return measure("2a34", bytes.fromhex(payload))


def test_a_glucose_record_in_full() -> None:
    measurement = meter("1B0F00E807011E053A1B53016FB0F80000")
    assert measurement.vital.name == "glucose"
    assert sent(measurement) == {"glucose": "111 mg/dL"}
    assert measurement.record_number == 15
    assert measurement.status == []
    assert measurement.attributes == {
        "sample_type": "undetermined-plasma",
        "sample_location": "not-available",
        "context_follows": "true",
    }
    stamp = measurement.stamp
    assert stamp is not None
    assert stamp.shown is not None
    assert (stamp.recorded.text, stamp.offset_min) == ("2024-01-30T05:58:27", 339)
    assert stamp.shown.isoformat() == "2024-01-30T11:37:27"


@pytest.mark.parametrize(
    ("concentration", "text"), [("78B0", "120"), ("0CC0", "120"), ("B0A4", "120.0")]
)
def test_precision_is_kept_and_powers_of_ten_are_written_out(concentration: str, text: str) -> None:
    measurement = meter(f"020100EA07030E080000{concentration}11")
    assert measurement.quantities["glucose"].value == text


def test_millimoles_stay_millimoles() -> None:
    assert sent(meter("070100E3070815061F0DB4003BC0F1")) == {"glucose": "5.9 mmol/L"}


@pytest.mark.parametrize(
    ("payload", "absent"),
    [
        ("0B0700EA07030E0705090000FE07112000", "positive-infinity"),
        ("0B0800EA07030E07140900000208114000", "negative-infinity"),
        ("030900EA07030E0714090000FE0711", "positive-infinity"),
        ("080E00EA07030F0200004000", "negative-infinity"),  # a status alone, no concentration
    ],
)
def test_hi_and_lo_are_results_without_a_number(payload: str, absent: str) -> None:
    measurement = meter(payload)
    assert measurement.outcome == "measured"
    assert measurement.quantities["glucose"].absent == absent
    assert "reported" not in measurement.attributes


@pytest.mark.parametrize(
    "payload", ["0B0700EA07030E0705090000FE07114000", "0B0800EA07030E07140900000208112000"]
)
def test_a_meter_that_says_hi_and_lo_is_read_as_lo_and_shown_to_have_said_both(
    payload: str,
) -> None:
    """A HI may have been a LO: nobody may read one side alone, and none is normal."""
    measurement = meter(payload)
    assert measurement.outcome == "measured"
    assert measurement.quantities["glucose"].absent == "negative-infinity"
    assert measurement.status == ["result-above-range", "result-below-range"]


def test_a_number_beside_hi_is_the_meters_limit_not_the_glucose() -> None:
    measurement = meter("0A0700EA07030E07050958B2112000")
    assert measurement.quantities["glucose"].absent == "positive-infinity"
    assert measurement.attributes["reported"] == "600 mg/dL"


@pytest.mark.parametrize(
    ("payload", "absent"),
    [
        ("000100E40705150A1E2D", "not-sent"),
        ("080E00EA07030F0200000400", "not-sent"),
        ("020100EA07030E080000FF0711", "not-a-number"),
        ("020100EA07030E080000000811", "error"),
    ],
)
def test_a_record_without_any_result_has_failed(payload: str, absent: str) -> None:
    measurement = meter(payload)
    assert measurement.outcome == "failed"
    assert measurement.quantities["glucose"].absent == absent


@pytest.mark.parametrize("bit", [1, 2, 3, 4, 7, 8, 9, 10])
def test_a_number_beside_a_fault_of_sensor_strip_or_sample_is_no_result(bit: int) -> None:
    status = (1 << bit).to_bytes(2, "little").hex()
    measurement = meter(f"0A0700EA07030E0705092DB011{status}")
    assert measurement.outcome == "failed"
    assert measurement.quantities["glucose"].value == "45"  # kept for whoever looks into it


def test_a_low_battery_and_a_time_fault_leave_the_result_alone() -> None:
    assert meter("0A0700EA07030E0705092DB0110108").outcome == "measured"


def test_control_solution_is_never_a_patients_value() -> None:
    assert meter("020A00EA07030E08000070B04A").outcome == "control-solution"
    assert meter("020A00EA07030E080000FE074A").outcome == "control-solution"  # even if HI


def test_a_time_fault_or_an_overrun_offset_casts_doubt_on_the_time_alone() -> None:
    for payload in ("0A0F00EA07030F02000091B0110008", "030C00EA07030E080000FF7F66B011"):
        measurement = meter(payload)
        assert measurement.outcome == "measured"
        assert measurement.stamp is not None
        assert measurement.stamp.fault
        assert measurement.stamp.offset_min is None


def test_what_the_meter_cannot_notice_is_named() -> None:
    battery = int(glucose.Feature.BATTERY_LOW_DETECTION)
    measurement = meter("1B0F00E807011E053A1B53016FB0F80000", battery)
    assert measurement.attributes["not_assessed"].split()[:2] == [
        "sensor-malfunction",
        "sample-too-small",
    ]


def test_a_meal() -> None:
    measurement = context("031000013CD001")
    assert measurement.vital.amends == "glucose"
    assert sent(measurement) == {"carbohydrate": "60 g"}
    assert measurement.attributes == {"meal": "preprandial", "carbohydrate_kind": "breakfast"}
    assert measurement.record_number == 16
    assert set(measurement.quantities) == {
        quantity.name for quantity in measurement.vital.quantities
    }


@pytest.mark.parametrize(
    ("payload", "quantities", "attributes"),
    [
        (
            "0611000251",
            {},
            {"meal": "postprandial", "tester": "self", "health": "no-issues"},
        ),
        ("02120003", {}, {"meal": "fasting"}),
        ("40140048F0", {"hba1c": "7.2 %"}, {}),
        ("081500100E50", {"exercise_duration": "3600 s", "exercise_intensity": "80 %"}, {}),
        (
            "301600010CB0",
            {"medication_volume": "0.12 mL"},
            {"medication_kind": "rapid-acting"},
        ),
        (
            "1016000305B0",
            {"medication_mass": "50 mg"},
            {"medication_kind": "intermediate-acting"},
        ),
    ],
)
def test_contexts(payload: str, quantities: dict[str, str], attributes: dict[str, str]) -> None:
    measurement = context(payload)
    assert sent(measurement) == quantities
    assert measurement.attributes == attributes


def test_exercise_longer_than_18_hours_is_beyond_any_number() -> None:
    measurement = context("081500FFFF50")
    assert measurement.quantities["exercise_duration"].absent == "positive-infinity"
