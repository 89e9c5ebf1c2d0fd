"""The gateway collects from every simulated model everything that it hands over."""

from random import Random

import pytest

from simulators.measuring import measure
from simulators.patients import Body
from simulators.peripherals.models import MODELS, Device
from simulators.scenario import DeviceKind
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, eventually
from tests.gateway.bluetooth.side import BluetoothSide

ADDRESS = "C0:00:00:00:00:05"
MEASUREMENTS = 4
# A meter knows that records have arrived only by the end of the procedure that it never reaches.
WITHOUT_PROOF = {("meter", "drops-mid-transfer")}
COLLECTED = [(kind, name) for kind, models in MODELS.items() for name in models]


def take(device: Device, kind: DeviceKind, count: int, seed: int = 1) -> None:
    rng = Random(seed)
    body = Body.draw(rng)
    for _ in range(count):
        measure(device, body.everyday(kind, 12.0, rng))


@pytest.mark.parametrize(("kind", "model"), COLLECTED)
async def test_everything_is_collected_from(
    kind: DeviceKind, model: str, world: BluetoothWorld, side: BluetoothSide
) -> None:
    device: Device = MODELS[kind][model].build(ADDRESS, CLOCK)
    take(device, kind, MEASUREMENTS)
    await world.add(device, bonded=True)
    taken = {bytes.fromhex(entry.payload) for entry in device.ledger.taken}
    await eventually(lambda: set(side.payloads) == taken)
    if (kind, model) not in WITHOUT_PROOF:
        await eventually(lambda: device.pending == 0)
    assert {bytes.fromhex(entry.payload) for entry in device.ledger.handed_over} <= taken
