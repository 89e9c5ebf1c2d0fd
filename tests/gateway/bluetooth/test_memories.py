"""How the records of each kind of memory are numbered."""

from functools import partial
from itertools import chain

import pytest
from msgspec.structs import replace

from gateway.bluetooth.meter import BLOOD_PRESSURE_MEMORY, GLUCOSE_MEMORY, Numbered
from gateway.decode import decode
from schemas.gatt import blood_pressure_record
from schemas.gatt.blood_pressure_record import Record
from schemas.gatt.errors import MalformedPayload
from schemas.reading import Part, Reading
from simulators.peripherals import DropLink
from simulators.peripherals.models import STORING_CUFFS
from simulators.peripherals.records import Record as Stored
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, eventually
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


async def test_a_record_in_segments_counts_once(world: BluetoothWorld, side: BluetoothSide) -> None:
    cuff = STORING_CUFFS["stores-records-in-segments"].build(CUFF_ADDRESS, CLOCK)
    await world.add(cuff, bonded=True)
    taken = [cuff.take(120 + number, 80, 70) for number in range(3)]
    await side.visited(1)
    # Segments make a record in their order only, so the last one's are written twice.
    assert side.payloads == list(chain.from_iterable(map(segments_of, (taken[2], *taken))))
    cursor = side.journal.devices.cursor(CUFF_ADDRESS)
    assert cursor is not None
    assert (cursor.last, cursor.held, cursor.complete) == (3, 3, True)
    found = readings(side)
    assert [reading.quantities["systolic"].value for reading in found] == ["122", "120", "121"]
    assert [reading.session_newest for reading in found] == [True, False, False]
    taken.append(cuff.take(130, 80, 70))
    await side.visited(2)
    read = taken[3], taken[2], taken[3]
    assert side.payloads[12:] == list(chain.from_iterable(map(segments_of, read)))
    assert [reading.quantities["systolic"].value for reading in readings(side)[3:]] == [
        "130",
        "122",
    ]


async def test_a_record_that_is_cut_and_counted_anew_each_time_is_one_reading(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    cuff = STORING_CUFFS["cuts-records-anew"].build(CUFF_ADDRESS, CLOCK)
    await world.add(cuff, bonded=True)
    cuff.inject(DropLink(after=1, notifications=1))
    for number in range(3):
        cuff.take(120 + number, 80, 70)
    await side.visited(2)
    cuff.take(130, 80, 70)
    await side.visited(3)
    cursor = side.journal.devices.cursor(CUFF_ADDRESS)
    assert cursor is not None
    assert (cursor.last, cursor.held, cursor.complete) == (4, 4, True)
    found = readings(side)
    by_name = {reading.reading_id: reading.quantities["systolic"].value for reading in found}
    assert sorted(map(str, by_name.values())) == ["120", "121", "122", "130"]
    for session in {reading.session_id for reading in found}:
        told = [reading for reading in found if reading.session_id == session]
        assert len({reading.reading_id for reading in told}) == len(told)
    newest = [reading.record_number for reading in found if reading.session_newest]
    assert newest == [3, 4]


@pytest.mark.parametrize("segments_sent", [1, 2])
async def test_a_link_that_breaks_within_a_record_loses_and_doubles_nothing(
    world: BluetoothWorld, side: BluetoothSide, segments_sent: int
) -> None:
    cuff = STORING_CUFFS["stores-records-in-segments"].build(CUFF_ADDRESS, CLOCK)
    cuff.inject(DropLink(after=2, notifications=segments_sent))
    taken = [cuff.take(120 + number, 80, 70) for number in range(5)]
    await world.add(cuff, bonded=True)
    await side.visited(1)
    reached = partial(side.journal.devices.cursor, CUFF_ADDRESS)
    broken = reached()
    assert broken is None or broken.last <= 2  # from bluetoothd maybe none
    await eventually(lambda: reached() is not None and reached() != broken)
    cursor = reached()
    assert cursor is not None
    assert (cursor.last, cursor.held, cursor.complete) == (5, 5, True)
    by_name = {reading.reading_id: reading for reading in readings(side)}
    assert sorted(reading.record_number or 0 for reading in by_name.values()) == [1, 2, 3, 4, 5]
    values = {reading.quantities["systolic"].value for reading in by_name.values()}
    assert values == {"120", "121", "122", "123", "124"}
    assert set(side.payloads) == set(chain.from_iterable(map(segments_of, taken)))


def segments_of(record: Stored) -> tuple[bytes, ...]:
    return record.measurement, *record.continued


def readings(side: BluetoothSide) -> list[Reading]:
    """The records that came, in their order; nothing else was told of them."""
    entries = side.journal.entries(range(side.kept[0].seq, side.kept[-1].seq + 1))
    items = [decode(entry, "home-1") for entry in entries]
    assert all(isinstance(item, Reading | Part) for item in items)
    return [item for item in items if isinstance(item, Reading)]
