"""Blood pressure records in segments over the air: one reading each, whatever the cuff does."""

from functools import partial
from itertools import chain

import pytest

from gateway.decoding.decode import decode
from schemas.reading import Part, Reading
from simulators.peripherals import DropLink
from simulators.peripherals.models import STORING_CUFFS
from simulators.peripherals.records import Record as Stored
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, eventually
from tests.gateway.bluetooth.side import BluetoothSide


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
    newest = {
        reading.reading_id: reading.record_number for reading in found if reading.session_newest
    }
    assert [*newest.values()] == [3, 4]  # the first one twice: of the visit that broke, too


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
