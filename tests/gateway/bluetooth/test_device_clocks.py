"""Devices' clocks over the air: read before the records, set after them, each in its own way."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from gateway import wall
from gateway.decode import decode
from gateway.record import Moment
from schemas.clock import Clock
from schemas.gatt.quirks import ClockWay
from schemas.reading import Reading
from simulators.peripherals import DeviceClock, DeviceIdentity, Habits, Ledger, Meter, Sample
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, METER_ADDRESS
from tests.gateway.bluetooth.side import BluetoothSide

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


def meter_of(way: ClockWay | None, error_s: float, model: str) -> Meter:
    """A meter whose clock is off by so much from what a display in ``ZONE`` should show."""
    offset = (
        local_now()
        - datetime.fromtimestamp(CLOCK.wall_ms() / 1000, ZoneInfo("UTC")).replace(tzinfo=None)
    ).total_seconds()
    name = "BLEsmart_01" if way is ClockWay.CURRENT_TIME_AFTER_NOTIFICATION else "METER"
    identity = DeviceIdentity(METER_ADDRESS, name, "Vitalwire", model, "M-0001")
    return Meter(
        identity,
        DeviceClock(CLOCK, offset + error_s),
        Ledger(METER_ADDRESS, CLOCK),
        habits=Habits(clock=way),
    )


def wrong_by_s(meter: Meter) -> float:
    return abs((meter.clock.now() - local_now()).total_seconds())


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
    side.zone = ZONE
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


async def test_a_clock_is_set_neither_without_a_zone_nor_if_it_is_right(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = meter_of(ClockWay.CURRENT_TIME, HOUR_S, "Meter One")
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    await side.visited(1)
    assert wrong_by_s(meter) > HOUR_S - 5
    side.zone = ZONE
    meter.clock.set(local_now() + timedelta(seconds=20))
    meter.take(Sample(Decimal(101)))
    await side.visited(2)
    assert wrong_by_s(meter) > 15


async def test_a_clock_that_cannot_be_read_is_left_alone(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = meter_of(None, HOUR_S, "Meter One")
    await world.add(meter, bonded=True)
    side.zone = ZONE
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
    side.zone = ZONE
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
