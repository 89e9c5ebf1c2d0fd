"""How the records of each kind of memory are numbered."""

import pytest
from msgspec.structs import replace

from gateway.bluetooth.meter import BLOOD_PRESSURE_MEMORY, GLUCOSE_MEMORY, Numbered
from schemas.gatt import blood_pressure_record
from schemas.gatt.blood_pressure_record import Record
from schemas.gatt.errors import MalformedPayload
from simulators.peripherals.models import STORING_CUFFS
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS
from tests.gateway.bluetooth.side import BluetoothSide
from tests.gateway.records import cuff_payload, meter_payload

CONTEXT_FOLLOWS = 1 << 4


def test_a_glucose_record_tells_its_number_and_whether_a_context_follows() -> None:
    payload = meter_payload(300)
    number = GLUCOSE_MEMORY.numbering()
    assert number(payload) == Numbered(300, payload)
    promising = bytes((payload[0] | CONTEXT_FOLLOWS,)) + payload[1:]
    assert number(promising) == Numbered(300, promising, promises_context=True)


def test_a_blood_pressure_record_counts_when_its_last_segment_is_there() -> None:
    record = Record(sequence=300, characteristic=0x2A35, payload=cuff_payload())
    segments = blood_pressure_record.split(record, part_size=8, checksum=False)
    *before, last = [blood_pressure_record.encode_segment(segment) for segment in segments]
    assert len(before) > 0
    again = blood_pressure_record.encode_segment(replace(segments[-1], counter=63))
    number = BLOOD_PRESSURE_MEMORY.numbering()
    content = b"\x2a\x35" + record.payload
    for payload in before:
        with pytest.raises(MalformedPayload, match="more segments follow"):
            number(payload)
    assert number(last) == Numbered(300, content)
    for payload in (*before, again):
        with pytest.raises(MalformedPayload, match="one is missing"):
            number(payload)
    anew = blood_pressure_record.split(record, part_size=13, checksum=True, counter=63)
    first, last = map(blood_pressure_record.encode_segment, anew)
    with pytest.raises(MalformedPayload):
        number(first)
    assert number(last) == Numbered(300, content)


def test_a_record_that_lacks_a_segment_does_not_count() -> None:
    """The cursor would pass it, and nobody would ask for it again."""
    record = Record(sequence=300, characteristic=0x2A35, payload=cuff_payload())
    first, _lost, last = map(
        blood_pressure_record.encode_segment,
        blood_pressure_record.split(record, part_size=5, checksum=False),
    )
    number = BLOOD_PRESSURE_MEMORY.numbering()
    for payload in (first, last, last):
        with pytest.raises(MalformedPayload, match="one is missing"):
            number(payload)


def test_records_that_end_alike_differ() -> None:
    number = BLOOD_PRESSURE_MEMORY.numbering()
    found = []
    for systolic in (120, 180):
        record = Record(sequence=300, characteristic=0x2A35, payload=bytes((systolic, 0)))
        first, last = blood_pressure_record.split(record, part_size=1, checksum=False)
        assert last.part == b"\0"
        with pytest.raises(MalformedPayload):
            number(blood_pressure_record.encode_segment(first))
        found.append(number(blood_pressure_record.encode_segment(last)))
    assert found[0] != found[1]


def test_a_record_without_its_first_segment_does_not_count() -> None:
    record = Record(sequence=300, characteristic=0x2A35, payload=cuff_payload())
    first, *_, last = map(
        blood_pressure_record.encode_segment,
        blood_pressure_record.split(record, part_size=8, checksum=False),
    )
    other = replace(blood_pressure_record.decode_segment(last), sequence=301)
    number = BLOOD_PRESSURE_MEMORY.numbering()
    with pytest.raises(MalformedPayload, match="one is missing"):
        number(last)
    with pytest.raises(MalformedPayload, match="more segments follow"):
        number(first)
    with pytest.raises(MalformedPayload, match="one is missing"):
        number(blood_pressure_record.encode_segment(other))


async def test_a_cuff_that_keeps_records_is_asked_like_a_meter(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    cuff = STORING_CUFFS["stores-records"].build(CUFF_ADDRESS, CLOCK)
    await world.add(cuff, bonded=True)
    first = [cuff.take(120 + number, 80, 70).measurement for number in range(3)]
    await side.visited(1)
    assert sorted(side.payloads) == sorted(first)
    cursor = side.journal.devices.cursor(CUFF_ADDRESS)
    assert cursor is not None
    assert (cursor.last, cursor.held, cursor.complete) == (3, 3, True)
    newer = cuff.take(130, 80, 70).measurement
    await side.visited(2)
    assert side.payloads[3:] == [newer, first[-1]]
