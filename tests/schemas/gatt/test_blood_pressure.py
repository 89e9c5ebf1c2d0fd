import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.gatt import blood_pressure
from schemas.gatt.blood_pressure import Feature, PulseRange, Status
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.number import Absent, Number

Fields = dict[str, Any]

VECTORS = Path(__file__).parents[2] / "vectors"
MEASUREMENTS = json.loads((VECTORS / "blood_pressure.json").read_text())
CUFF_PRESSURES = json.loads((VECTORS / "intermediate_cuff_pressure.json").read_text())
GOOD = [vector for vector in MEASUREMENTS if "error" not in vector["fields"]] + CUFF_PRESSURES
BAD = [vector for vector in MEASUREMENTS if "error" in vector["fields"]]


def decoded(vector_id: str) -> blood_pressure.BloodPressureMeasurement:
    vector = next(vector for vector in GOOD if vector["id"] == vector_id)
    return blood_pressure.decode(bytes.fromhex(vector["hex"]))


def number(text: str) -> Number:
    return Absent(text) if text in {absent.value for absent in Absent} else Decimal(text)


def expected(fields: Fields) -> Fields:
    numbers = {"systolic", "diastolic", "mean", "pulse"}
    return {name: number(value) if name in numbers else value for name, value in fields.items()}


def sent(measurement: blood_pressure.BloodPressureMeasurement) -> Fields:
    """Lay out a measurement as the vectors do: only what the flags announced, codes raw."""
    stamp = measurement.timestamp
    optional = {
        "timestamp": stamp
        and [stamp.year, stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second],
        "pulse": measurement.pulse,
        "user": measurement.user,
        "status": None if measurement.status is None else measurement.status.value,
    }
    return {
        "unit": measurement.unit.value,
        "systolic": measurement.systolic,
        "diastolic": measurement.diastolic,
        "mean": measurement.mean,
        "trailing": len(measurement.trailing),
    } | {name: value for name, value in optional.items() if value is not None}


@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: str(vector["id"]))
def test_vector_says_what_its_flags_say(vector: Fields) -> None:
    measurement = blood_pressure.decode(bytes.fromhex(vector["hex"]))
    assert sent(measurement) == expected(vector["fields"])
    assert blood_pressure.encode(measurement).hex().upper() == vector["hex"]


@pytest.mark.parametrize("vector", BAD, ids=lambda vector: str(vector["id"]))
def test_short_payload_is_malformed(vector: Fields) -> None:
    with pytest.raises(MalformedPayload, match="bytes are too few"):
        blood_pressure.decode(bytes.fromhex(vector["hex"]))


def test_the_sentence_names_the_characteristic_the_field_and_the_bytes() -> None:
    with pytest.raises(MalformedPayload) as caught:
        blood_pressure.decode(bytes.fromhex("03020304050607"))
    assert str(caught.value) == (
        "blood pressure measurement: 7 bytes are too few for the timestamp (bytes 7 to 13)"
    )
    assert caught.value.reason == "malformed-payload"


def test_every_cut_of_the_longest_payload_is_malformed() -> None:
    payload = bytes.fromhex("1EC0007C009300EA07030E0705096000010400")
    for length in range(len(payload)):
        with pytest.raises(MalformedPayload):
            blood_pressure.decode(payload[:length])


def test_not_a_number_everywhere_is_a_failed_measurement_though_the_status_is_clean() -> None:
    measurement = decoded("B6")
    assert blood_pressure.failed(measurement.systolic, measurement.diastolic)
    assert measurement.status == Status(0)


def test_one_pressure_is_enough_not_to_have_failed() -> None:
    measurement = decoded("B15")
    assert not blood_pressure.failed(measurement.systolic, measurement.diastolic)


def test_a_mean_of_zero_is_no_mean_and_not_a_number_stays_so() -> None:
    assert decoded("B7").mean_measured is None
    assert decoded("B15").mean_measured is Absent.NOT_A_NUMBER


def test_a_mean_is_a_mean() -> None:
    assert decoded("B11").mean_measured == 147


def test_user_255_is_nobody() -> None:
    assert decoded("B12").user == 255
    assert decoded("B12").user_slot is None
    assert decoded("B11").user_slot == 1
    assert decoded("B3").user_slot is None


def test_absent_status_is_not_a_clean_one() -> None:
    assert decoded("B16").status is None
    assert decoded("B5").status == Status(0)


@pytest.mark.parametrize(
    ("word", "pulse_range"),
    [
        (0x00, PulseRange.WITHIN),
        (0x08, PulseRange.ABOVE),
        (0x10, PulseRange.BELOW),
        (0x18, PulseRange(3)),
    ],
)
def test_pulse_range_is_one_field_of_two_bits(word: int, pulse_range: PulseRange) -> None:
    assert Status(word | 0x27).pulse_range is pulse_range


def test_status_names() -> None:
    assert Status(0x0027).labels == (
        "body-moved",
        "cuff-too-loose",
        "irregular-pulse",
        "improper-position",
    )
    assert Status(0x8008).labels == ("pulse-above-range", "bit-15")


def test_kilopascal_stay_kilopascal() -> None:
    assert decoded("B13").unit is blood_pressure.PressureUnit.KPA
    assert str(decoded("B13").systolic) == "16.0"


def test_beurer_bm85_reserved_flag_and_tail_are_kept() -> None:
    # By the flags its big-endian pulse of 65 reads as 2560000, and one byte is left over.
    measurement = decoded("B8")
    assert measurement.reserved_flags == 0x40
    assert measurement.trailing == b"\0"
    assert measurement.systolic == 113


def test_feature_bits() -> None:
    feature = blood_pressure.decode_feature(bytes.fromhex("2500"))
    assert feature == (
        Feature.BODY_MOVEMENT_DETECTION | Feature.IRREGULAR_PULSE_DETECTION | Feature.MULTIPLE_BONDS
    )
    assert blood_pressure.encode_feature(feature) == bytes.fromhex("2500")
    with pytest.raises(MalformedPayload):
        blood_pressure.decode_feature(b"\x25")
