from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gatt import blood_pressure, glucose
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import Measurement, measure
from schemas.reading import Quantity
from schemas.vitals import VITALS

NOT_SENT = "not-sent"
ALL_CUFF_FEATURES = 0b1_1111


def cuff(payload: str, feature: int | None = None) -> Measurement:
    return measure("2a35", bytes.fromhex(payload), feature)


def meter(payload: str, feature: int | None = None) -> Measurement:
    return measure("2a18", bytes.fromhex(payload), feature)


def context(payload: str) -> Measurement:
    return measure("2a34", bytes.fromhex(payload))


def sent(measurement: Measurement) -> dict[str, str]:
    """Show the quantities that carry a value, with their units."""
    return {
        name: f"{quantity.value} {quantity.unit}"
        for name, quantity in measurement.quantities.items()
        if quantity.value is not None
    }


def test_a_blood_pressure_in_full() -> None:
    measurement = cuff("1EC0007C009300EA07030E0705096000010400")
    assert measurement.vital.name == "blood_pressure"
    assert sent(measurement) == {
        "systolic": "192 mm[Hg]",
        "diastolic": "124 mm[Hg]",
        "mean": "147 mm[Hg]",
        "pulse": "96 /min",
    }
    assert measurement.outcome == "measured"
    assert measurement.status == ["irregular-pulse"]
    assert measurement.attributes == {}
    assert measurement.user_slot == 1
    assert measurement.stamp is not None
    assert measurement.stamp.recorded.text == "2026-03-14T07:05:09"


def test_kilopascal_are_handed_on_with_their_precision() -> None:
    measurement = cuff("01A0F06BF07CF0")
    assert sent(measurement) == {
        "systolic": "16.0 kPa",
        "diastolic": "10.7 kPa",
        "mean": "12.4 kPa",
    }
    assert measurement.quantities["pulse"] == Quantity("/min", absent="not-sent")
    assert (measurement.status, measurement.stamp, measurement.user_slot) == (None, None, None)


def test_all_not_a_number_is_a_failed_measurement() -> None:
    measurement = cuff("16FF07FF07FF07E80706170E230AFF070000")
    assert measurement.outcome == "failed"
    assert {name: quantity.absent for name, quantity in measurement.quantities.items()} == {
        "systolic": "not-a-number",
        "diastolic": "not-a-number",
        "mean": NOT_SENT,
        "pulse": "not-a-number",
    }


def test_a_systolic_that_is_absent_beside_a_diastolic_is_measured() -> None:
    measurement = cuff("00FF0782000000")
    assert measurement.outcome == "measured"
    assert sent(measurement) == {"diastolic": "130 mm[Hg]"}


@pytest.mark.parametrize(
    ("payload", "systolic"),
    [
        ("566A0047000000EA07080B121F00003F000000", "106 mm[Hg]"),
        ("56710049000000EA07080B1438000041010000", "113 mm[Hg]"),
    ],
)
def test_beurer_bm85_pressures_stand_and_its_tail_is_not_believed(
    payload: str, systolic: str
) -> None:
    measurement = cuff(payload, ALL_CUFF_FEATURES)
    assert sent(measurement)["systolic"] == systolic
    assert measurement.quantities["mean"].absent == NOT_SENT
    assert measurement.quantities["pulse"].absent == "unknown"
    assert (measurement.status, measurement.user_slot) == (None, None)
    assert measurement.attributes == {"trailing": "00"}
    assert measurement.stamp is not None


@pytest.mark.parametrize("pulse", ["0000", "FF00", "D007"])
def test_a_pulse_that_nobody_has_does_not_take_the_pressures_with_it(pulse: str) -> None:
    measured = measure("2a35", bytes.fromhex(f"04DC0082000000{pulse}"))
    assert measured.quantities["systolic"] == Quantity("mm[Hg]", "220")
    assert measured.quantities["diastolic"] == Quantity("mm[Hg]", "130")
    assert measured.quantities["pulse"] == Quantity("/min", absent="error")


def test_a_mean_that_nobody_has_does_not_take_the_pressures_with_it() -> None:
    measured = measure("2a35", bytes.fromhex("00DC0082000100"))
    assert measured.quantities["systolic"] == Quantity("mm[Hg]", "220")
    assert measured.quantities["mean"] == Quantity("mm[Hg]", absent="error")


def test_a_longer_packet_of_tomorrow_is_believed() -> None:
    measurement = cuff("1EC0007C009300EA07030E0705096000010400" + "AABB")
    assert sent(measurement)["pulse"] == "96 /min"
    assert (measurement.status, measurement.user_slot) == (["irregular-pulse"], 1)
    assert measurement.attributes == {"trailing": "aabb"}


def test_what_the_cuff_cannot_notice_is_named() -> None:
    movement = int(blood_pressure.Feature.BODY_MOVEMENT_DETECTION)
    measurement = cuff("10780050005B000000", movement)
    assert measurement.status == []
    assert measurement.attributes["not_assessed"] == (
        "cuff-too-loose irregular-pulse pulse-above-range pulse-below-range improper-position"
    )


def test_a_cuff_that_notices_nothing_has_assessed_nothing() -> None:
    assert cuff("10780050005B000000", 0).status is None
    assert cuff("10780050005B000000", ALL_CUFF_FEATURES).status == []
    assert cuff("10780050005B000000").status == []  # nobody read the features: believe the word
    assert cuff("10780050005B000100", 0).status == ["body-moved"]  # a bit that is set was noticed
    assert cuff("00780050005B00", ALL_CUFF_FEATURES).status is None


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


def test_a_number_beside_hi_is_the_meters_limit_not_the_glucose() -> None:
    measurement = meter("0A0700EA07030E07050958B2112000")
    assert measurement.quantities["glucose"].absent == "positive-infinity"
    assert measurement.attributes["reported"] == "600 mg/dL"


@pytest.mark.parametrize(
    ("payload", "absent"),
    [
        ("000100E40705150A1E2D", NOT_SENT),
        ("080E00EA07030F0200000400", NOT_SENT),
        ("020100EA07030E080000FF0711", "not-a-number"),
        ("020100EA07030E080000000811", "error"),
    ],
)
def test_a_record_without_any_result_has_failed(payload: str, absent: str) -> None:
    measurement = meter(payload)
    assert measurement.outcome == "failed"
    assert measurement.quantities["glucose"].absent == absent


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


@pytest.mark.parametrize("characteristic", ["2a36", "2a52", "2a35 ", ""])
def test_other_characteristics_hold_no_record(characteristic: str) -> None:
    with pytest.raises(MalformedPayload, match="holds no record"):
        measure(characteristic, bytes.fromhex("00D7F000000000"))


@given(
    st.sampled_from([vital.characteristic for vital in VITALS.values()]),
    st.binary(max_size=24),
    st.none() | st.integers(0, 0xFFFF),
)
def test_whatever_is_measured_fits_the_table_of_vitals(
    characteristic: str, payload: bytes, feature: int | None
) -> None:
    try:
        measurement = measure(characteristic, payload, feature)
    except MalformedPayload:
        return
    vital = measurement.vital
    assert list(measurement.quantities) == [quantity.name for quantity in vital.quantities]
    for quantity in vital.quantities:
        received = measurement.quantities[quantity.name]
        assert quantity.factor(received.unit) is not None
        if received.value is not None:
            assert Decimal(received.value).is_finite()
