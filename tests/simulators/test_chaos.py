"""One seed is one run: faults first, then delivery is demanded, and the ledgers must not lie."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from decimal import Decimal
from random import Random

import pytest
from bleak import BleakClient
from bleak.exc import BleakError

from schemas.gatt import racp, uuids
from schemas.gatt.glucose_context import Meal
from simulators.peripherals import Cuff, DropLink, LoseConfirmation, Meter, Sample, Stall
from simulators.peripherals.peripheral import Peripheral
from simulators.world import BluetoothWorld, ConnectFails, ServicesResolvedEarly
from tests.bluetooth_world import CUFF_ADDRESS, METER_ADDRESS, heard

MEASUREMENTS = 12
PATIENCE_S = 0.25  # with a device that has gone quiet
TIMEOUT_S = 30.0


class Visitor(ABC):
    """Visits one device, again and again, until it has nothing more to hand over."""

    def __init__(self, address: str, device: Peripheral) -> None:
        self._address = address
        self.device = device
        self.received: list[str] = []

    async def collect(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while self.device.pending:
                found = await heard(self._address, 0.5)
                if found is not None:
                    self._gone = asyncio.Event()
                    with suppress(BleakError, TimeoutError):
                        async with BleakClient(found, self._lost) as client:
                            await self.visit(client)

    def _lost(self, _client: BleakClient) -> None:
        self._gone.set()

    async def listen(self, client: BleakClient, number: int) -> None:
        await client.start_notify(
            uuids.full(number), lambda _c, data: self.received.append(data.hex())
        )

    @abstractmethod
    async def visit(self, client: BleakClient) -> None: ...


class CuffVisitor(Visitor):
    async def visit(self, client: BleakClient) -> None:
        await self.listen(client, uuids.BLOOD_PRESSURE_MEASUREMENT)
        await asyncio.wait_for(self._gone.wait(), PATIENCE_S)


class MeterVisitor(Visitor):
    async def visit(self, client: BleakClient) -> None:
        await self.listen(client, uuids.GLUCOSE_MEASUREMENT)
        await self.listen(client, uuids.GLUCOSE_MEASUREMENT_CONTEXT)
        answered = asyncio.Event()
        control_point = uuids.full(uuids.RECORD_ACCESS_CONTROL_POINT)
        await client.start_notify(control_point, lambda _c, _data: answered.set())
        request = racp.encode_request(racp.REPORT_ALL)
        await client.write_gatt_char(control_point, request, response=True)
        await asyncio.wait_for(answered.wait(), PATIENCE_S)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_breaks_everything_arrives_and_nothing_is_claimed_that_did_not(
    world: BluetoothWorld, cuff: Cuff, meter: Meter, seed: int
) -> None:
    rng = Random(seed)
    for fault in (ConnectFails(), ServicesResolvedEarly(), ConnectFails()):
        world.inject(fault)
    for device in (cuff, meter):
        device.inject(DropLink(after=rng.randrange(MEASUREMENTS)))
        device.inject(Stall(after=rng.randrange(MEASUREMENTS)))
    cuff.inject(LoseConfirmation())
    for number in range(MEASUREMENTS):
        cuff.take(100 + number, 80, 70)
        meter.take(Sample(Decimal(100 + number), rng.choice([None, Meal.FASTING])))

    visitors: list[Visitor] = [
        CuffVisitor(CUFF_ADDRESS, cuff),
        MeterVisitor(METER_ADDRESS, meter),
    ]
    for visitor in visitors:
        await visitor.collect()
        ledger = visitor.device.ledger
        taken = [entry.payload for entry in ledger.taken]
        assert sorted(set(visitor.received)) == sorted(taken), f"{seed=}"
        assert [entry.payload for entry in ledger.handed_over] == taken, f"{seed=}"
