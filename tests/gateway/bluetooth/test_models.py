"""The gateway collects from every simulated model everything that it hands over."""

from random import Random

import pytest
import pytest_asyncio

from schemas.gatt.quirks import QUIRKS
from simulators.measuring import measure
from simulators.patients import Body
from simulators.peripherals.models import CONFORMANT, MODELS, Device
from simulators.scenario import DeviceKind
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, eventually
from tests.gateway.bluetooth.side import BluetoothSide

ADDRESS = "C0:00:00:00:00:05"
MEASUREMENTS = 4
# A meter knows that records have arrived only by the end of the procedure that it never reaches.
WITHOUT_PROOF = {("meter", "drops-mid-transfer")}
ALL = [(kind, name) for kind, models in MODELS.items() for name in models]
WORTH_AN_EMULATOR = {CONFORMANT, "drops-mid-transfer", *(quirk.title for quirk in QUIRKS)}
CHOSEN = [row for row in ALL if row[1] in WORTH_AN_EMULATOR]
FURTHER = [row for row in ALL if row not in CHOSEN]


@pytest_asyncio.fixture
async def device(kind: DeviceKind, model: str, world: BluetoothWorld) -> Device:
    """A device with some measurements, paired before the gateway began."""
    built: Device = MODELS[kind][model].build(ADDRESS, CLOCK)
    rng = Random(1)
    body = Body.draw(rng)
    for _ in range(MEASUREMENTS):
        measure(built, body.everyday(kind, 12.0, rng))
    await world.add(built, bonded=True)
    return built


@pytest.mark.parametrize(("kind", "model"), CHOSEN)
async def test_everything_is_collected_from(
    kind: DeviceKind, model: str, device: Device, side: BluetoothSide
) -> None:
    await all_is_collected(device, side, proven=(kind, model) not in WITHOUT_PROOF)


@pytest.mark.parametrize(("kind", "model"), FURTHER)
async def test_everything_is_collected_from_further_models(
    device: Device, side: BluetoothSide
) -> None:
    await all_is_collected(device, side, proven=True)


async def all_is_collected(device: Device, side: BluetoothSide, *, proven: bool) -> None:
    taken = {bytes.fromhex(entry.payload) for entry in device.ledger.taken}
    await eventually(lambda: set(side.payloads) == taken)
    if proven:
        await eventually(lambda: device.pending == 0)
    assert {bytes.fromhex(entry.payload) for entry in device.ledger.handed_over} <= taken
