import json
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.decode_command import decode
from schemas.errors import VitalwireError


def printed(characteristic: str, payload: str) -> dict[str, Any]:
    result = CliRunner().invoke(decode, [characteristic, payload], catch_exceptions=False)
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.output)
    return found


@pytest.mark.parametrize(
    "characteristic", ["2a35", "0x2A35", "00002A35-0000-1000-8000-00805F9B34FB"]
)
def test_a_blood_pressure_as_one_object(characteristic: str) -> None:
    found = printed(characteristic, "1EC0007C009300EA07030E0705096000010400")
    assert found["kind"] == "blood_pressure"
    assert found["systolic"] == {"value": 192.0, "unit": "mm[Hg]", "absent": None}
    assert found["status"] == ["irregular-pulse"]
    assert (found["user"], found["device_time"]) == (1, "2026-03-14T07:05:09")


def test_kilopascal_beside_millimetres() -> None:
    found = printed("2a35", "01A0F06BF07CF0")
    assert found["systolic"] == {"value": 16.0, "unit": "kPa", "absent": None}
    assert found["canonical"] == {"systolic": 120.01, "diastolic": 80.257, "mean": 93.008}


def test_lo_is_a_reason_not_a_number() -> None:
    found = printed("2a18", "0x0B0800EA07030E07140900000208114000")
    assert found["glucose"] == {"value": None, "unit": "mg/dL", "absent": "negative-infinity"}
    assert (found["sequence"], found["sample_location"]) == (8, "finger")
    assert found["canonical"] == {}


def test_what_is_left_over_is_shown() -> None:
    assert printed("2a35", "00780050005B00AABB")["trailing_hex"] == "aabb"


@pytest.mark.parametrize(
    ("characteristic", "payload", "sentence"),
    [
        ("2a35", "0102", "blood pressure measurement: 2 bytes are too few"),
        ("2a36", "00D7F000000000", "known: 2a35"),
        ("cuff", "00", "known: 2a35"),
        ("2a35", "0G", "not pairs of hexadecimal digits"),
    ],
)
def test_what_cannot_be_decoded_is_one_sentence_and_exit_2(
    characteristic: str, payload: str, sentence: str
) -> None:
    with pytest.raises(VitalwireError, match=sentence) as caught:
        CliRunner().invoke(decode, [characteristic, payload], catch_exceptions=False)
    assert caught.value.exit_code == 2
