"""Visits to simulated devices through bleak's own BlueZ backend, as the journal sees them."""

import asyncio
import gc
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from dbus_fast import Message

from gateway.bluetooth import effects, harvest
from gateway.bluetooth import link as link_module
from gateway.bluetooth.harvest import Harvest
from gateway.record import SessionFacts
from gateway.record_access import dialogue
from gateway.record_access.cursor import Cursor
from gateway.visits import dialling
from schemas.errors import UnavailableError
from schemas.gatt import uuids
from schemas.gatt.glucose_context import Meal
from schemas.reading import Device
from simulators.peripherals import Cuff, DropLink, Habits, LoseConfirmation, Meter, Sample, Stall
from simulators.world import BluetoothWorld
from simulators.world.faults import ConnectFails, ServicesResolvedEarly, SlowDisconnect
from tests.bluetooth_world import CUFF_ADDRESS, METER_ADDRESS, eventually, make_cuff
from tests.gateway.bluetooth.counters import refused_unpaired, sessions
from tests.gateway.bluetooth.side import BluetoothSide, alive


async def test_a_burst_is_in_the_journal_in_its_order(cuff: Cuff, side: BluetoothSide) -> None:
    taken = [cuff.take(120 + number, 80, 70) for number in range(5)]
    await side.visited(1)
    assert side.payloads == taken
    assert cuff.pending == 0


async def test_a_session_tells_the_clock_the_features_and_the_newest(
    cuff: Cuff, side: BluetoothSide
) -> None:
    cuff.take(120, 80, 70)
    cuff.take(130, 85, 71)
    await side.visited(1)
    older, newer = side.journal.entries(range(side.kept[0].seq, side.kept[1].seq + 1))
    assert older.facts == newer.facts
    assert older.facts.ended
    assert older.facts.newest == newer.record.seq
    assert older.facts.device.model == cuff.identity.model
    assert older.facts.device.serial == cuff.identity.serial
    assert "2a49" in older.facts.features
    assert older.facts.clock is not None
    shown = cuff.clock.now().replace(tzinfo=None)
    assert abs((older.facts.clock.local - shown).total_seconds()) < 60
    assert side.told == [older.record.session_id]


async def test_who_was_read_has_not_forgotten_this_gateway(cuff: Cuff, side: BluetoothSide) -> None:
    cuff.take(120, 80, 70)
    await side.visited(1)
    side.devices._unbonded.add(CUFF_ADDRESS)
    told = [side.tells("has forgotten")]
    cuff.take(130, 85, 71)
    await side.visited(2)
    told.append(side.tells("has forgotten"))
    assert told == [True, False]


async def test_a_meter_gives_all_and_next_time_only_the_newer(
    meter: Meter, side: BluetoothSide
) -> None:
    first = [meter.take(Sample(Decimal(100 + number))) for number in range(3)]
    await side.visited(1)
    last = first[-1]  # it comes first: whatever happens to the link, the newest is there
    assert side.payloads == [record.measurement for record in (last, *first[:-1])]
    assert side.journal.devices.cursor(METER_ADDRESS) == Cursor.at(
        last.sequence, last.measurement, held=3, complete=True
    )
    newer = meter.take(Sample(Decimal(110)))
    await side.visited(2)
    assert side.payloads[3:] == [newer.measurement, last.measurement]


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_visits_and_crashes_of_bluetoothd_leave_nothing_open(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    opened = []
    for visits in (1, 2, 3):
        cuff.take(120, 80, 70)
        await side.visited(visits)
        await world.crash()
        await eventually(side.bluez.lost.is_set)
        await world.restart()
        await eventually(side.bluez.ready.is_set)
        opened.append((open_files(), len(asyncio.all_tasks())))
    assert opened[1] == opened[2]


async def test_a_context_is_journalled_with_its_measurement(
    meter: Meter, side: BluetoothSide
) -> None:
    taken = meter.take(Sample(Decimal(100), meal=Meal.FASTING))
    await side.visited(1)
    assert side.payloads == [taken.measurement, taken.context]
    (entry,) = side.journal.entries(range(side.kept[1].seq, side.kept[1].seq + 1))
    assert entry.related.measurement == side.kept[0]


async def test_both_devices_are_visited_side_by_side(
    cuff: Cuff, meter: Meter, side: BluetoothSide
) -> None:
    taken = [cuff.take(120, 80, 70), meter.take(Sample(Decimal(100))).measurement]
    await side.visited(2)
    assert Counter(side.payloads) == Counter(taken)


async def test_an_unpaired_device_is_refused_and_counted_once(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    stranger = make_cuff()
    stranger.take(120, 80, 70)
    refused_before = refused_unpaired()
    await world.add(stranger, bonded=False)
    await eventually(lambda: refused_unpaired() == refused_before + 1)
    assert not stranger.is_connected
    assert side.payloads == []
    assert side.devices.states() == []


@pytest.mark.parametrize("discoverable", [False, True])
async def test_a_paired_device_whose_advertisement_names_no_service_is_read(
    world: BluetoothWorld, tmp_path: Path, *, discoverable: bool
) -> None:
    like = make_cuff()
    habits = Habits(advertises_service=False, always_discoverable=discoverable)
    cuff = Cuff(like.identity, like.clock, like.ledger, habits=habits)
    await world.add(cuff, bonded=True)
    taken = cuff.take(120, 80, 70)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        await side.visited(1)
        assert side.payloads == [taken]


async def test_what_was_sent_but_not_confirmed_comes_again(cuff: Cuff, side: BluetoothSide) -> None:
    cuff.inject(LoseConfirmation())
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await eventually(lambda: set(side.payloads) == set(taken))
    await eventually(lambda: cuff.pending == 0)


async def test_a_link_that_breaks_within_a_transfer_loses_nothing(
    meter: Meter, side: BluetoothSide
) -> None:
    meter.inject(DropLink(after=2))
    taken = [meter.take(Sample(Decimal(100 + number))) for number in range(5)]
    measurements = [record.measurement for record in taken]
    await eventually(lambda: set(side.payloads) == set(measurements))
    # Each visit begins with the last record; the second one went on from what the first one got.
    # That is two records; from bluetoothd maybe none, if it met the end of the link before them.
    last = measurements[-1]
    got = side.payloads[1 : side.payloads.index(last, 1)]
    assert got in (measurements[:2], measurements[:1], [])
    assert side.payloads == [last, *got, last, *measurements[max(len(got) - 1, 0) : -1]]


async def test_a_broken_transfer_tells_what_the_meter_called_its_last(
    meter: Meter, side: BluetoothSide
) -> None:
    """Undated it would be taken for old, and be no news when the next visit brings it again."""
    meter.inject(DropLink(after=1))
    meter.take(Sample(Decimal(100)))
    last = meter.take(Sample(Decimal(101)))
    await side.visited(1)
    facts = side.journal.facts(side.kept[0])
    assert (facts.ended, facts.newest) == (True, side.kept[0].seq)
    assert side.payloads[0] == last.measurement


async def test_a_meter_that_falls_silent_is_left(
    meter: Meter, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "PROCEDURE_TIMEOUT_S", 0.2)
    meter.inject(Stall(after=1))
    taken = [meter.take(Sample(Decimal(100 + number))) for number in range(3)]
    silent_before = sessions("racp-timeout")
    await side.visited(1)
    assert sessions("racp-timeout") == silent_before + 1
    measurements = {record.measurement for record in taken}
    await eventually(lambda: set(side.payloads) == measurements)


async def test_a_cuff_that_keeps_the_link_is_left_after_silence(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvest, "SILENCE_S", 0.2)
    cuff.inject(Stall(after=1))
    first, second = cuff.take(120, 80, 70), cuff.take(130, 85, 71)
    await side.visited(1)
    assert side.payloads == [first]
    await eventually(lambda: side.payloads == [first, second])


@pytest.mark.parametrize("behind", [None, uuids.full(uuids.GLUCOSE_MEASUREMENT)])
async def test_pitfall_2_services_resolved_before_the_objects(
    meter: Meter, world: BluetoothWorld, side: BluetoothSide, behind: str | None
) -> None:
    """Before all of them, or before the one by which a meter is asked for its records."""
    world.inject(ServicesResolvedEarly(early_s=0.5, behind=behind))
    taken = meter.take(Sample(Decimal(100)))
    await side.visited(1)
    assert side.payloads == [taken.measurement]


async def test_pitfall_3_a_connect_that_fails_is_tried_again(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    world.inject(ConnectFails(reason="le-connection-failed-to-be-established"))
    taken = cuff.take(120, 80, 70)
    await side.visited(1)
    assert side.payloads == [taken]


async def test_pitfall_6_a_slow_disconnect_holds_up_nobody_else(
    cuff: Cuff, meter: Meter, world: BluetoothWorld, side: BluetoothSide
) -> None:
    world.inject(SlowDisconnect(delay_s=3.0))
    meter.take(Sample(Decimal(100)))
    await eventually(lambda: meter.pending == 0)
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: taken in side.payloads)
    assert meter.is_connected  # still, but nobody waited for it


async def test_pitfall_1_bluetoothd_dies_within_a_session_and_comes_back(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await eventually(lambda: side.payloads == taken[:1])
    lost_before = sessions("bluetooth-lost")
    await world.crash()
    await side.visited(1)
    assert sessions("bluetooth-lost") == lost_before + 1
    assert side.journal.facts(side.kept[0]).newest is None
    assert side.devices.problems
    await world.restart()
    await eventually(lambda: set(side.payloads) == set(taken))
    assert side.devices.problems == []


async def test_pitfall_1_bluetoothd_is_back_before_anybody_looks(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvest, "SILENCE_S", 60.0)  # only the crash ends the session
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await eventually(lambda: side.payloads == taken[:1])
    await world.crash()
    await world.restart()
    await eventually(lambda: set(side.payloads) == set(taken))


async def test_a_new_owner_of_org_bluez_ends_everything_even_if_all_looks_well(
    cuff: Cuff, side: BluetoothSide
) -> None:
    await eventually(side.bluez.ready.is_set)
    path, interface = "/org/freedesktop/DBus", "org.freedesktop.DBus"
    owners = ["org.bluez", ":1.1", ":1.2"]
    side.bluez._on_message(Message.new_signal(path, interface, "NameOwnerChanged", "sss", owners))
    assert side.bluez.lost.is_set()
    await eventually(side.bluez.ready.is_set)
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])


async def test_pitfall_10_an_adapter_switched_off_and_on_scans_again(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    await eventually(side.bluez.ready.is_set)
    await world.set_powered(powered=False)
    await eventually(lambda: side.devices.problems)
    await world.set_powered(powered=True)
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])


async def test_while_the_disk_is_full_no_device_is_dialled(cuff: Cuff, side: BluetoothSide) -> None:
    side.intake.problem = "disk full"
    taken = cuff.take(120, 80, 70)
    await eventually(side.devices.states)
    assert not side.devices._tasks  # a sighting begins a visit at once, or not at all
    side.intake.retry()
    await eventually(lambda: side.payloads == [taken])


async def test_a_disk_that_refuses_what_a_visit_learns_is_named_and_no_further_device_is_dialled(
    cuff: Cuff, meter: Meter, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_facts: SessionFacts, **_whole: bool) -> None:
        raise UnavailableError("The journal's disk fails: it is full.", "Free space on it.")

    with monkeypatch.context() as full:
        full.setattr(side.journal, "keep_facts", refuses)
        taken = meter.take(Sample(Decimal(100)))
        await side.visited(1)
        assert side.intake.problem is not None
        assert "it is full" in side.intake.problem
        later = cuff.take(120, 80, 70)
        await eventually(lambda: len(side.devices.states()) == 2)
        assert side.visits == 1
        assert later not in side.payloads
    side.intake.retry()
    await eventually(lambda: {taken.measurement, later} == set(side.payloads))


async def test_a_disk_that_refuses_before_a_visit_has_brought_anything_is_named_too(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a visit has nothing to write at its end, so nothing else would tell."""

    def refuses(_device: Device) -> None:
        raise UnavailableError("The list of devices fails: its disk is full.", "Free space on it.")

    monkeypatch.setattr(side.admissions, "learn", refuses)
    monkeypatch.setattr(effects, "DISK_PATIENCE_S", 0.0)
    cuff.take(120, 80, 70)
    await side.visited(1)
    assert (side.payloads, "is full" in str(side.intake.problem)) == ([], True)


async def test_a_payload_that_no_codec_understands_is_kept(
    cuff: Cuff, meter: Meter, side: BluetoothSide
) -> None:
    taken = cuff.take_payload(b"\x01\x02\x03")
    await side.visited(1)
    assert side.payloads == [taken]
    short = meter.take_payload(b"\x00\x01")
    await side.visited(2)
    assert short.measurement in side.payloads


async def test_a_visit_that_meets_a_bug_tells_its_end(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(harvest: Harvest) -> None:
        await harvest._arrived.wait()
        raise KeyError

    monkeypatch.setattr(Harvest, "silence", breaks)
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await side.visited(1)
    assert side.payloads[:1] == taken[:1]
    assert side.told[:1] == [side.kept[0].session_id]


async def test_stopping_within_a_visit_leaves_the_link(cuff: Cuff, side: BluetoothSide) -> None:
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await eventually(lambda: side.payloads == taken[:1])
    assert cuff.is_connected
    for visit in list(side.devices._tasks):
        visit.cancel()
    await eventually(lambda: not cuff.is_connected)


async def test_pitfall_7_a_device_that_vanishes_within_a_visit_is_left(
    meter: Meter, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "PROCEDURE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(link_module, "DISCONNECT_TIMEOUT_S", 0.2)
    meter.inject(Stall(after=1))
    taken = [meter.take(Sample(Decimal(100 + number))) for number in range(3)]
    await eventually(lambda: len(side.payloads) == 2)  # the last one, the first one, and a stall
    world.silence(meter)
    await side.visited(1)
    world.restore(meter)
    measurements = {record.measurement for record in taken}
    await eventually(lambda: set(side.payloads) == measurements)


async def test_a_device_that_forgot_its_bond_is_left_and_named(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "REST_AFTER_FAILURE_FIRST_MS", 10)
    # bluetoothd only says that the connect was cancelled, up to 10 s a visit: five take too long.
    monkeypatch.setattr(dialling, "UNREACHABLE_FROM_FAILURES", 2)
    await cuff.forget_bonds()
    cuff.take(120, 80, 70)
    way_out = f"vitalwire gateway pair {CUFF_ADDRESS}"
    await eventually(lambda: any(way_out in problem for problem in side.devices.problems))
    assert side.payloads == []
