"""Scale, oximeter and thermometer over the air: what they measured, in their units, once."""

import asyncio
from decimal import Decimal

import pytest
from bleak import BleakClient

from schemas.gatt import oximeter, services, thermometer, weight
from schemas.gatt.oximeter import MeasurementStatus
from schemas.gatt.services import Service
from schemas.gatt.thermometer import TemperatureType, TemperatureUnit
from schemas.gatt.uuids import full
from schemas.gatt.weight import Ability, System
from simulators.peripherals import LoseConfirmation
from simulators.peripherals.models import OXIMETERS, SCALES, THERMOMETERS, Device
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, heard

ADDRESS = "C0:00:00:00:00:07"
TIMEOUT_S = 10.0


async def burst(service: Service) -> tuple[list[bytes], bytes]:
    """What a device of this service sends by itself, and what it says that it can notice."""
    found = await heard(ADDRESS)
    assert found is not None
    gone, received = asyncio.Event(), list[bytes]()
    async with BleakClient(found, lambda _client: gone.set()) as client:
        feature = bytes(await client.read_gatt_char(full(service.feature)))
        (source,) = service.pushed
        await client.start_notify(
            full(source.number), lambda _sender, value: received.append(bytes(value))
        )
        await asyncio.wait_for(gone.wait(), TIMEOUT_S)
    return received, feature


def handed_over(device: Device) -> list[bytes]:
    return [bytes.fromhex(entry.payload) for entry in device.ledger.handed_over]


async def test_a_scale_sends_what_it_weighed(world: BluetoothWorld) -> None:
    scale = SCALES["conformant"].build(ADDRESS, CLOCK)
    await world.add(scale, bonded=True)
    taken = [scale.take(Decimal("83.82")), scale.take(Decimal("84.1"))]
    received, feature = await burst(services.WEIGHT_SCALE)
    assert received == taken == handed_over(scale)
    first = weight.decode(taken[0])
    assert (first.weight, first.system, first.user) == (Decimal("83.80"), System.SI, None)
    assert first.timestamp is not None
    assert weight.decode_feature(feature).abilities == Ability.TIMESTAMP
    assert not scale.is_advertising


async def test_a_scale_in_pounds_for_two(world: BluetoothWorld) -> None:
    pounds = SCALES["pounds"].build(ADDRESS, CLOCK)
    await world.add(pounds, bonded=True)
    pounds.take(Decimal("83.8"))
    ((payload,), _) = await burst(services.WEIGHT_SCALE)
    measurement = weight.decode(payload)
    assert (measurement.system, measurement.weight) == (System.IMPERIAL, Decimal("184.7"))
    shared = SCALES["multi-user"].build(ADDRESS, CLOCK)
    users = [weight.decode(shared.take(Decimal(70), user=user)).user for user in (None, 2)]
    assert users == [1, 2]


async def test_an_oximeter_sends_its_spot_checks(world: BluetoothWorld) -> None:
    device = OXIMETERS["conformant"].build(ADDRESS, CLOCK)
    await world.add(device, bonded=True)
    taken = device.take(97, 72)
    device.inject(LoseConfirmation())
    assert (await burst(services.PULSE_OXIMETER))[0] == [taken]
    assert handed_over(device) == []
    received, feature = await burst(services.PULSE_OXIMETER)
    assert received == [taken] == handed_over(device)
    check = oximeter.decode(taken)
    assert (check.spo2_percent, check.pulse_rate) == (Decimal(97), Decimal(72))
    assert check.measurement_status is not None
    assert MeasurementStatus.VALIDATED in check.measurement_status
    can = oximeter.decode_features(feature).measurement_status
    assert can is not None
    assert MeasurementStatus.QUESTIONABLE_MEASUREMENT in can


@pytest.mark.parametrize(("model", "says"), [("conformant", False), ("clock-never-set", True)])
def test_an_oximeter_says_whether_its_clock_was_set(model: str, *, says: bool) -> None:
    device = OXIMETERS[model].build(ADDRESS, CLOCK)
    assert oximeter.decode(device.take(97, 72)).clock_not_set is says


async def test_a_thermometer_sends_in_its_unit(world: BluetoothWorld) -> None:
    device = THERMOMETERS["fahrenheit"].build(ADDRESS, CLOCK)
    await world.add(device, bonded=True)
    taken = device.take(Decimal("38.5"))
    received, feature = await burst(services.HEALTH_THERMOMETER)
    assert received == [taken] == handed_over(device)
    measurement = thermometer.decode(taken)
    assert measurement.unit is TemperatureUnit.FAHRENHEIT
    assert measurement.temperature == Decimal("101.3")
    assert thermometer.decode_type(feature) == measurement.type == TemperatureType.EAR
    celsius = THERMOMETERS["conformant"].build(ADDRESS, CLOCK).take(Decimal("36.4"))
    assert thermometer.decode(celsius).temperature == Decimal("36.4")
