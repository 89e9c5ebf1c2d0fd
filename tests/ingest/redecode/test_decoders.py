"""The vectorised decoders say what the one-at-a-time decoder says, field by field, of any bytes."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.redecode.columns import NO_OFFSET, NONE, OUTCOMES, Columns
from ingest.redecode.decoders import DECODERS
from ingest.redecode.numbers import ABSENCES, Numbers, canonical, sfloat, units_of
from ingest.redecode.payloads import joined, ragged
from ingest.redecode.words import need_bytes, words
from schemas.errors import InvalidInput
from schemas.gatt import blood_pressure_record, glucose
from schemas.gatt.checksum import e2e_crc
from schemas.gatt.date_time import DateTime
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import Measurement, believable, measure, measure_segments
from schemas.gatt.number import decode_sfloat, exact
from schemas.gatt.quirks import BEURER_BM, QUIRKS, Quirk
from schemas.plausible import canonical_values, received_value
from schemas.reading import Quantity
from schemas.vitals import VITALS, Vital
from schemas.vitals import Quantity as Definition
from tests.ingest.redecode.encoded import CARRIED, ENCODED, WHOLE, headers, seals, segment, words16

VECTORS = Path(__file__).parents[2] / "vectors"
FILES = {
    "2a35": "blood_pressure",
    "2b34": "enhanced_blood_pressure",
    "2a18": "glucose",
    "2a34": "glucose_context",
    "2a9d": "weight",
    "2a5e": "oximetry",
    "2a1c": "temperature",
}
NOT_SHORT = {
    "the first or last segment": "its first or last segment is missing",
    "the measurement inside": " inside is no measurement",
}
TEXTS_OF_BYTES = ("trailing", "reported")

every_characteristic = pytest.mark.parametrize("characteristic", DECODERS)


def test_a_vectorised_decoder_is_of_a_vital() -> None:
    assert set(DECODERS) == {
        number for vital in VITALS.values() for number in vital.characteristics
    }
    assert set(ENCODED) == set(DECODERS)


@every_characteristic
@given(data=st.data())
def test_any_bytes_say_the_same_to_both(characteristic: str, data: st.DataObject) -> None:
    well_formed = ENCODED[characteristic]
    cut = st.tuples(well_formed, st.integers(0, 20)).map(lambda pair: pair[0][: pair[1]])
    payloads = data.draw(st.lists(well_formed | cut | st.binary(max_size=40), max_size=8))
    same(characteristic, payloads)


@pytest.mark.parametrize("characteristic", FILES)
def test_packets_of_real_devices_say_the_same_to_both(characteristic: str) -> None:
    packets = json.loads((VECTORS / f"{FILES[characteristic]}.json").read_text())
    same(characteristic, [bytes.fromhex(packet["hex"]) for packet in packets])


@pytest.mark.parametrize("characteristic", ["2a35", "2b36"])
@given(data=st.data(), gap=st.binary(max_size=5))
def test_payloads_may_lie_anywhere_in_their_buffer(
    characteristic: str, data: st.DataObject, gap: bytes
) -> None:
    payloads = data.draw(st.lists(ENCODED[characteristic], min_size=1, max_size=5))
    buffer = b""
    starts: list[int] = []
    for payload in reversed(payloads):
        starts.insert(0, len(buffer) + len(gap))
        buffer += gap + payload
    lengths = np.array([len(payload) for payload in payloads])
    scattered = DECODERS[characteristic](ragged(buffer, np.array(starts), lengths))
    compare(scattered, [believable(measure(characteristic, payload)) for payload in payloads])


@st.composite
def with_quirks(draw: st.DrawFn) -> tuple[bytes, int]:
    """Give a packet, often with the tail of Beurer's cuffs, of a device with any quirk or none."""
    payload = draw(ENCODED["2a35"])
    if draw(st.booleans()):
        payload = bytes((payload[0] & 0b1110_0111 | 0b1_0110, *payload[1:7], *bytes(7)))
        payload += draw(st.binary(min_size=4, max_size=6))
    return payload, draw(st.sampled_from([NONE, *range(len(QUIRKS))]))


@given(packets=st.lists(with_quirks(), max_size=6))
def test_quirks_say_the_same_to_both(packets: list[tuple[bytes, int]]) -> None:
    payloads = [payload for payload, _ in packets]
    places = [place for _, place in packets]
    columns = DECODERS["2a35"](joined(payloads), np.array(places, np.int32))
    quirks = [None if place == NONE else QUIRKS[place] for place in places]
    compare(
        columns, [measured_or_short("2a35", *pair) for pair in zip(payloads, quirks, strict=True)]
    )


@st.composite
def segments(draw: st.DrawFn) -> tuple[bytes, int]:
    """Give 0x2B36 of a device with any quirk or none: a whole record, or one with one fault."""
    fault = draw(st.sampled_from(["", "", "", "cut", "left over", "part", "inside", "no header"]))
    inside = draw(st.sampled_from(["2a18", "2b36", "0000"] if fault == "inside" else CARRIED))
    packet, place = draw(with_quirks())
    if inside == "2b34":
        packet = draw(ENCODED[inside])
    if fault == "cut":
        packet = packet[: draw(st.integers(0, 20))]
    if fault == "left over":
        packet += draw(st.binary(min_size=1, max_size=4))
    header = draw(headers) | (0 if fault == "part" else WHOLE)
    payload = segment(header, draw(words16), inside, packet, draw(seals))
    return payload[: draw(st.integers(0, 6))] if fault == "no header" else payload, place


@given(packets=st.lists(segments(), max_size=8))
def test_records_of_any_kind_say_the_same_to_both(packets: list[tuple[bytes, int]]) -> None:
    payloads = [payload for payload, _ in packets]
    places = [place for _, place in packets]
    columns = DECODERS["2b36"](joined(payloads), np.array(places, np.int32))
    quirks = [None if place == NONE else QUIRKS[place] for place in places]
    compare(
        columns, [measured_or_short("2b36", *pair) for pair in zip(payloads, quirks, strict=True)]
    )


def test_a_checksum_is_taken_for_one_only_where_the_packet_leaves_it_over() -> None:
    packet, longer = bytes.fromhex("468E005B006C0025C547314600"), bytes.fromhex("048E005B006C00")
    pulse = e2e_crc(segment(WHOLE, 7, "2b34", longer, None)).to_bytes(2, "little")
    beurer = bytes.fromhex("16780050006000EA07030E0705090048020004")
    payloads = [
        segment(WHOLE, 7, "2b34", packet, 0),
        segment(WHOLE, 7, "2b34", packet, 1),
        segment(WHOLE, 7, "2b34", longer + pulse, None),
        segment(WHOLE, 7, "2b34", packet + b"\0", 0),
        segment(WHOLE, 7, "2a35", beurer, 0),
        segment(WHOLE, 7, "2a35", beurer, 0),
    ]
    places = np.array([*[NONE] * 4, QUIRKS.index(BEURER_BM), NONE], np.int32)
    columns = DECODERS["2b36"](joined(payloads), places)
    assert columns.complete.all()
    assert columns.trailing.tolist() == [0, 2, 0, 3, 0, 3]
    assert columns.record_number.tolist() == [7] * len(payloads)
    assert columns.user_slot.tolist() == [NONE] * 4 + [2, NONE]


def test_the_segments_of_one_record_are_stored_as_a_whole_one() -> None:
    packet = bytes.fromhex("468E005B006C0025C547314600")
    record = blood_pressure_record.Record(sequence=7, characteristic=0x2B34, payload=packet)
    parts = blood_pressure_record.split(record, 5, checksum=True, counter=62)
    came = measure_segments([blood_pressure_record.encode_segment(part) for part in parts])
    compare(DECODERS["2b36"](joined([blood_pressure_record.whole(record)])), [believable(came)])


def test_a_beurers_pulse_user_and_status_are_read_in_its_own_order() -> None:
    packet = bytes.fromhex("16780050006000EA07030E0705090048020004")
    places = np.array([QUIRKS.index(BEURER_BM), NONE], np.int32)
    columns = DECODERS["2a35"](joined([packet, packet]), places)
    assert columns.quantities["pulse"].mantissa[0] == 0x48
    assert ABSENCES[columns.quantities["pulse"].absent[1]] == "unknown"
    assert columns.user_slot.tolist() == [2, NONE]
    assert columns.status.tolist() == [4, NONE]


def same(characteristic: str, payloads: list[bytes]) -> None:
    columns = DECODERS[characteristic](joined(payloads))
    compare(columns, [measured_or_short(characteristic, payload) for payload in payloads])


def measured_or_short(
    characteristic: str, payload: bytes, quirk: Quirk | None = None
) -> Measurement | str:
    try:
        return believable(measure(characteristic, payload, quirk=quirk))
    except MalformedPayload as error:
        return error.detail


def compare(columns: Columns, expected: list[Measurement | str]) -> None:
    """Hold every column against the measurement, or the reason why there is none."""
    assert len(columns.complete) == len(expected)
    written, place = words(columns)
    needy = need_bytes(columns)
    values = {
        name: canonical(numbers, definition(columns.vital, name))
        for name, numbers in columns.quantities.items()
    }
    for row, measurement in enumerate(expected):
        if isinstance(measurement, str):
            assert not columns.complete[row]
            missing = columns.fields[columns.missing[row]]
            assert NOT_SHORT.get(missing, f" too few for {missing} (byte") in measurement
            continue
        assert columns.complete[row]
        assert columns.vital is measurement.vital
        assert quantities(columns, row) == measurement.quantities
        stored = stored_values(measurement)
        if stored is not None:
            assert {name: nan_as_none(values[name][row]) for name in values} == stored
        assert OUTCOMES[columns.outcome[row]] == measurement.outcome
        assert none_if(columns.user_slot[row], NONE) == measurement.user_slot
        assert none_if(columns.record_number[row], NONE) == measurement.record_number
        compare_stamp(columns, row, measurement)
        attributes = dict(measurement.attributes)
        assert columns.trailing[row] == len(attributes.get("trailing", "")) // 2
        assert bool(needy[row]) == any(name in attributes for name in TEXTS_OF_BYTES)
        kept = {name: text for name, text in attributes.items() if name not in TEXTS_OF_BYTES}
        assert written[place[row]] == (measurement.status, kept)


def compare_stamp(columns: Columns, row: int, measurement: Measurement) -> None:
    recorded, stamp = columns.recorded, measurement.stamp
    if recorded is None or not recorded.sent[row]:
        assert stamp is None
        return
    assert stamp is not None
    parts = (
        recorded.year,
        recorded.month,
        recorded.day,
        recorded.hour,
        recorded.minute,
        recorded.second,
    )
    said = DateTime(*(int(part[row]) for part in parts))
    assert said == stamp.recorded
    assert none_if(columns.offset_min[row], NO_OFFSET) == stamp.offset_min
    assert bool(columns.fault[row]) == stamp.fault


def quantities(columns: Columns, row: int) -> dict[str, Quantity]:
    return {
        name: quantity(numbers, row, definition(columns.vital, name))
        for name, numbers in columns.quantities.items()
    }


def quantity(numbers: Numbers, row: int, of: Definition) -> Quantity:
    unit = units_of(of)[numbers.unit[row]]
    if numbers.absent[row]:
        return Quantity(unit, absent=ABSENCES[numbers.absent[row]])
    value = exact(int(numbers.mantissa[row]), int(numbers.exponent[row]))
    return Quantity(unit, f"{value:f}")


def stored_values(measurement: Measurement) -> Mapping[str, float | None] | None:
    """Give what the sink stores, None for a measurement that it would refuse."""
    try:
        values = canonical_values(measurement.vital, measurement.quantities)
    except InvalidInput:
        return None
    return {
        name: float(values[name]) if name in values else None for name in measurement.quantities
    }


def definition(vital: Vital, name: str) -> Definition:
    found = vital.quantity(name)
    assert found is not None
    return found


def none_if(value: int, sentinel: int) -> int | None:
    return None if value == sentinel else int(value)


def nan_as_none(value: float) -> float | None:
    return None if math.isnan(value) else value


EVERY_WORD = np.arange(1 << 16, dtype=np.uint16)
PRESSURE = definition(VITALS["blood_pressure"], "systolic")
GLUCOSE = definition(VITALS["glucose"], "glucose")


@pytest.mark.parametrize(
    ("of", "unit", "power"),
    [(PRESSURE, 0, 0), (PRESSURE, 1, 0), (GLUCOSE, 0, 5), (GLUCOSE, 1, 3)],
    ids=["mmHg", "kPa", "mg/dL", "mmol/L"],
)
def test_each_number_is_rounded_once_from_the_exact_one(
    of: Definition, unit: int, power: int
) -> None:
    numbers = sfloat(EVERY_WORD, np.full(1 << 16, unit, np.uint8), power)
    conversion = of.conversion(units_of(of)[unit])
    assert conversion is not None
    for word, value in zip(EVERY_WORD.tolist(), canonical(numbers, of).tolist(), strict=True):
        number = decode_sfloat(word.to_bytes(2, "little"))
        if isinstance(number, Decimal):
            received = received_value(f"{number.scaleb(power):f}")
            assert value == float(conversion.canonical(received))
        else:
            assert math.isnan(value)


def test_what_the_meter_shows_as_180_is_180() -> None:
    shown = glucose.GlucoseMeasurement(
        sequence=1,
        base_time=DateTime(2026, 3, 14, 7, 5, 9),
        concentration=Decimal("0.00180"),
        sample_type=glucose.SampleType.CAPILLARY_PLASMA,
        sample_location=glucose.SampleLocation.FINGER,
    )
    columns = DECODERS["2a18"](joined([glucose.encode(shown)]))
    assert canonical(columns.quantities["glucose"], GLUCOSE).tolist() == [180.0]


@pytest.mark.parametrize("flags", [0, 1], ids=["SI", "imperial"])
def test_steps_are_written_without_zeros_at_their_end(flags: int) -> None:
    round_counts = [*range(0, 1 << 16, 100), 0xFFFF]
    same("2a9d", [bytes((flags, *count.to_bytes(2, "little"))) for count in round_counts])
