"""A real bleak BlueZ client against the simulated cuff: the burst and what survives it."""

import asyncio
from datetime import datetime
from decimal import Decimal

import pytest
from bleak import BleakClient
from bleak.exc import BleakGATTProtocolError

from schemas.gatt import blood_pressure, current_time, device_information, uuids
from simulators.peripherals import Cuff, DropLink, LoseConfirmation
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CUFF_ADDRESS, eventually, heard

MEASUREMENT = uuids.full(uuids.BLOOD_PRESSURE_MEASUREMENT)
CURRENT_TIME = uuids.full(uuids.CURRENT_TIME)
TIMEOUT_S = 10.0


class Listener:
    """One connection to the cuff and what came over it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._gone = asyncio.Event()

    async def find(self) -> BleakClient:
        device = await heard(CUFF_ADDRESS)
        assert device is not None
        return BleakClient(device, lambda _client: self._gone.set())

    async def listen(self, client: BleakClient) -> list[bytes]:
        """Subscribe, wait until the cuff drops the link, return what it sent.

        Disconnecting after the drop closes the client's connection to the bus: bleak keeps it.
        """
        await client.start_notify(MEASUREMENT, lambda _c, data: self.received.append(bytes(data)))
        await asyncio.wait_for(self._gone.wait(), TIMEOUT_S)
        await client.disconnect()
        return self.received


async def listen() -> list[bytes]:
    listener = Listener()
    client = await listener.find()
    await client.connect()
    return await listener.listen(client)


def handed_over(cuff: Cuff) -> list[bytes]:
    return [bytes.fromhex(entry.payload) for entry in cuff.ledger.handed_over]


async def test_a_burst_is_handed_over_and_the_cuff_drops_the_link(cuff: Cuff) -> None:
    taken = [cuff.take(120 + number, 80, 70) for number in range(3)]
    assert await listen() == taken
    assert handed_over(cuff) == taken
    assert cuff.pending == 0
    await eventually(lambda: not cuff.is_connected)
    assert not cuff.is_advertising


async def test_a_measurement_carries_the_values_and_the_time_of_the_display(cuff: Cuff) -> None:
    before = cuff.clock.now().replace(microsecond=0)
    measurement = blood_pressure.decode(cuff.take(192, 124, 96))
    values = [measurement.systolic, measurement.diastolic, measurement.pulse]
    assert values == [Decimal(192), Decimal(124), Decimal(96)]
    assert measurement.timestamp is not None
    stamped = measurement.timestamp.naive
    assert stamped is not None
    assert before <= stamped <= cuff.clock.now()


async def test_what_was_not_confirmed_comes_again_with_the_same_bytes(cuff: Cuff) -> None:
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 75)]
    cuff.inject(LoseConfirmation())
    assert await listen() == taken[:1]
    assert handed_over(cuff) == []
    assert await listen() == taken
    assert handed_over(cuff) == taken


async def test_a_link_that_breaks_within_a_burst_loses_nothing(cuff: Cuff) -> None:
    taken = [cuff.take(120 + number, 80, 70) for number in range(3)]
    cuff.inject(DropLink(after=1))
    assert await listen() == taken[:1]
    assert await listen() == taken[1:]
    assert handed_over(cuff) == taken


async def test_a_measurement_during_a_session_goes_with_it_or_advertises_again(cuff: Cuff) -> None:
    taken = [cuff.take(120, 80, 70)]
    listener = Listener()
    client = await listener.find()
    await client.connect()
    taken.append(cuff.take(121, 81, 71))
    assert await listener.listen(client) == taken
    taken.append(cuff.take(122, 82, 72))
    assert await listen() == taken[2:]


async def test_the_clock_can_be_read_and_set_and_runs_on(cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    async with await Listener().find() as client:
        now = cuff.clock.now()
        cuff.clock.set(datetime.fromisoformat("2021-03-01T08:00:00"))
        shown = current_time.decode(bytes(await client.read_gatt_char(CURRENT_TIME))).naive
        assert shown is not None
        assert shown.year == 2021
        payload = current_time.encode(current_time.of(now))
        await client.write_gatt_char(CURRENT_TIME, payload, response=True)
        assert abs((cuff.clock.now() - now).total_seconds()) < 5


async def test_it_says_what_it_is(cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    async with await Listener().find() as client:
        model = bytes(await client.read_gatt_char(uuids.full(uuids.MODEL_NUMBER)))
        battery = bytes(await client.read_gatt_char(uuids.full(uuids.BATTERY_LEVEL)))
    assert device_information.decode_text(model) == "Cuff One"
    assert device_information.decode_battery_percent(battery) == 90


async def test_writing_to_what_is_read_only_is_refused(cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    async with await Listener().find() as client:
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.write_gatt_char(uuids.full(uuids.MODEL_NUMBER), b"x", response=True)
    assert refused.value.code == 0x03


async def test_it_keeps_its_measurements_while_it_is_switched_off(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    taken = [cuff.take(120, 80, 70)]
    await cuff.stop()
    await cuff.start(world.air)
    assert await listen() == taken
