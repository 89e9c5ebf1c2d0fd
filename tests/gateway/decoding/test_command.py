import json
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

import vitalwire
from gateway.decoding.command import decode, written
from gateway.decoding.description import KNOWN, describe
from schemas.errors import VitalwireError
from schemas.gatt import uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.quirks import QUIRKS, Quirk
from tests.schemas.gatt.vectors import Fields, load

FILES = {
    "blood_pressure": "2a35",
    "intermediate_cuff_pressure": "2a36",
    "enhanced_blood_pressure": "2b34",
    "glucose": "2a18",
    "glucose_context": "2a34",
    "weight": "2a9d",
    "oximetry": "2a5e",
    "temperature": "2a1c",
}
GOOD = [(number, vector) for name, number in FILES.items() for vector in load(name)[0]]
BAD = [(number, vector) for name, number in FILES.items() for vector in load(name)[1]]

COMMON = {
    *("kind", "device_time", "time_offset_min", "user", "sequence", "status"),
    *("sample_type", "sample_location", "meal", "canonical", "trailing_hex", "quirk"),
}


def printed(characteristic: str, payload: str, *options: str) -> dict[str, Any]:
    arguments = [characteristic, payload, *options]
    result = CliRunner().invoke(decode, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.output)
    return found


@pytest.mark.parametrize(
    "characteristic",
    [
        *("2a35", "0x2A35", "00002A35-0000-1000-8000-00805F9B34FB"),
        *("00002a3500001000800000805f9b34fb", "{00002A35-0000-1000-8000-00805F9B34FB}", " 2a35"),
        *("Blood Pressure Measurement", "blood-pressure-measurement", "BloodPressureMeasurement"),
        *("org.bluetooth.characteristic.blood_pressure_measurement", "blood_pressure"),
    ],
)
def test_a_blood_pressure_as_one_object(characteristic: str) -> None:
    found = printed(characteristic, "1EC0007C009300EA07030E0705096000010400")
    assert found["kind"] == "blood_pressure"
    assert found["systolic"] == {"value": 192, "unit": "mm[Hg]", "absent": None}
    assert found["status"] == ["irregular-pulse"]
    assert (found["user"], found["device_time"]) == (1, "2026-03-14T07:05:09")
    assert found["quirk"] is None


@pytest.mark.parametrize(("number", "vector"), GOOD, ids=[vector["id"] for _, vector in GOOD])
def test_every_packet_that_we_know_has_a_description(number: str, vector: Fields) -> None:
    found = printed(number, vector["hex"])
    user = vector["fields"].get("user")
    assert found.get("user") == (None if user == 255 else user)
    assert len(found["trailing_hex"]) == 2 * vector["fields"]["trailing"]
    for name in ("systolic", "diastolic", "weight", "temperature", "spo2"):
        if name in vector["fields"] and name in found:
            quantity, sent = found[name], vector["fields"][name]
            assert sent in (quantity["absent"], None) or float(sent) == quantity["value"]


@pytest.mark.parametrize(("number", "vector"), BAD, ids=[vector["id"] for _, vector in BAD])
def test_every_packet_that_is_too_short_is_refused(number: str, vector: Fields) -> None:
    with pytest.raises(VitalwireError, match="too few") as caught:
        printed(number, vector["hex"])
    assert caught.value.exit_code == 2


def test_kilopascal_beside_millimetres() -> None:
    found = printed("2a35", "01A0F06BF07CF0")
    assert found["systolic"] == {"value": 16.0, "unit": "kPa", "absent": None}
    assert found["canonical"] == {
        "systolic": 120.009852,
        "diastolic": 80.256589,
        "mean": 93.007635,
    }


def test_a_number_has_the_digits_of_the_wire() -> None:
    result = CliRunner().invoke(decode, ["2a18", "020100EA07030E080000B0A411"])
    assert '"value": 120.0,' in result.output
    result = CliRunner().invoke(decode, ["2a1c", "00710E00FE"])
    assert '"value": 36.97,' in result.output


def test_a_number_that_no_patient_has_is_shown_as_it_was_sent() -> None:
    assert printed("2a35", "00BDF00B009FF0")["mean"]["value"] == 15.9


def test_lo_is_a_reason_not_a_number() -> None:
    found = printed("2a18", "0x0B0800EA07030E07140900000208114000")
    assert found["glucose"] == {"value": None, "unit": "mg/dL", "absent": "negative-infinity"}
    assert (found["sequence"], found["sample_location"]) == (8, "finger")
    assert (found["canonical"], found["context_follows"]) == ({}, False)


def test_control_solution_and_a_failed_measurement_are_told_from_results() -> None:
    assert printed("2a18", "020A00EA07030E08000070B04A")["outcome"] == "control-solution"
    failed = printed("2a35", "16FF07FF07FF07E80706170E230AFF070000")
    assert (failed["outcome"], failed["systolic"]["absent"]) == ("failed", "not-a-number")


def test_what_was_not_sent_has_its_name_all_the_same() -> None:
    assert printed("2a18", "000100E40705150A1E2D")["sample_type"] is None
    assert printed("2a34", "081500FFFF50")["meal"] is None
    assert printed("2a35", "0C76004C005A004000FF")["user"] is None


@pytest.mark.parametrize("model", ["BM85", "Beurer BM85", "BM 59", "Beurer-BM"])
def test_a_model_brings_its_quirk(model: str) -> None:
    payload = "56710049000000EA07080B1438000041010000"
    found = printed("2a35", payload, "--model", model)
    assert (found["pulse"]["value"], found["user"], found["quirk"]) == (65, 1, "beurer-bm")
    plain = printed("2a35", payload)
    assert (plain["pulse"]["absent"], plain["user"], plain["quirk"]) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("model", "meant"), [("UNKNOWN", ""), ("BM96", ""), ("omrom", "Did you mean omron? "), ("", "")]
)
def test_a_model_of_which_nothing_is_known_is_refused(model: str, meant: str) -> None:
    """It was read by the standard without a word: whoever mistyped a name could not tell."""
    with pytest.raises(VitalwireError, match="No departure") as caught:
        printed("2a35", "1EC0007C009300EA07030E0705096000010400", "--model", model)
    said = f"is known. {meant}Leave --model out to read it by the standard; known are beurer-bm,"
    assert (caught.value.exit_code, said in str(caught.value)) == (2, True)


@pytest.mark.parametrize(
    ("characteristic", "payload", "quality", "age_s"),
    [
        ("2a35", "167C0056006100EA07030E07050933000000", "plausible", 291),
        ("2a35", "167C0056006100EA07030E07140033000000", "plausible", -600),
        ("2a35", "167C0056006100EA07030E07140133000000", "future", -601),
        ("2a35", "0680004F005F00D007010100030C4600", "never-set", 826787208),
        ("2a35", "1686005200FF070000000000000047000000", "unknown", None),
        ("2a35", "0C76004C005A004000FF", "receipt", None),
        ("2a36", "0C76004C005A004000FF", "receipt", None),
        ("2b34", "468E005B006C0025C547314600", "plausible", 291),
        ("2a18", "030C00EA07030E080000FF7F66B011", "fault", None),
        ("2a18", "0B0700EA07030E0605093C00FE07112000", "plausible", 291),
    ],
)
def test_a_devices_clock_is_judged_by_the_receipt(
    characteristic: str, payload: str, quality: str, age_s: int | None
) -> None:
    for received in ("2026-03-14T07:10", "2026-03-14T07:10:00+01:00"):
        found = printed(characteristic, payload, "--received-at", received)
        assert (found["time_quality"], found["age_s"]) == (quality, age_s)
        assert found["received_at"] == "2026-03-14T07:10:00"
    assert "time_quality" not in printed(characteristic, payload)


def test_a_cuff_pressure_is_no_blood_pressure() -> None:
    found = printed("2a36", "156FF0000000003C001200")
    assert found["kind"] == "intermediate_cuff_pressure"
    assert found["cuff_pressure"] == {"value": 11.1, "unit": "kPa", "absent": None}
    assert "systolic" not in found
    assert found["canonical"] == {"cuff_pressure": 83.256835, "pulse": 60}
    assert found["status"] == ["cuff-too-loose", "pulse-below-range"]
    enhanced = printed("2b35", "44D7F04600")
    assert (enhanced["kind"], enhanced["cuff_pressure"]["value"]) == (found["kind"], 21.5)


def test_a_record_shows_its_segment_and_what_it_keeps() -> None:
    found = printed("2b36", "030700342B468E005B006C0025C547314600")
    assert (found["kind"], found["sequence"], found["characteristic"]) == (
        "blood_pressure_record",
        7,
        "2b34",
    )
    assert found["record"]["systolic"]["value"] == 142
    assert (found["canonical"]["pulse"], found["device_time"]) == (70, "2026-03-14T07:05:09")
    part = printed("2b36", "010700342B468E")
    assert (part["record"], part["sequence"], part["canonical"]) == (None, 7, {})


def test_a_value_that_still_moves_is_in_canonical_units_too() -> None:
    rising = printed("2a1e", "03710E00FEEA07030E070509", "--received-at", "2026-03-14T07:10")
    assert rising["temperature"] == {"value": 36.97, "unit": "[degF]", "absent": None}
    assert rising["canonical"] == {"temperature": 2.761111}
    assert (rising["age_s"], "outcome" in rising) == (291, False)
    stream = printed("2a5f", "0161004800FF074800")
    assert stream["canonical"] == {"spo2": 97, "pulse_rate": 72, "fast_pulse_rate": 72}


@pytest.mark.parametrize(
    ("characteristic", "payload", "expected"),
    [
        ("2a2b", "EA07030E070509060001", {"weekday": 6, "adjust_reason": ["manual"]}),
        ("2a08", "EA07030E070509AA", {"kind": "date_time", "trailing_hex": "aa"}),
        ("2a0f", "0404", {"offset_min": 120}),
        ("2a19", "5F", {"battery": {"value": 95, "unit": "%", "absent": None}}),
        ("2a24", "424D383500", {"kind": "model_number", "text": "BM85"}),
        ("2a23", "1234569A78FEBC9A", {"organisation_hex": "9abcfe", "trailing_hex": ""}),
        ("2a50", "01D20002010301", {"vendor_source": "bluetooth-sig", "vendor": 210}),
        ("2a49", "01", None),
        ("2a49", "1F00", {"kind": "blood_pressure_feature", "not_assessed": []}),
        ("2a51", "FE03", {"kind": "glucose_feature", "not_assessed": ["battery-low"]}),
        ("2a9e", "07000000", {"features": ["timestamp", "multiple-users", "body-mass-index"]}),
        ("2a60", "0200010000", {"sensor_status": ["display-update-ongoing"]}),
        ("2a5f", "0161004800FF074800", {"kind": "continuous_oximetry"}),
        ("2a1e", "00710E00FE", {"kind": "intermediate_temperature", "place": None}),
        ("2a1d", "06", {"kind": "temperature_type", "place": "mouth"}),
        (uuids.CONTOUR_CLOCK.upper(), "01EA07030E070509D4FE", {"offset_min": -300}),
        ("2a52", "0103012B00", {"operator": "at-least", "sequences": [43, 65535]}),
        ("2a52", "0101", {"kind": "record_access_request", "sequences": None}),
        ("2a52", "050004030201", {"kind": "record_access_count", "count": 16909060}),
        ("2a52", "06000106", {"request": "report-records", "response": "no-records-found"}),
    ],
)
def test_what_is_no_measurement(
    characteristic: str, payload: str, expected: dict[str, object] | None
) -> None:
    if expected is None:
        with pytest.raises(VitalwireError, match="too few"):
            printed(characteristic, payload)
        return
    found = printed(characteristic, payload)
    assert {name: found[name] for name in expected} == expected
    assert found["quirk"] is None
    assert "trailing_hex" in found


@given(st.sampled_from(KNOWN), st.binary(max_size=28), st.none() | st.sampled_from(QUIRKS))
@example("2a1c", bytes.fromhex("01FFFF3F7F"), None)  # 4194303e127 degrees Fahrenheit
def test_any_bytes_are_either_malformed_or_one_json_object(
    characteristic: str, payload: bytes, quirk: Quirk | None
) -> None:
    with suppress(MalformedPayload):
        found = describe(characteristic, payload, quirk, datetime.fromisoformat("2026-03-14T07:00"))
        assert json.loads(written(found)).keys() >= COMMON


@pytest.mark.parametrize(
    ("characteristic", "payload"),
    [
        ("2a08", "00000000000000"),
        ("2a2b", "00000000000000000000"),
        ("2a1e", "026C0100FF00000000000000"),
        ("2a1c", "026C0100FF00000000000000"),
    ],
)
def test_a_clock_that_knows_nothing_tells_no_time(characteristic: str, payload: str) -> None:
    assert printed(characteristic, payload)["device_time"] is None


@pytest.mark.parametrize(
    "payload",
    [
        "01 a0 f0 6b f0 7c f0",
        "0x01A0F06BF07CF0",
        "(0x) 01-A0-F0-6B-F0-7C-F0",  # as nRF Connect writes it
        "0x01, 0xA0, 0xF0, 0x6B, 0xF0, 0x7C, 0xF0",  # as a C program does
        "01:a0:f0:6b:f0:7c:f0",  # as Wireshark does
        "<01a0f06b f07cf0>",  # as Apple's programs do
    ],
)
def test_a_payload_is_taken_as_other_programs_write_it(payload: str) -> None:
    assert printed("2a35", payload)["diastolic"]["value"] == 10.7


@pytest.mark.parametrize(
    ("name", "number", "payload"),
    [
        ("PLX Spot-Check Measurement", "2a5e", "0061004800"),
        ("Manufacturer Name String", "2a29", "526F636865"),
        ("Contour clock", uuids.CONTOUR_CLOCK, "01EA07030E070509D4FE"),
        ("glucose", "2a18", "000100E40705150A1E2D"),
    ],
)
def test_a_characteristic_has_the_name_that_its_standard_gives(
    name: str, number: str, payload: str
) -> None:
    assert printed(name, payload) == printed(number, payload)


def test_bytes_that_nobody_quoted_are_one_payload() -> None:
    assert printed("2a35", "01", "a0", "f0", "6b", "f0", "7c", "f0") == printed(
        "2a35", "01A0F06BF07CF0"
    )


def test_a_sensors_stream_is_shown_record_by_record() -> None:
    record = printed("2aa7", "0D4373002C010324001A003E04")
    assert record["canonical"] == {"glucose": 115, "trend": 36, "quality": 26}
    assert (record["kind"], record["further_records"]) == ("continuous_glucose", [])
    assert record["glucose"] == {"value": 115, "unit": "mg/dL", "absent": None}
    assert (record["time_offset_min"], record["checksum_fits"]) == (300, True)


def test_what_is_left_over_is_shown() -> None:
    assert printed("2a35", "00780050005B00AABB")["trailing_hex"] == "aabb"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["2a35", "0102"], "blood pressure measurement: 2 bytes are too few"),
        (["2a35"], "a payload (HEX) is missing behind '2a35'"),
        (["2a35", ""], "blood pressure measurement: 0 bytes are too few"),
        (["2a37", "00D7F000000000"], "cannot be decoded. Known are 00001026-"),
        (["cu\nff", "00"], "cannot be decoded. Known are"),
        (["", "00"], "2a35 (blood pressure measurement)"),
        (["glucose mesurement", "00"], "Did you mean glucose measurement (2a18)? Known are"),
        (["2a35", "0G\n"], "not pairs of hexadecimal digits"),
        (["2a35", "0-1A-0"], "not pairs of hexadecimal digits"),
        (["2a35", "010x20"], "not pairs of hexadecimal digits"),
        (["2a19", "65"], "101 is not a percentage"),
        (["2a35", "00780050005B00", "--received-at", "soon"], "no date and time"),
    ],
)
def test_what_cannot_be_decoded_is_exit_2_and_one_line(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["vitalwire", "decode", *arguments])
    with pytest.raises(SystemExit) as caught:
        vitalwire.main()
    assert caught.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.count("\n") == 1
    assert sentence in errors
