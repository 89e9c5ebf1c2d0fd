import pytest

from schemas.gatt import thermometer
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.thermometer import TemperatureType
from tests.schemas.gatt.vectors import Fields, ident, load, numbers, only_sent, stamp

GOOD, BAD = load("temperature")


@pytest.mark.parametrize("vector", GOOD, ids=ident)
def test_vector_says_what_its_flags_say(vector: Fields) -> None:
    measured = thermometer.decode(bytes.fromhex(vector["hex"]))
    sent = {
        "unit": measured.unit.value,
        "temperature": measured.temperature,
        "timestamp": stamp(measured.timestamp),
        "type": measured.type,
        "trailing": len(measured.trailing),
    }
    assert only_sent(sent) == numbers(vector["fields"], "temperature")
    assert thermometer.encode(measured).hex().upper() == vector["hex"]


@pytest.mark.parametrize("vector", BAD, ids=ident)
def test_short_payload_is_malformed(vector: Fields) -> None:
    with pytest.raises(MalformedPayload, match=r"too few for the timestamp \(bytes 5 to 11\)"):
        thermometer.decode(bytes.fromhex(vector["hex"]))


def test_the_precision_of_the_wire_is_kept() -> None:
    assert str(thermometer.decode(bytes.fromhex("00840300FF")).temperature) == "90.0"
    assert str(thermometer.decode(bytes.fromhex("005A000000")).temperature) == "90"


def test_places_are_open_codes() -> None:
    assert thermometer.decode_type(b"\x06") is TemperatureType.MOUTH
    assert thermometer.decode_type(b"\x0a").label == "code-10"
    assert thermometer.encode_type(TemperatureType.MOUTH) == b"\x06"
    with pytest.raises(MalformedPayload):
        thermometer.decode_type(b"")
