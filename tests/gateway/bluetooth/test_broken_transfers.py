"""What a meter had still to tell when the link broke is told at a later visit."""

from decimal import Decimal

from schemas.gatt.glucose_context import Meal
from simulators.peripherals import DropLink, MeterBehaviour, Sample
from simulators.peripherals.records import Record
from simulators.world import BluetoothWorld
from tests.bluetooth_world import eventually, make_meter
from tests.gateway.bluetooth.side import BluetoothSide


async def test_contexts_that_come_last_outlive_a_link_that_breaks_before_them(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    """The cursor waits for them at their first coming: nobody would ask for them again."""
    meter = make_meter(MeterBehaviour(contexts_last=True))
    meter.inject(DropLink(after=3))
    taken = [meter.take(Sample(Decimal(100 + one), meal=Meal.FASTING)) for one in range(5)]
    await world.add(meter, bonded=True)
    await eventually(lambda: not meter.pending)
    assert set(side.payloads) == {payload for one in taken for payload in payloads(one)}


def payloads(record: Record) -> tuple[bytes, bytes]:
    assert record.context is not None
    return record.measurement, record.context
