"""The checks that a fuzzer runs millions of times catch what they are for."""

import json
from pathlib import Path

import pytest

from bench.fuzz.targets import MEASURE, check_codec, seeds, targets
from schemas.gatt import date_time, glucose
from schemas.gatt.errors import MalformedPayload

VECTORS = Path(__file__).parents[1] / "vectors"
GLUCOSE = [
    bytes.fromhex(packet["hex"]) for packet in json.loads((VECTORS / "glucose.json").read_text())
]


def test_every_codec_is_a_target() -> None:
    found = targets()
    assert {"glucose.decode", "glucose.decode_feature", "racp.decode_response"} <= found.keys()
    assert {"number.decode_sfloat", "date_time.decode", MEASURE} <= found.keys()
    assert not [name for name in found if name.startswith(("octets", "layout"))]


@pytest.mark.parametrize("target", targets())
def test_the_seeds_pass_every_check(target: str) -> None:
    inputs = list(seeds(GLUCOSE, target))
    assert set(GLUCOSE) <= set(inputs) or target == MEASURE
    for octets in [b"", *inputs]:
        targets()[target](octets)


def test_an_exception_that_nobody_declared_is_a_finding() -> None:
    check = check_codec(lambda payload: payload[0], lambda value: bytes((value,)))
    check(b"\x01")
    with pytest.raises(IndexError):
        check(b"")


def test_what_is_written_differently_is_a_finding() -> None:
    def forgetful(measurement: glucose.GlucoseMeasurement) -> bytes:
        return glucose.encode(measurement).replace(b"\x07", b"\x08")

    with pytest.raises(AssertionError):
        check_codec(glucose.decode, forgetful)(GLUCOSE[-1])


def test_a_malformed_payload_is_none() -> None:
    with pytest.raises(MalformedPayload):
        date_time.decode(b"")
    check_codec(date_time.decode, date_time.encode)(b"")
