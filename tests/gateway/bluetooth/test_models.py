"""The gateway collects from every simulated model everything that it hands over."""

from random import Random

import pytest
import pytest_asyncio

from gateway.decoding.decode import decode
from ingest.plausibility import check
from schemas.gatt.quirks import QUIRKS
from schemas.reading import Part, Reading
from simulators.measuring import measure
from simulators.patients import Body
from simulators.peripherals.model import CONFORMANT
from simulators.peripherals.models import MODELS, Device
from simulators.scenario import DeviceKind
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, eventually
from tests.gateway.bluetooth.side import BluetoothSide

ADDRESS = "C0:00:00:00:00:05"
MEASUREMENTS = 7
VITALS_OF = {
    "cuff": {"blood_pressure"},
    "meter": {"glucose", "glucose_context"},
    "scale": {"weight"},
    "oximeter": {"oximetry"},
    "thermometer": {"body_temperature"},
}
# A meter knows that records have arrived only by the end of the procedure that it never reaches.
WITHOUT_PROOF = {("meter", "drops-mid-transfer")}
# Its ledger cannot know how it will have cut a record: see test_segments.
BY_ITSELF = {"cuts-records-anew"}
ALL = [(kind, name) for kind, models in MODELS.items() for name in models if name not in BY_ITSELF]
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
    all_is_understood(kind, side)


@pytest.mark.parametrize(("kind", "model"), FURTHER)
async def test_everything_is_collected_from_further_models(
    kind: DeviceKind, device: Device, side: BluetoothSide
) -> None:
    await all_is_collected(device, side, proven=True)
    all_is_understood(kind, side)


async def all_is_collected(device: Device, side: BluetoothSide, *, proven: bool) -> None:
    taken = {bytes.fromhex(entry.payload) for entry in device.ledger.taken}
    await eventually(lambda: set(side.payloads) == taken)
    if proven:
        await eventually(lambda: device.pending == 0)
    assert {bytes.fromhex(entry.payload) for entry in device.ledger.handed_over} <= taken


def all_is_understood(kind: DeviceKind, side: BluetoothSide) -> None:
    """Each record becomes a reading of the device's vital that the bridge accepts."""
    entries = side.journal.entries(range(side.kept[0].seq, side.kept[-1].seq + 1))
    for entry in entries:
        reading = decode(entry, "home-1")
        if isinstance(reading, Part):  # of one in segments
            continue
        assert isinstance(reading, Reading), reading
        assert reading.vital in VITALS_OF[kind]
        assert reading.attributes.get("trailing") is None
        check(reading)
