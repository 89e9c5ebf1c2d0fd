"""A real bleak BlueZ client against the simulated meter: the record access control point."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal

import pytest
import pytest_asyncio
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import BleakGATTProtocolError

from schemas.gatt import glucose, racp, uuids
from schemas.gatt.glucose import DisplayUnit, Status
from schemas.gatt.glucose_context import Meal
from schemas.gatt.number import Absent
from schemas.gatt.racp import CountResponse, Opcode, Request, Response, ResponseCode, ResponseValue
from simulators.peripherals import NORDIC_ERRORS, DropLink, Meter, MeterBehaviour, Sample, Stall
from simulators.peripherals.meter import mg_dl
from simulators.world import BluetoothWorld
from tests.bluetooth_world import METER_ADDRESS, eventually, heard, make_meter

MEASUREMENT = uuids.full(uuids.GLUCOSE_MEASUREMENT)
CONTEXT = uuids.full(uuids.GLUCOSE_MEASUREMENT_CONTEXT)
CONTROL_POINT = uuids.full(uuids.RECORD_ACCESS_CONTROL_POINT)
TIMEOUT_S = 10.0


class Collector:
    """A connected client that asks for records."""

    def __init__(self, client: BleakClient, gone: asyncio.Event) -> None:
        self.client = client
        self.gone = gone
        self.received: list[bytes] = []
        self._answers: asyncio.Queue[Response] = asyncio.Queue()

    async def subscribe(self) -> None:
        for uuid in (MEASUREMENT, CONTEXT):
            await self.client.start_notify(uuid, lambda _c, data: self.received.append(bytes(data)))
        await self.client.start_notify(
            CONTROL_POINT,
            lambda _c, data: self._answers.put_nowait(racp.decode_response(bytes(data))),
        )

    async def request(self, request: Request) -> None:
        payload = racp.encode_request(request)
        await self.client.write_gatt_char(CONTROL_POINT, payload, response=True)

    async def answer(self) -> Response:
        return await asyncio.wait_for(self._answers.get(), TIMEOUT_S)

    async def ask(self, request: Request) -> Response:
        await self.request(request)
        return await self.answer()


async def find() -> BLEDevice:
    device = await heard(METER_ADDRESS)
    assert device is not None
    return device


@pytest_asyncio.fixture
async def collector(meter: Meter) -> AsyncIterator[Collector]:
    """Connected, not yet subscribed, to a meter with five records, the third with a context."""
    for number in range(5):
        meal = Meal.FASTING if number == 2 else None
        meter.take(Sample(Decimal(100 + number), meal))
    gone = asyncio.Event()
    async with BleakClient(await find(), lambda _client: gone.set()) as client:
        yield Collector(client, gone)


def payloads(meter: Meter) -> list[bytes]:
    return [bytes.fromhex(entry.payload) for entry in meter.ledger.taken]


def done(value: ResponseValue = ResponseValue.SUCCESS) -> ResponseCode:
    return ResponseCode(Opcode.REPORT_RECORDS, value)


async def test_all_records_come_in_order_and_count_as_handed_over(
    meter: Meter, collector: Collector
) -> None:
    await collector.subscribe()
    assert await collector.ask(racp.REPORT_ALL) == done()
    assert collector.received == payloads(meter)
    await eventually(lambda: meter.pending == 0)
    assert [e.payload for e in meter.ledger.handed_over] == [e.payload for e in meter.ledger.taken]


async def test_an_increment_a_range_the_first_and_the_last(
    meter: Meter, collector: Collector
) -> None:
    await collector.subscribe()
    first, second, third, context, fourth, fifth = payloads(meter)
    for request, expected in (
        (racp.at_least(4), [fourth, fifth]),
        (racp.at_most(1), [first]),
        (racp.between(2, 3), [second, third, context]),
        (racp.REPORT_FIRST, [first]),
        (racp.REPORT_LAST, [fifth]),
    ):
        collector.received.clear()
        assert await collector.ask(request) == done()
        assert collector.received == expected


async def test_nothing_new_is_a_normal_answer(collector: Collector) -> None:
    await collector.subscribe()
    assert await collector.ask(racp.at_least(6)) == done(ResponseValue.NO_RECORDS_FOUND)
    assert collector.received == []


async def test_the_number_of_records(collector: Collector) -> None:
    await collector.subscribe()
    assert await collector.ask(racp.COUNT_ALL) == CountResponse(5)


async def test_records_asked_for_twice_are_handed_over_once(
    meter: Meter, collector: Collector
) -> None:
    await collector.subscribe()
    await collector.ask(racp.REPORT_ALL)
    await collector.ask(racp.REPORT_ALL)
    assert len(collector.received) == 12
    assert len(meter.ledger.handed_over) == 6  # the first answer was confirmed before the second


async def test_deleting_is_not_supported(meter: Meter, collector: Collector) -> None:
    await collector.subscribe()
    answer = await collector.ask(Request(Opcode.DELETE_RECORDS, racp.Operator.ALL))
    assert answer == ResponseCode(Opcode.DELETE_RECORDS, ResponseValue.OPCODE_NOT_SUPPORTED)


async def test_a_request_before_subscribing_is_refused(collector: Collector) -> None:
    with pytest.raises(BleakGATTProtocolError) as refused:
        await collector.request(racp.REPORT_ALL)
    assert refused.value.code == 0xFD


async def test_a_second_request_is_refused_while_one_runs_and_an_abort_ends_it(
    meter: Meter, collector: Collector
) -> None:
    await collector.subscribe()
    meter.inject(Stall(after=2))
    await collector.request(racp.REPORT_ALL)
    await eventually(lambda: len(collector.received) == 2)
    with pytest.raises(BleakGATTProtocolError) as refused:
        await collector.request(racp.COUNT_ALL)
    assert refused.value.code == 0xFE
    assert await collector.ask(racp.ABORT) == ResponseCode(Opcode.ABORT, ResponseValue.SUCCESS)
    assert len(collector.received) == 2
    assert meter.ledger.handed_over == []


async def test_an_abort_with_nothing_to_abort(collector: Collector) -> None:
    await collector.subscribe()
    answer = await collector.ask(racp.ABORT)
    assert answer == ResponseCode(Opcode.ABORT, ResponseValue.ABORT_UNSUCCESSFUL)


async def test_a_request_of_one_byte_is_refused(collector: Collector) -> None:
    await collector.subscribe()
    with pytest.raises(BleakGATTProtocolError) as refused:
        await collector.client.write_gatt_char(CONTROL_POINT, b"\x01", response=True)
    assert refused.value.code == 0x0D


async def test_records_of_a_broken_transfer_are_not_handed_over(
    meter: Meter, collector: Collector
) -> None:
    await collector.subscribe()
    meter.inject(DropLink(after=2))
    with suppress(BleakGATTProtocolError):  # bluetoothd may see the end before the answer
        await collector.request(racp.REPORT_ALL)
    await asyncio.wait_for(collector.gone.wait(), TIMEOUT_S)
    assert collector.received == payloads(meter)[:2]
    assert meter.ledger.handed_over == []
    await eventually(lambda: meter.is_advertising)


async def test_a_context_that_nobody_listens_to_is_not_handed_over(
    meter: Meter, collector: Collector
) -> None:
    await collector.subscribe()
    await collector.client.stop_notify(CONTEXT)
    assert await collector.ask(racp.REPORT_ALL) == done()
    await eventually(lambda: meter.pending == 1)
    assert len(collector.received) == 5


async def test_the_older_family_of_error_codes(world: BluetoothWorld) -> None:
    meter = make_meter(MeterBehaviour(errors=NORDIC_ERRORS))
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    async with BleakClient(await find()) as client:
        collector = Collector(client, asyncio.Event())
        with pytest.raises(BleakGATTProtocolError) as refused:
            await collector.request(racp.REPORT_ALL)
    assert refused.value.code == 0x81


async def test_a_peer_that_does_nothing_is_sent_away(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    await collector.subscribe()
    monkeypatch.setattr("simulators.peripherals.served_link.IDLE_TIMEOUT_S", 0.05)
    assert await collector.ask(racp.COUNT_ALL) == CountResponse(5)  # the last sign of life
    await asyncio.wait_for(collector.gone.wait(), TIMEOUT_S)


async def test_it_advertises_only_for_a_while(world: BluetoothWorld) -> None:
    meter = make_meter(MeterBehaviour(advertise_s=0.0))
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    await eventually(lambda: meter._advertising_window is None)
    await eventually(lambda: not meter.is_advertising)
    assert meter.pending == 1


async def test_values_beyond_its_range_have_no_number_but_a_status(meter: Meter) -> None:
    high = glucose.decode(meter.take(Sample(mg_dl("HI"))).measurement)
    assert (high.concentration, high.status) == (
        Absent.POSITIVE_INFINITY,
        Status.RESULT_ABOVE_RANGE,
    )
    exact = glucose.decode(meter.take(Sample(mg_dl("112.5"))).measurement)
    assert exact.displayed == (Decimal("112.5"), DisplayUnit.MG_PER_DL)
    assert exact.sequence == high.sequence + 1
