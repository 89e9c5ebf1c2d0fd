"""What devices tell of their batteries: reported, remembered, and when it counts as low."""

from decimal import Decimal
from pathlib import Path

from gateway.admission.live import LiveDevice
from gateway.bluetooth.acquaintance import Acquaintance
from schemas.gatt.glucose import Status
from schemas.gatt.quirks import AND_UA651
from schemas.reading import Device
from schemas.wire import DeviceState
from simulators.peripherals import Cuff, Meter, Sample
from simulators.peripherals.models import CUFFS
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, METER_ADDRESS, eventually
from tests.gateway.bluetooth.side import BluetoothSide, alive


async def test_the_battery_is_reported(cuff: Cuff, side: BluetoothSide) -> None:
    cuff.take(120, 80, 70)
    await side.visited(1)
    (state,) = side.devices.states()
    assert (state.address, state.model) == (CUFF_ADDRESS, cuff.identity.model)
    assert state.battery_percent == cuff.battery_percent


async def test_the_lowest_step_of_a_battery_that_is_told_in_steps_is_low(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    """A&D says 100, 66, 40 or 33 %: it would never come to 20."""
    cuff = CUFFS[AND_UA651.title].build(CUFF_ADDRESS, CLOCK)
    cuff.battery_percent = 33
    cuff.take(120, 80, 70)
    await world.add(cuff, bonded=True)
    await side.visited(1)
    (state,) = side.devices.states()
    assert (state.battery_percent, state.battery_low) == (33, True)
    known = Acquaintance(Device(CUFF_ADDRESS, cuff.identity.model), 0, battery_percent=40)
    assert not known.battery.low


async def test_a_battery_that_a_record_calls_low_is_reported_until_one_says_otherwise(
    meter: Meter, side: BluetoothSide
) -> None:
    for visit, status in enumerate((Status.BATTERY_LOW, Status(0)), 1):
        meter.take(Sample(Decimal(100 + visit), status=status))
        await side.visited(visit)
        (state,) = side.devices.states()
        assert state.battery_low is bool(status)


async def test_what_a_battery_was_is_known_to_the_next_run_too(
    meter: Meter, world: BluetoothWorld, tmp_path: Path
) -> None:
    """A ticket must not vanish because its gateway was started anew."""
    world.silence(meter)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        world.restore(meter)
        meter.take(Sample(Decimal(100), status=Status.BATTERY_LOW))
        await side.visited(1)
    world.silence(meter)
    told = DeviceState(METER_ADDRESS, meter.identity.model, None, meter.battery_percent, True)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        await eventually(lambda: side.scanning)
        assert side.devices.states() == [told]
        assert side.devices.live()[0] == [
            LiveDevice(METER_ADDRESS, None, told.battery_percent, True)
        ]
        world.restore(meter)
        meter.take(Sample(Decimal(101), status=Status.BATTERY_LOW))
        await eventually(lambda: side.devices.states()[0].last_seen_s is not None)
        assert side.devices.states()[0].battery_low  # from its first sighting on
        await side.visited(1)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        assert side.admissions.forget(METER_ADDRESS)
        assert side.devices.states() == []
