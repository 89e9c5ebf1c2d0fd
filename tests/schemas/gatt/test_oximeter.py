from decimal import Decimal

import pytest

from schemas.gatt import oximeter
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.oximeter import Ability, MeasurementStatus, SensorStatus
from tests.schemas.gatt.vectors import Fields, ident, load, numbers, only_sent, stamp

GOOD, BAD = load("oximetry")


@pytest.mark.parametrize("vector", GOOD, ids=ident)
def test_vector_says_what_its_flags_say(vector: Fields) -> None:
    measured = oximeter.decode(bytes.fromhex(vector["hex"]))
    sent = {
        "spo2": measured.spo2_percent,
        "pulse_rate": measured.pulse_rate,
        "timestamp": stamp(measured.timestamp),
        "measurement_status": measured.measurement_status,
        "sensor_status": measured.sensor_status,
        "amplitude": measured.pulse_amplitude_percent,
        "clock_not_set": measured.clock_not_set or None,
        "trailing": len(measured.trailing),
    }
    assert only_sent(sent) == numbers(vector["fields"], "spo2", "pulse_rate", "amplitude")
    assert oximeter.encode(measured).hex().upper() == vector["hex"]


@pytest.mark.parametrize("vector", BAD, ids=ident)
def test_short_payload_is_malformed(vector: Fields) -> None:
    with pytest.raises(MalformedPayload, match=r"too few for the pulse rate \(bytes 3 to 4\)"):
        oximeter.decode(bytes.fromhex(vector["hex"]))


def test_status_names() -> None:
    measured = oximeter.decode(bytes.fromhex("065F003C000043200800"))
    assert measured.measurement_status is not None
    assert measured.measurement_status.labels == (
        "fully-qualified",
        "from-storage",
        "questionable-measurement",
    )
    assert measured.sensor_status is not None
    assert measured.sensor_status.labels == ("low-perfusion", "sensor-unconnected-to-user")
    assert SensorStatus(1 << 20).labels == ("bit-20",)


def test_stream_with_everything() -> None:
    payload = bytes.fromhex("1F61004800600047006200490000012000000EF0")
    stream = oximeter.decode_continuous(payload)
    assert stream.normal == oximeter.Pair(Decimal(97), Decimal(72))
    assert stream.fast == oximeter.Pair(Decimal(96), Decimal(71))
    assert stream.slow == oximeter.Pair(Decimal(98), Decimal(73))
    assert stream.measurement_status is MeasurementStatus.FULLY_QUALIFIED
    assert stream.sensor_status is SensorStatus.LOW_PERFUSION
    assert str(stream.pulse_amplitude_percent) == "1.4"
    assert oximeter.encode_continuous(stream) == payload


def test_features_tell_which_status_bits_can_be_set() -> None:
    features = oximeter.decode_features(bytes.fromhex("8F0020EFFF0000"))
    assert Ability.MULTIPLE_BONDS in features.abilities
    assert features.measurement_status == MeasurementStatus(0xEF20)
    assert features.sensor_status == SensorStatus(0xFF)
    with pytest.raises(MalformedPayload, match=r"the device and sensor status \(bytes 4 to 6\)"):
        oximeter.decode_features(bytes.fromhex("0300FFFF00"))
