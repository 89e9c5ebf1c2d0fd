"""How the records of each kind of memory are numbered, and how long a memory may take."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from msgspec.structs import replace

from bench.virtual_time import VirtualLoop
from gateway.bluetooth.link import Link
from gateway.bluetooth.meter import (
    BLOOD_PRESSURE_MEMORY,
    GLUCOSE_MEMORY,
    Memory,
    MeterVisit,
    Numbered,
)
from gateway.record_access.cursor import Cursor
from gateway.record_access.dialogue import ATTEMPTS_MAX, PROCEDURE_TIMEOUT_S, Dialogue, Outcome
from schemas.gatt import blood_pressure_record, racp, uuids
from schemas.gatt.blood_pressure_record import Record
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.racp import ResponseCode, ResponseValue
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


class SimpleMeter:
    """A link to one that knows nothing but "all", and answers each time with the next list."""

    def __init__(self, records: int, *answers: list[bytes], every_s: float = 0.0) -> None:
        self._records, self._answers, self._every_s = records, list(answers), every_s
        self._listeners: dict[int, Callable[[bytes], None]] = {}
        self.listened_to: list[set[int]] = []  # at each request

    def has(self, _number: int) -> bool:
        return True

    async def subscribe(self, number: int, notified: Callable[[bytes], None]) -> None:
        self._listeners[number] = notified

    async def write(self, number: int, payload: bytes) -> None:
        self.listened_to.append(set(self._listeners))
        request, loop = racp.decode_request(payload), asyncio.get_running_loop()
        value, after_s = ResponseValue.OPERATOR_NOT_SUPPORTED, 0.0
        if request == racp.REPORT_ALL:
            value = ResponseValue.SUCCESS
            for record in self._answers.pop(0):
                after_s += self._every_s
                loop.call_later(after_s, self._listeners[self._records], record)
        answer = racp.encode_response(ResponseCode(request.opcode, value))
        loop.call_later(after_s, self._listeners[number], answer)


def visited(meter: SimpleMeter, memory: Memory) -> tuple[Dialogue, list[bytes]]:
    """Read all of it in virtual time; give the dialogue, and what came."""
    captured: list[bytes] = []
    dialogue = Dialogue(None)

    def capture(_number: int, payload: bytes, *, newest: bool = False) -> None:
        assert not newest  # it never said which is its last
        captured.append(payload)

    visit = MeterVisit(cast("Link", meter), dialogue, capture, memory)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(visit.run()) is Outcome.COMPLETE
    return dialogue, captured


def test_each_record_begins_the_procedure_timeout_anew() -> None:
    """A long history takes longer than a meter may be silent."""
    records = [meter_payload(number) for number in range(1, 5)]
    meter = SimpleMeter(uuids.GLUCOSE_MEASUREMENT, records, every_s=PROCEDURE_TIMEOUT_S - 1)
    dialogue, captured = visited(meter, GLUCOSE_MEMORY)
    assert captured == records
    assert dialogue.reached == Cursor.at(4, records[-1], held=4, complete=True)


def test_everything_is_listened_to_before_anything_is_asked() -> None:
    """A meter refuses a request before, or sends what nobody hears."""
    meter = SimpleMeter(uuids.GLUCOSE_MEASUREMENT, [meter_payload(1)])
    visited(meter, GLUCOSE_MEMORY)
    all_of_it = {
        uuids.GLUCOSE_MEASUREMENT,
        uuids.GLUCOSE_MEASUREMENT_CONTEXT,
        uuids.RECORD_ACCESS_CONTROL_POINT,
    }
    assert meter.listened_to == [all_of_it] * 3


def in_parts(number: int) -> list[bytes]:
    record = Record(sequence=number, characteristic=0x2A35, payload=cuff_payload())
    parts = blood_pressure_record.split(record, part_size=5, checksum=False)
    return [blood_pressure_record.encode_segment(part) for part in parts]


@pytest.mark.parametrize("losses", range(ATTEMPTS_MAX + 1))
def test_a_record_that_lacks_a_part_is_asked_for_again(losses: int) -> None:
    """Nobody counted, so nothing else would show it. One that never comes whole holds up nobody."""
    before, (first, _, last), behind = in_parts(1), in_parts(2), in_parts(3)
    lost = [*before, first, last, *behind]
    whole = [*before, *in_parts(2), *behind]
    asked = min(losses + 1, ATTEMPTS_MAX)
    answers = [*[lost] * losses, whole][:asked]
    meter = SimpleMeter(uuids.BLOOD_PRESSURE_RECORD, *answers)
    dialogue, captured = visited(meter, BLOOD_PRESSURE_MEMORY)
    assert captured == [payload for answer in answers for payload in answer]
    assert dialogue.reached is not None
    assert dialogue.reached.last == 3
    assert dialogue.reached.held == (3 if losses < ATTEMPTS_MAX else 2)


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
