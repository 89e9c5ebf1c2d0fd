from datetime import UTC

import pytest

from alerts.feed import words

NOON_MS = 1_795_348_800_000 - 43_200_000  # 2026-11-22 00:00 UTC, plus what the test adds


@pytest.mark.parametrize(
    ("vital", "quantities", "text"),
    [
        ("blood_pressure", {"systolic": "192 mmHg", "diastolic": "124 mmHg"}, "192/124 mmHg"),
        ("blood_pressure", {"systolic": "25.6 kPa", "diastolic": "16.5 kPa"}, "25.6/16.5 kPa"),
        ("blood_pressure", {"systolic": "not-a-number", "diastolic": "130 mmHg"}, "–/130 mmHg"),
        ("blood_pressure", {"diastolic": "130 mm[Hg]"}, "–/130 mmHg"),
        ("glucose", {"glucose": "LO"}, "LO"),
        ("glucose", {"glucose": "2.0 mmol/L"}, "2.0 mmol/L"),
        ("weight", {"weight": "83.8 kg", "mass_index": "26.5 kg/m2"}, "83.8 kg"),
        ("oximetry", {"spo2": "91 %", "pulse_rate": "72 /min"}, "91 %"),
        ("body_temperature", {"temperature": "101.3 [degF]"}, "101.3 °F"),
        ("oxygen_of_tomorrow", {"saturation": "91 %"}, "91 %"),
        ("oxygen_of_tomorrow", {}, "–"),
    ],
)
def test_the_value_that_matters(vital: str, quantities: dict[str, str], text: str) -> None:
    assert words.headline(vital, quantities) == text


def test_the_rest_leaves_out_what_is_absent_or_of_the_same_kind() -> None:
    quantities = {"systolic": "1 mmHg", "diastolic": "error", "mean": "1 mmHg", "pulse": "88 /min"}
    assert words.rest("blood_pressure", quantities) == "pulse 88 /min"
    assert words.rest("blood_pressure", quantities | {"pulse": "not-sent"}) == ""
    oximetry = {"spo2": "91 %", "pulse_rate": "72 /min", "pulse_amplitude": "not-sent"}
    assert words.rest("oximetry", oximetry) == "pulse rate 72 /min"
    weight = {"weight": "83.8 kg", "mass_index": "26.5 kg/m2", "height": "1.78 m"}
    assert words.rest("weight", weight) == "mass index 26.5 kg/m², height 1.78 m"


@pytest.mark.parametrize(
    ("ago_ms", "text"),
    [
        (-120_000, "in the future"),
        (-59_000, "just now"),
        (59_999, "just now"),
        (60_000, "1 min ago"),
        (7_199_999, "119 min ago"),
        (7_200_000, "2 h ago"),
        (47 * 3_600_000, "47 h ago"),
        (48 * 3_600_000, "2 days ago"),
    ],
)
def test_how_long_ago(ago_ms: int, text: str) -> None:
    assert words.relative(10_000_000, 10_000_000 + ago_ms) == text


def test_an_absolute_time_names_the_day_unless_it_is_today() -> None:
    day_ms = 24 * 3_600_000
    now_ms = NOON_MS + 12 * 3_600_000
    assert words.absolute(now_ms, now_ms, UTC) == "12:00"
    assert words.absolute(now_ms - day_ms, now_ms, UTC) == "yesterday 12:00"
    assert words.absolute(now_ms - 2 * day_ms, now_ms, UTC) == "Fri 20 Nov 12:00"


def test_a_time_that_is_simply_known_needs_no_note() -> None:
    assert words.time_note("device-clock") == ""
    assert words.time_note("bounded") == "exact time unknown"
    assert words.time_note("of-tomorrow") == "of tomorrow"


@pytest.mark.parametrize("vital", ["weight", "body_temperature", "mood"])
def test_of_what_no_device_can_notice_nothing_is_missing(vital: str) -> None:
    assert words.not_assessed(vital, None, []) == ""
    assert words.not_assessed("glucose", None, []) == "quality not assessed by the device"


def test_many_checks_that_a_device_does_not_make_are_counted() -> None:
    few, many = ["body-moved", "improper-position", "cuff-loose"], ["a", "b", "c", "d"]
    named = "not assessed: body moved, improper position, cuff loose"
    assert words.not_assessed("blood_pressure", [], few) == named
    assert words.not_assessed("blood_pressure", [], many) == "4 checks not made by the device"


def test_what_one_bit_says_that_a_device_looks_for_is_one_check() -> None:
    pulse = ["body-moved", "pulse-above-range", "pulse-below-range"]
    said = "not assessed: body moved, pulse range"
    assert words.not_assessed("blood_pressure", [], pulse) == said
    half = ["pulse-below-range"]
    assert words.not_assessed("blood_pressure", [], half) == "not assessed: pulse below range"
    meter = ["general-fault", "result-above-range", "result-below-range", "temperature-too-high"]
    meter += ["temperature-too-low"]
    said = "not assessed: general fault, result range, temperature"
    assert words.not_assessed("glucose", [], meter) == said


def test_what_a_cuff_sends_in_kpa_is_said_in_mmhg_too() -> None:
    sent = {"systolic": "25.9 kPa", "diastolic": "16.1 kPa", "pulse": "88 /min"}
    assert words.headline("blood_pressure", sent) == "25.9/16.1 kPa"
    assert words.rest("blood_pressure", sent) == "194/121 mmHg, pulse 88 /min"
    half = {"systolic": "25.9 kPa", "diastolic": "not-a-number"}
    assert words.rest("blood_pressure", half) == "194/– mmHg"
    assert words.rest("glucose", {"glucose": "5.2 mmol/L"}) == ""  # read as it is
