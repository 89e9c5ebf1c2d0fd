from decimal import Decimal

import pytest

from schemas.gatt import weight
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.number import Absent
from schemas.gatt.weight import Ability, HeightResolution, System, WeightResolution
from tests.schemas.gatt.vectors import Fields, ident, load, numbers, only_sent, stamp

GOOD, BAD = load("weight")


@pytest.mark.parametrize("vector", GOOD, ids=ident)
def test_vector_says_what_its_flags_say(vector: Fields) -> None:
    measured = weight.decode(bytes.fromhex(vector["hex"]))
    body = measured.body
    sent = {
        "system": measured.system.value,
        "weight": measured.weight,
        "timestamp": stamp(measured.timestamp),
        "user": measured.user,
        "mass_index": body and body.mass_index,
        "height": body and body.height,
        "trailing": len(measured.trailing),
    }
    expected = numbers(vector["fields"], "weight", "mass_index", "height")
    assert only_sent(sent) == expected
    assert weight.encode(measured).hex().upper() == vector["hex"]


@pytest.mark.parametrize("vector", BAD, ids=ident)
def test_short_payload_is_malformed(vector: Fields) -> None:
    with pytest.raises(MalformedPayload, match=r"weight measurement: .* too few for the weight "):
        weight.decode(bytes.fromhex(vector["hex"]))


def test_steps_of_five_grams_stay_decimal() -> None:
    assert str(weight.decode(bytes.fromhex("000100")).weight) == "0.005"
    assert str(weight.decode(bytes.fromhex("00FEFF")).weight) == "327.670"


def test_ffff_is_a_failed_measurement_and_no_weight() -> None:
    assert weight.decode(bytes.fromhex("00FFFF")).weight is Absent.ERROR


def test_user_255_is_nobody() -> None:
    assert weight.decode(bytes.fromhex("047841FF")).user_slot is None
    assert weight.decode(bytes.fromhex("04784102")).user_slot == 2


@pytest.mark.parametrize("value", ["0.001", "327.675", "400", "-1"])
def test_no_scale_can_send_what_lies_between_or_beyond_its_steps(value: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be sent|not a whole number of steps"):
        weight.encode(weight.WeightMeasurement(system=System.SI, weight=Decimal(value)))


def test_feature_bits_and_resolutions() -> None:
    feature = weight.decode_feature(bytes.fromhex("BF010000"))
    assert feature.abilities == (
        Ability.TIMESTAMP | Ability.MULTIPLE_USERS | Ability.BODY_MASS_INDEX
    )
    assert feature.weight_resolution is WeightResolution.FIVE_GRAMS_OR_HUNDREDTH_LB
    assert feature.height_resolution is HeightResolution.MILLIMETRE_OR_TENTH_INCH
    assert weight.encode_feature(feature) == bytes.fromhex("BF010000")
    with pytest.raises(MalformedPayload):
        weight.decode_feature(bytes(3))
