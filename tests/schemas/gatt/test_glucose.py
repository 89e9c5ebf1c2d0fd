import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.gatt import glucose
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.glucose import (
    Beyond,
    DisplayUnit,
    Feature,
    GlucoseMeasurement,
    OffsetUnknown,
    SampleLocation,
    SampleType,
    Status,
)
from schemas.gatt.number import Absent, Number

Fields = dict[str, Any]

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "glucose.json").read_text())


def decoded(vector_id: str) -> GlucoseMeasurement:
    vector = next(vector for vector in VECTORS if vector["id"] == vector_id)
    return glucose.decode(bytes.fromhex(vector["hex"]))


def number(text: str) -> Number:
    return Absent(text) if text in {absent.value for absent in Absent} else Decimal(text)


def expected(fields: Fields) -> Fields:
    return {
        name: number(value) if name == "concentration" else value for name, value in fields.items()
    }


def sent(measurement: GlucoseMeasurement) -> Fields:
    """Lay out a record as the vectors do: only what the flags announced, codes raw."""
    base = measurement.base_time
    offset = measurement.time_offset_min
    present = measurement.concentration is not None
    optional = {
        "time_offset_min": offset.value if isinstance(offset, OffsetUnknown) else offset,
        "unit": measurement.unit.value if present else None,
        "concentration": measurement.concentration,
        "sample_type": measurement.sample_type,
        "sample_location": measurement.sample_location,
        "status": None if measurement.status is None else measurement.status.value,
    }
    return {
        "sequence": measurement.sequence,
        "base_time": [base.year, base.month, base.day, base.hour, base.minute, base.second],
        "context_follows": measurement.context_follows,
        "trailing": len(measurement.trailing),
    } | {name: value for name, value in optional.items() if value is not None}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_vector_says_what_its_flags_say(vector: Fields) -> None:
    measurement = glucose.decode(bytes.fromhex(vector["hex"]))
    assert sent(measurement) == expected(vector["fields"])
    assert glucose.encode(measurement).hex().upper() == vector["hex"]


@pytest.mark.parametrize(
    ("vector_id", "value", "unit"),
    [
        ("G1", "111", DisplayUnit.MG_PER_DL),
        ("G2", "120", DisplayUnit.MG_PER_DL),
        ("G3", "5.9", DisplayUnit.MMOL_PER_L),
        ("G5", "3.0E+6", DisplayUnit.MG_PER_DL),
        ("G11", "112", DisplayUnit.MG_PER_DL),
        ("G13a", "48", DisplayUnit.MG_PER_DL),
        ("G13b", "102", DisplayUnit.MG_PER_DL),
        ("G17", "145", DisplayUnit.MG_PER_DL),
    ],
)
def test_concentration_as_people_read_it(vector_id: str, value: str, unit: DisplayUnit) -> None:
    displayed = decoded(vector_id).displayed
    assert displayed is not None
    assert (str(displayed.value), displayed.unit) == (value, unit)


@pytest.mark.parametrize("vector_id", ["G7", "G16"])
def test_a_record_without_concentration_displays_nothing(vector_id: str) -> None:
    assert decoded(vector_id).displayed is None
    assert decoded(vector_id).beyond is None


@pytest.mark.parametrize(
    ("vector_id", "beyond"),
    [("G8", Beyond.ABOVE), ("G9", Beyond.BELOW), ("G10", Beyond.ABOVE), ("G2", None)],
)
def test_hi_and_lo(vector_id: str, beyond: Beyond | None) -> None:
    assert decoded(vector_id).beyond is beyond


@pytest.mark.parametrize(
    ("status", "beyond"),
    [
        (Status.RESULT_ABOVE_RANGE, Beyond.ABOVE),
        (Status.RESULT_BELOW_RANGE, Beyond.BELOW),
        (Status.RESULT_ABOVE_RANGE | Status.RESULT_BELOW_RANGE, Beyond.BELOW),
        (Status.BATTERY_LOW, None),
    ],
)
def test_status_alone_says_hi_or_lo(status: Status, beyond: Beyond | None) -> None:
    for vector_id in ("G2", "G16"):  # with a number beside it, and without any concentration
        assert replace(decoded(vector_id), status=status).beyond is beyond


def test_who_says_hi_and_lo_is_taken_for_lo_and_told_to_have_said_both() -> None:
    both = Status.RESULT_ABOVE_RANGE | Status.RESULT_BELOW_RANGE
    for vector_id, status in (
        ("G9", Status.RESULT_ABOVE_RANGE),
        ("G8", Status.RESULT_BELOW_RANGE),
        ("G2", both),
        ("G16", both),
    ):
        record = replace(decoded(vector_id), status=status | Status.BATTERY_LOW)
        assert record.beyond is Beyond.BELOW
        assert record.told == both | Status.BATTERY_LOW
        assert record.status == status | Status.BATTERY_LOW  # what it sent
    for vector_id in ("G8", "G9", "G10", "G2"):
        assert decoded(vector_id).told == decoded(vector_id).status


@pytest.mark.parametrize(
    ("vector_id", "user_time"),
    [
        ("G1", datetime.fromisoformat("2024-01-30T11:37:27")),
        ("G2", datetime.fromisoformat("2020-04-13T16:38:10")),
        ("G3", datetime.fromisoformat("2019-08-21T09:31:13")),
        ("G5", datetime.fromisoformat("2019-02-27T11:05:30")),
        ("G7", datetime.fromisoformat("2020-05-21T10:30:45")),
        ("G14", None),  # overrun: adding 32767 minutes would give a false 2026-04-06
    ],
)
def test_the_offset_is_added(vector_id: str, user_time: datetime | None) -> None:
    assert decoded(vector_id).user_time == user_time


def test_an_offset_beyond_the_calendar_gives_no_time() -> None:
    payload = bytes.fromhex("010100" + "0F270C1F173B3B" + "FE7F")  # 9999-12-31 23:59:59 + 32766
    assert glucose.decode(payload).user_time is None


def test_underrun_is_named() -> None:
    payload = bytes.fromhex("010100" + "EA07030E080000" + "0080")
    assert glucose.decode(payload).time_offset_min is OffsetUnknown.UNDERRUN


def test_type_is_the_low_nibble_and_location_the_high_one() -> None:
    measurement = decoded("G1")
    assert measurement.sample_type is SampleType.UNDETERMINED_PLASMA
    assert measurement.sample_location is SampleLocation.NOT_AVAILABLE


def test_unknown_type_and_location_are_values() -> None:
    measurement = glucose.decode(bytes.fromhex("020A00EA07030E08000070B09C"))
    assert measurement.sample_type is SampleType(12)
    assert (SampleType(12).name, SampleType(12).label) == ("CODE_12", "code-12")
    assert measurement.sample_location == 9


@pytest.mark.parametrize("sample", ["4A", "1A", "41"])
def test_control_solution_by_type_or_by_location(sample: str) -> None:
    payload = bytes.fromhex("020A00EA07030E08000070B0" + sample)
    assert glucose.decode(payload).control_solution


def test_a_finger_is_no_control_solution() -> None:
    assert not decoded("G13a").control_solution
    assert not decoded("G7").control_solution


def test_time_fault_is_named() -> None:
    status = decoded("G17").status
    assert status is not None
    assert status.labels == ("time-fault",)


def test_every_cut_is_malformed() -> None:
    payload = bytes.fromhex("1B0F00E807011E053A1B53016FB0F80000")
    for length in range(len(payload)):
        with pytest.raises(MalformedPayload, match="glucose measurement"):
            glucose.decode(payload[:length])


def test_half_a_sample_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="sample type"):
        glucose.encode(replace(decoded("G2"), sample_location=None))


def test_feature_bits_have_other_numbers_than_status_bits() -> None:
    feature = glucose.decode_feature(bytes.fromhex("6000"))
    assert feature == Feature.RESULT_RANGE_DETECTION | Feature.TEMPERATURE_DETECTION
    assert glucose.encode_feature(feature) == bytes.fromhex("6000")
