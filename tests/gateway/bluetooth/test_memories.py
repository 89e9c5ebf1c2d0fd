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
    assert GLUCOSE_MEMORY.number(payload) == Numbered(300, payload)
    promising = bytes((payload[0] | CONTEXT_FOLLOWS,)) + payload[1:]
    assert GLUCOSE_MEMORY.number(promising) == Numbered(300, promising, promises_context=True)


def test_a_blood_pressure_record_counts_when_its_last_segment_is_there() -> None:
    record = Record(sequence=300, characteristic=0x2A35, payload=cuff_payload())
    segments = blood_pressure_record.split(record, part_size=8, checksum=False)
    *before, last = [blood_pressure_record.encode_segment(segment) for segment in segments]
    assert len(before) > 0
    for payload in before:
        with pytest.raises(MalformedPayload):
            BLOOD_PRESSURE_MEMORY.number(payload)
    again = blood_pressure_record.encode_segment(replace(segments[-1], counter=63))
    assert BLOOD_PRESSURE_MEMORY.number(last) == BLOOD_PRESSURE_MEMORY.number(again)
    assert BLOOD_PRESSURE_MEMORY.number(last) == Numbered(300, segments[-1].part)


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
