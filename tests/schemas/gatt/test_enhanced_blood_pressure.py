from datetime import datetime

import pytest

from schemas.gatt import enhanced_blood_pressure
from schemas.gatt.errors import MalformedPayload
from tests.schemas.gatt.vectors import Fields, ident, load, numbers, only_sent

GOOD, BAD = load("enhanced_blood_pressure")


@pytest.mark.parametrize("vector", GOOD, ids=ident)
def test_vector_says_what_its_flags_say(vector: Fields) -> None:
    measured = enhanced_blood_pressure.decode(bytes.fromhex(vector["hex"]))
    details = measured.details
    sent = {
        "unit": details.unit.value,
        "systolic": measured.systolic,
        "diastolic": measured.diastolic,
        "mean": measured.mean,
        "timestamp": details.timestamp and details.timestamp.isoformat(),
        "pulse": details.pulse,
        "user": details.user,
        "status": details.status,
        "user_facing_time": details.user_facing_time and details.user_facing_time.isoformat(),
        "trailing": len(details.trailing),
    }
    expected = numbers(vector["fields"], "systolic", "diastolic", "mean", "pulse")
    assert only_sent(sent) == expected
    assert enhanced_blood_pressure.encode(measured).hex().upper() == vector["hex"]


@pytest.mark.parametrize("vector", BAD, ids=ident)
def test_short_payload_is_malformed(vector: Fields) -> None:
    with pytest.raises(MalformedPayload, match=r"too few for the timestamp \(bytes 7 to 10\)"):
        enhanced_blood_pressure.decode(bytes.fromhex(vector["hex"]))


def test_cuff_pressure_is_one_number() -> None:
    packet = enhanced_blood_pressure.decode_cuff_pressure(bytes.fromhex("44D7F04600"))
    assert str(packet.cuff_pressure) == "21.5"
    assert packet.details.pulse == 70
    assert enhanced_blood_pressure.encode_cuff_pressure(packet) == bytes.fromhex("44D7F04600")
    with pytest.raises(MalformedPayload, match="the cuff pressure"):
        enhanced_blood_pressure.decode_cuff_pressure(bytes.fromhex("44D7"))


def test_both_epochs() -> None:
    since_2000 = enhanced_blood_pressure.Details(timestamp_s=0)
    since_1900 = enhanced_blood_pressure.Details(timestamp_s=0xFFFF_FFFF, since_2000=False)
    assert since_2000.timestamp == datetime.fromisoformat("2000-01-01T00:00:00")
    assert since_1900.timestamp == datetime.fromisoformat("2036-02-07T06:28:15")


def test_user_255_is_nobody() -> None:
    assert enhanced_blood_pressure.Details(user=255).user_slot is None
    assert enhanced_blood_pressure.Details(user=3).user_slot == 3
