"""Devices' clocks over the air: read before the records, set after them, each in its own way."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.bluetooth import first_meeting, pairing, session_clock
from gateway.bluetooth.device_clock import set_clock
from gateway.bluetooth.link import Link, LinkFailed, WriteRefused
from gateway.clocks import wall
from gateway.clocks.book import HOME
from gateway.clocks.timeline import ClockSet
from gateway.decoding.decode import decode
from gateway.record import ClockMove, Moment
from gateway.record import DeviceClock as RecordedClock
from schemas.clock import Clock
from schemas.gatt.quirks import ACCU_CHEK_INSTANT, AND_UA651, ClockWay, Quirk
from schemas.reading import Reading
from simulators.peripherals import Cuff, DeviceClock, DeviceIdentity, Habits, Ledger, Meter, Sample
from simulators.peripherals.model import CONFORMANT, Model
from simulators.peripherals.models import CUFFS, METERS, Device
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, METER_ADDRESS, eventually
from tests.gateway.bluetooth.people import person
from tests.gateway.bluetooth.side import BluetoothSide, alive

ZONE = ZoneInfo("Asia/Kathmandu")  # 5 h 45 min: no whole hour, and no daylight saving
HOUR_S = 3600.0
MODELS = {
    ClockWay.CURRENT_TIME: "Meter One",
    ClockWay.DATE_TIME: "UA-651BLE",
    ClockWay.CURRENT_TIME_AFTER_NOTIFICATION: "HEM-7155T",
}


@pytest.fixture(autouse=True)
def true_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps this machine's clock: in these tests it is kept true."""

    def read(clock: Clock) -> Moment:
        return Moment(clock.boot_id, clock.monotonic_ms(), clock.wall_ms())

    monkeypatch.setattr(wall, "read", read)


def local_now() -> datetime:
    return datetime.fromtimestamp(CLOCK.wall_ms() / 1000, ZONE).replace(tzinfo=None)


def zone_offset_s() -> float:
    """How far a right clock in ``ZONE`` is ahead of UTC."""
    utc = datetime.fromtimestamp(CLOCK.wall_ms() / 1000, ZoneInfo("UTC")).replace(tzinfo=None)
    return (local_now() - utc).total_seconds()


def meter_of(way: ClockWay | None, error_s: float, model: str) -> Meter:
    """A meter whose clock is off by so much from what a display in ``ZONE`` should show."""
    offset = zone_offset_s()
    name = "BLEsmart_01" if way is ClockWay.CURRENT_TIME_AFTER_NOTIFICATION else "METER"
    identity = DeviceIdentity(METER_ADDRESS, name, "Vitalwire", model, "M-0001")
    return Meter(
        identity,
        DeviceClock(CLOCK, offset + error_s),
        Ledger(METER_ADDRESS, CLOCK),
        habits=Habits(clock=way),
    )


def wrong_by_s(device: Device) -> float:
    return abs((device.clock.now() - local_now()).total_seconds())


def ages_ms(side: BluetoothSide) -> list[int | None]:
    """What the journal's records tell, each as it was when its session had ended."""
    found = []
    for record in side.kept:
        (entry,) = side.journal.entries(range(record.seq, record.seq + 1))
        item = decode(entry, "home-1")
        assert isinstance(item, Reading)
        assert item.device_time is not None
        found.append(item.device_time.age_ms)
    return found


@pytest.mark.parametrize("way", MODELS)
@pytest.mark.parametrize("error_s", [-HOUR_S, HOUR_S])
async def test_a_wrong_clock_is_set_after_its_records_and_they_keep_their_age(
    world: BluetoothWorld, side: BluetoothSide, way: ClockWay, error_s: float
) -> None:
    meter = meter_of(way, error_s, MODELS[way])
    await world.add(meter, bonded=True)
    side.admissions.clocks.keep_zone(HOME, ZONE)
    meter.take(Sample(Decimal(100)))
    await side.visited(1)
    assert wrong_by_s(meter) < 5
    (move,) = side.journal.devices.timeline(METER_ADDRESS).moves
    assert abs(move.jump_ms + error_s * 1000) < 5_000
    (age_ms,) = ages_ms(side)
    assert age_ms is not None
    assert age_ms < 10_000
    meter.take(Sample(Decimal(101)))
    await side.visited(2)
    newer = next(
        age
        for record, age in zip(side.kept, ages_ms(side), strict=True)
        if record.payload != side.kept[0].payload
    )
    assert newer is not None
    assert newer < 10_000


@pytest.mark.parametrize("takes_it", [True, False])
async def test_a_clock_is_moved_only_after_that_is_on_the_disk(
    world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch, takes_it: bool
) -> None:
    """A daemon that dies in between must not take the new time for the old one."""
    noted: list[tuple[ClockMove, ...]] = []

    async def noting(link: Link, quirk: Quirk | None, right: datetime) -> bool:
        noted.append(side.journal.devices.timeline(METER_ADDRESS).moves)
        return takes_it and await set_clock(link, quirk, right)

    monkeypatch.setattr(session_clock, "set_clock", noting)
    meter = meter_of(ClockWay.CURRENT_TIME, HOUR_S, "Meter One")
    await world.add(meter, bonded=True)
    side.admissions.clocks.keep_zone(HOME, ZONE)
    meter.take(Sample(Decimal(100)))
    await side.visited(1)
    ((move,),) = noted
    assert abs(move.jump_ms + HOUR_S * 1000) < 5_000
    kept = side.journal.devices.timeline(METER_ADDRESS).moves
    assert kept == ((move,) if takes_it else ())


async def test_a_clock_is_set_neither_without_a_zone_nor_if_it_is_right(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = meter_of(ClockWay.CURRENT_TIME, HOUR_S, "Meter One")
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    await side.visited(1)
    assert wrong_by_s(meter) > HOUR_S - 5
    side.admissions.clocks.keep_zone(HOME, ZONE)
    meter.clock.set(local_now() + timedelta(seconds=20))
    meter.take(Sample(Decimal(101)))
    await side.visited(2)
    assert wrong_by_s(meter) > 15


async def test_a_clock_that_cannot_be_read_is_left_alone(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = meter_of(None, HOUR_S, "Meter One")
    await world.add(meter, bonded=True)
    side.admissions.clocks.keep_zone(HOME, ZONE)
    meter.take(Sample(Decimal(100)))
    await side.visited(1)
    assert wrong_by_s(meter) > HOUR_S - 5
    assert ages_ms(side) == [None]
    meter.take(Sample(Decimal(101)))
    await side.visited(2)
    facts = side.journal.facts(side.kept[-1])
    assert len(facts.coincidences) == 2
    shown = datetime.fromisoformat(facts.coincidences[-1].local)
    assert abs((meter.clock.now() - shown).total_seconds()) < 10


async def test_contours_clock_is_set_in_contours_way_once_its_stamps_come_from_the_future(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = meter_of(ClockWay.CONTOUR, HOUR_S, "Contour Next One")
    await world.add(meter, bonded=True)
    side.admissions.clocks.keep_zone(HOME, ZONE)
    first = meter.take(Sample(Decimal(100)))
    await side.visited(1)
    assert wrong_by_s(meter) < 5
    second = meter.take(Sample(Decimal(101)))
    await side.visited(2)
    assert wrong_by_s(meter) < 5
    facts = side.journal.facts(side.kept[-1])
    assert len(facts.coincidences) == 1  # what the wrong clock said is forgotten
    screens = {}
    for record in side.kept:
        (entry,) = side.journal.entries(range(record.seq, record.seq + 1))
        item = decode(entry, "home-1")
        assert isinstance(item, Reading)
        assert item.device_time is not None
        screens[record.seq] = (record.payload, item.device_time.screens)
    assert list(screens.values()) == [
        (first.measurement, []),
        (second.measurement, []),
        (first.measurement, ["clock-moved"]),  # told again, after the set
    ]


@pytest.mark.parametrize(
    ("models", "title"), [(CUFFS, AND_UA651.title), (METERS, ACCU_CHEK_INSTANT.title)]
)
@pytest.mark.parametrize("error_s", [-HOUR_S, HOUR_S])
async def test_who_leaves_with_its_last_record_gets_its_clock_set_at_pairing(
    world: BluetoothWorld,
    tmp_path: Path,
    models: dict[str, Model[Any]],
    title: str,
    error_s: float,
) -> None:
    """No visit could set it after its records: the link is gone. Old stamps keep their age.

    Where a clock was set back its hour comes twice, and no age is better than a wrong one.
    """
    device = models[title].build(METER_ADDRESS, CLOCK, clock_error_s=zone_offset_s() + error_s)
    measure(device)
    await world.add(device, bonded=False)
    await device.set_pairing_mode(on=True)
    someone = person(METER_ADDRESS, device.passkey)
    with Admissions(tmp_path) as command:
        note = partial(command.clocks.note_set, METER_ADDRESS)
        found, met = await pairing.pair("hci0", someone, first_meeting.Task(CLOCK, ZONE, note))
        assert wrong_by_s(device) < 5
        assert met.clock_set == command.clocks.clock_set(METER_ADDRESS)
        command.admit(Admission(found.address, AdmittedBy.PERSON, found.name, model=met.said.model))
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        await eventually(lambda: device.pending == 0)
        measure(device)
        await eventually(lambda: device.pending == 0)
        await eventually(lambda: len(set(side.payloads)) == 2 and not side.devices._tasks)
        judge_what_was_told(side, error_s)


def judge_what_was_told(side: BluetoothSide, error_s: float) -> None:
    """Ages are right or there are none; the gateway knows of the set, and lets go of it."""
    ages = ages_ms(side)
    assert all(age_ms is None or age_ms < 20_000 for age_ms in ages)
    assert None not in ages or error_s > 0
    (move,) = side.journal.devices.timeline(METER_ADDRESS).moves
    assert abs(move.jump_ms + error_s * 1000) < 5_000
    assert side.admissions.clocks.clock_set(METER_ADDRESS) is None


def measure(device: Device) -> None:
    """Let it take something, whatever it is for."""
    if isinstance(device, Cuff):
        device.take(120, 80, 70)
    elif isinstance(device, Meter):
        device.take(Sample(Decimal(100)))


def unwritten(_made: ClockSet) -> Callable[[], None]:
    raise AssertionError("no clock is to be set")


@pytest.mark.parametrize(
    ("answers", "stays"),
    [
        (None, True),
        (WriteRefused(0x80), False),
        (LinkFailed("no answer"), True),  # it may show the new time all the same
    ],
)
async def test_at_pairing_a_clock_is_moved_only_after_that_is_on_the_disk(
    world: BluetoothWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: Exception | None,
    stays: bool,
) -> None:
    """Whatever ends the command, the daemon must not take the new time for the old one."""
    noted: list[ClockSet | None] = []
    earlier = ClockSet(
        RecordedClock(local_now(), 0), Moment(CLOCK.boot_id, 0, CLOCK.wall_ms()), local_now()
    )
    with Admissions(tmp_path) as command:
        command.clocks.keep_set(METER_ADDRESS, earlier)  # by a pairing before, not told yet
        write = Link.write

        async def noting(link: Link, number: int | str, payload: bytes) -> None:
            noted.append(command.clocks.clock_set(METER_ADDRESS))
            if answers is not None:
                raise answers
            await write(link, number, payload)

        monkeypatch.setattr(Link, "write", noting)
        device = METERS[ACCU_CHEK_INSTANT.title].build(
            METER_ADDRESS, CLOCK, clock_error_s=zone_offset_s() + HOUR_S
        )
        await world.add(device, bonded=False)
        await device.set_pairing_mode(on=True)
        note = partial(command.clocks.note_set, METER_ADDRESS)
        someone = person(METER_ADDRESS, device.passkey)
        await pairing.pair("hci0", someone, first_meeting.Task(CLOCK, ZONE, note))
        (made,) = noted
        assert made is not None
        assert made != earlier
        assert command.clocks.clock_set(METER_ADDRESS) == (made if stays else earlier)


async def test_at_pairing_no_clock_is_set_without_a_zone_nor_of_who_stays(
    world: BluetoothWorld,
) -> None:
    """One that stays has it set after its records: setting a clock may make a device forget."""
    for models, title, zone in ((CUFFS, AND_UA651.title, None), (METERS, CONFORMANT, ZONE)):
        device = models[title].build(METER_ADDRESS, CLOCK, clock_error_s=zone_offset_s() + HOUR_S)
        await world.add(device, bonded=False)
        await device.set_pairing_mode(on=True)
        someone = person(METER_ADDRESS, device.passkey)
        _, met = await pairing.pair("hci0", someone, first_meeting.Task(CLOCK, zone, unwritten))
        assert met.clock_set is None
        assert wrong_by_s(device) > HOUR_S - 5
        await pairing.unpair(METER_ADDRESS)
        await world.remove(device)
