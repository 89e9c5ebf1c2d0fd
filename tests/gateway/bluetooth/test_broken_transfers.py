"""What a meter had still to tell when the link broke, or the disk was full, is told later."""

import asyncio
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import pytest

from gateway.record import Notification, SessionFacts
from gateway.record_access.cursor import Cursor
from schemas.errors import UnavailableError
from schemas.gatt.glucose_context import Meal
from simulators.peripherals import DropLink, Meter, MeterBehaviour, Sample
from simulators.peripherals.records import Record
from simulators.world import BluetoothWorld
from tests.bluetooth_world import METER_ADDRESS, eventually, make_meter
from tests.gateway.bluetooth.counters import sessions
from tests.gateway.bluetooth.side import BluetoothSide, alive


async def test_contexts_that_come_last_outlive_a_link_that_breaks_before_them(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    """The cursor waits for them at their first coming: nobody would ask for them again."""
    meter = make_meter(MeterBehaviour(contexts_last=True))
    meter.inject(DropLink(after=3))
    taken = [meter.take(Sample(Decimal(100 + one), meal=Meal.FASTING)) for one in range(5)]
    await world.add(meter, bonded=True)
    whole = {payload for one in taken for payload in payloads(one)}
    await eventually(lambda: set(side.payloads) == whole)


async def test_behind_a_link_that_always_breaks_contexts_hold_nothing_up_twice(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = make_meter(MeterBehaviour(contexts_last=True))
    for _visit in range(2):
        meter.inject(DropLink(after=2))
    taken = [meter.take(Sample(Decimal(100 + one), meal=Meal.FASTING)) for one in range(3)]
    await world.add(meter, bonded=True)
    await side.visited(1)
    assert side.journal.devices.cursor(METER_ADDRESS) is None
    await side.visited(2)
    assert side.journal.devices.cursor(METER_ADDRESS) == Cursor.at(2, taken[1].measurement, held=2)


async def test_a_meter_whose_cursor_was_overwritten_is_read_whole_again(
    meter: Meter, side: BluetoothSide
) -> None:
    """A card that changes a byte of it may make it claim what was never read."""
    taken = [meter.take(Sample(Decimal(100 + one))).measurement for one in range(3)]
    await side.visited(1)
    side.journal._database.execute("UPDATE cursors SET held = 1, complete = 1 - complete")
    news = meter.take(Sample(Decimal(110))).measurement
    await side.visited(2)
    assert sorted(side.payloads) == sorted([*taken, *taken, news])
    meter.take(Sample(Decimal(111)))
    await side.visited(3)
    assert side.payloads[7:].count(news) == 1  # it is recognised by that one
    assert len(side.payloads) == 9


async def test_a_cursor_does_not_pass_what_the_disk_did_not_take(
    meter: Meter, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have room for the cursor and none for the record, which a power cut would take."""

    def refuses(_notification: Notification, *, newest: bool) -> NoReturn:
        raise UnavailableError("The journal's disk fails: it is full.", "Free space on it.")

    before = sessions("journal")
    with monkeypatch.context() as full:
        full.setattr(side.journal, "append", refuses)
        meter.inject(DropLink(after=2))
        taken = [meter.take(Sample(Decimal(100 + one))).measurement for one in range(3)]
        await side.visited(1)
        assert side.journal.devices.cursor(METER_ADDRESS) is None
        assert sessions("journal") == before + 1  # nor is the visit complete
    side.intake.retry()
    await eventually(lambda: set(side.payloads) == set(taken))


@pytest.mark.parametrize("measured_meanwhile", [False, True])
async def test_what_was_the_newest_of_a_broken_visit_a_later_one_tells(
    world: BluetoothWorld, side: BluetoothSide, *, measured_meanwhile: bool
) -> None:
    """Of a meter that cannot show its last record: undated, a hypo would be taken for old.

    And it would be no news when it comes again. Until then it waits, as for any session's end.
    """
    meter = make_meter(MeterBehaviour(shows_no_last=True))
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    await side.visited(1)
    told_then: list[int] = []

    def visited() -> None:
        told_then.append(len(side.told))
        side._visited()
        if side.visits == 2 and measured_meanwhile:
            meter.take(Sample(Decimal(110)))

    side.devices.visited = visited
    meter.inject(DropLink(after=3))  # it has given everything, and cannot say so any more
    meter.take(Sample(Decimal(120)))
    hypo = meter.take(Sample(Decimal(40))).measurement
    await side.visited(3)
    assert told_then == [1, 3]
    newest = {row.seq: side.journal.facts(row).newest for row in side.kept}
    news = {row.payload for row in side.kept if newest[row.seq] == row.seq}
    assert (hypo in news) is not measured_meanwhile
    if not measured_meanwhile:  # whichever of its rows arrives first
        assert all(newest[row.seq] == row.seq for row in side.kept if row.payload == hypo)


async def test_what_was_the_newest_of_a_broken_visit_is_told_after_a_new_start_too(
    world: BluetoothWorld, tmp_path: Path
) -> None:
    """The daemon ended between the two visits; what is known from the first is no news there."""
    meter = make_meter(MeterBehaviour(shows_no_last=True))
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        await side.visited(1)
        meter.inject(DropLink(after=3))
        meter.take(Sample(Decimal(120)))
        hypo = meter.take(Sample(Decimal(40))).measurement
        ended = asyncio.Event()
        side.devices.visited = ended.set
        await ended.wait()
        broken = side.kept[-1]
        assert (broken.payload, side.journal.facts(broken).ended) == (hypo, False)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        assert [(one.seq, one.facts.ended) for one in side.taken_up] == [(broken.seq, True)]
        await side.visited(1)
        assert broken.session_id in side.told
        told = side.journal.facts(broken)
        assert (told.newest, told.ended) == (broken.seq, True)
    with closing(BluetoothSide(tmp_path, "hci0")) as side:
        assert side.taken_up == []


async def test_a_cursor_does_not_pass_a_visit_that_could_not_tell_its_newest(
    meter: Meter, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before is never news: without its word an undated hypo would be taken for old.

    So a daemon that dies between the two must find the cursor where it was.
    """
    keep = side.journal.keep_facts

    def refuses_the_end(facts: SessionFacts, *, whole: bool = False) -> None:
        if facts.ended:
            raise UnavailableError("The journal's disk fails: it is full.", "Free space on it.")
        keep(facts, whole=whole)

    with monkeypatch.context() as full:
        full.setattr(side.journal, "keep_facts", refuses_the_end)
        taken = meter.take(Sample(Decimal(40))).measurement
        await side.visited(1)
        assert side.payloads == [taken]
        assert side.journal.devices.cursor(METER_ADDRESS) is None


def payloads(record: Record) -> tuple[bytes, bytes]:
    assert record.context is not None
    return record.measurement, record.context
