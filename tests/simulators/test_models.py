"""Each model's departures from the standard, seen over the air by a real bleak BlueZ client."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain

import pytest
from bleak import BleakScanner
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import hci

from gateway.bluetooth import first_meeting, pairing
from schemas.errors import UnavailableError
from schemas.gatt import (
    blood_pressure,
    blood_pressure_record,
    contour_clock,
    current_time,
    date_time,
    enhanced_blood_pressure,
    glucose,
    quirks,
    racp,
    uuids,
)
from schemas.gatt.blood_pressure import PressureUnit
from schemas.gatt.glucose import ConcentrationUnit, DisplayUnit
from schemas.gatt.number import Absent
from simulators.peripherals import Cuff, DropLink, Habits, Meter, Sample
from simulators.peripherals.meter import mg_dl
from simulators.peripherals.models import CUFFS, METERS, STORING_CUFFS
from simulators.world import BluetoothWorld
from simulators.world.radio import Bond
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, METER_ADDRESS, eventually
from tests.simulators.peer import CONTROL_POINT, peer

OF_A_METER = (
    uuids.GLUCOSE_MEASUREMENT,
    uuids.GLUCOSE_MEASUREMENT_CONTEXT,
    uuids.RECORD_ACCESS_CONTROL_POINT,
)


async def burst(*also: int) -> list[bytes]:
    """What the cuff sends to who subscribes, up to its end of the link."""
    async with peer(CUFF_ADDRESS) as client:
        await client.subscribe(*also, uuids.BLOOD_PRESSURE_MEASUREMENT)
        await client.ended()
        return client.of(uuids.BLOOD_PRESSURE_MEASUREMENT)


async def records(request: racp.Request = racp.REPORT_ALL) -> list[bytes]:
    """What the meter answers to a request for records."""
    async with peer(METER_ADDRESS) as client:
        await client.subscribe(*OF_A_METER)
        await client.ask(request)
        return client.of(uuids.GLUCOSE_MEASUREMENT)


async def advertised(address: str) -> AdvertisementData:
    async with BleakScanner() as scanner:
        await eventually(lambda: address in scanner.discovered_devices_and_advertisement_data)
        return scanner.discovered_devices_and_advertisement_data[address][1]


async def pair(address: str, passkey: int | None = None) -> None:
    async def digits() -> int | None:
        return passkey

    async def compares(_shown: int) -> bool:
        return False

    person = pairing.Person(address, digits, compares, lambda _told: None)
    await pairing.pair("hci0", person, first_meeting.Task(CLOCK))


async def cuff(world: BluetoothWorld, model: str, *, bonded: bool = True) -> Cuff:
    device = CUFFS[model].build(CUFF_ADDRESS, CLOCK)
    await world.add(device, bonded=bonded)
    return device


async def meter(world: BluetoothWorld, model: str, *, bonded: bool = True) -> Meter:
    device = METERS[model].build(METER_ADDRESS, CLOCK)
    await world.add(device, bonded=bonded)
    return device


def handed_over(device: Cuff | Meter) -> list[bytes]:
    return [bytes.fromhex(entry.payload) for entry in device.ledger.handed_over]


def test_every_quirk_that_we_know_of_can_be_simulated() -> None:
    models = {**CUFFS, **METERS}
    for quirk in quirks.QUIRKS:
        model = models[quirk.title]
        assert quirk.source == model.source
        assert f"test_{quirk.title.replace('-', '_')}" in globals()
        device = model.build("C0:00:00:00:00:03", CLOCK)
        said = {"model": device.identity.model, "manufacturer": device.identity.manufacturer}
        assert quirks.quirk_of(name=None, **said) is quirk


async def test_beurer_bm(world: BluetoothWorld) -> None:
    device = await cuff(world, "beurer-bm")
    taken = device.take(113, 73, 65, user=1)
    assert taken[:1] == b"\x56"
    assert taken[14:] == bytes.fromhex("0041010000")  # as a real BM85 sent it
    async with peer(CUFF_ADDRESS) as hasty:
        await hasty.client.read_gatt_char(uuids.full(uuids.BLOOD_PRESSURE_FEATURE))
        await hasty.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT)
        await hasty.client.read_gatt_char(uuids.full(uuids.BLOOD_PRESSURE_FEATURE))
        assert hasty.received == []
    async with peer(CUFF_ADDRESS) as patient:
        await eventually(lambda: not device._device.asked_within(0.1))
        await patient.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT)
        await patient.ended()
        assert patient.of(uuids.BLOOD_PRESSURE_MEASUREMENT) == [taken] == handed_over(device)


async def test_and_ua651(world: BluetoothWorld) -> None:
    device = await cuff(world, "and-ua651", bonded=False)
    await device.set_pairing_mode(on=True)
    said = await advertised(CUFF_ADDRESS)
    assert said.local_name == "A&D_UA-651BLE_0001"
    taken = device.take(120, 80, 70)
    await pair(CUFF_ADDRESS)
    assert handed_over(device) == []
    async with peer(CUFF_ADDRESS) as client:
        service = client.client.services.get_service(uuids.full(uuids.BLOOD_PRESSURE_SERVICE))
        assert service is not None
        clock = service.get_characteristic(uuids.full(uuids.DATE_TIME))
        assert clock is not None
        earlier = datetime.fromisoformat("2024-02-29T12:00:00")
        payload = date_time.encode(date_time.of(earlier))
        await client.client.write_gatt_char(clock, payload, response=True)
        shown = date_time.decode(bytes(await client.client.read_gatt_char(clock))).naive
        assert shown is not None
        assert earlier <= shown < earlier + timedelta(minutes=1)
        await client.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT)
        await client.ended()
        assert client.of(uuids.BLOOD_PRESSURE_MEASUREMENT) == [taken]
    await eventually(lambda: not device.is_advertising)


async def test_omron(world: BluetoothWorld) -> None:
    device = await cuff(world, "omron")
    device.take(120, 80, 70, user=1)
    device.take(121, 81, 71, user=1)
    device.take(122, 82, 72, user=2)
    said = await advertised(CUFF_ADDRESS)
    assert said.manufacturer_data[0x020E] == bytes.fromhex("0101020002010001")
    now = current_time.encode(current_time.of(device.clock.now()))
    clock = uuids.full(uuids.CURRENT_TIME)
    async with peer(CUFF_ADDRESS) as client:
        await client.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT, uuids.BATTERY_LEVEL)
        with pytest.raises(BleakGATTProtocolError):
            await client.client.write_gatt_char(clock, now, response=True)
        assert client.of(uuids.BLOOD_PRESSURE_MEASUREMENT) == []
        await client.subscribe(uuids.CURRENT_TIME)
        await client.ended()
        assert len(client.of(uuids.BLOOD_PRESSURE_MEASUREMENT)) == 3
        assert client.of(uuids.BATTERY_LEVEL)
        assert client.of(uuids.CURRENT_TIME)
    device.take(123, 83, 73, user=2)
    with pytest.raises(BleakError):  # it has forgotten the bond, and we have not
        await burst(uuids.CURRENT_TIME, uuids.BATTERY_LEVEL)


async def test_an_omron_that_was_not_subscribed_wholly_is_not_paired(world: BluetoothWorld) -> None:
    device = await cuff(world, "omron", bonded=False)
    await device.set_pairing_mode(on=True)
    await pair(CUFF_ADDRESS)
    await eventually(lambda: not device.is_connected)
    assert await device.bonds.store.get_all() == []
    assert device.bonds.pairing_mode
    device.take(120, 80, 70)
    with pytest.raises(BleakError):  # the host still encrypts with a key that is no longer known
        async with peer(CUFF_ADDRESS):
            pass


async def test_accu_chek_guide(world: BluetoothWorld) -> None:
    device = await meter(world, "accu-chek-guide", bonded=False)
    await device.set_pairing_mode(on=True)
    await pair(METER_ADDRESS, passkey=123_456)
    shown = device.clock.now()
    taken = device.take(Sample(Decimal(111))).measurement
    assert await records() == [taken]
    record = glucose.decode(taken)
    assert (record.unit, record.time_offset_min) == (ConcentrationUnit.KG_PER_L, 339)
    assert record.user_time is not None
    assert abs(record.user_time - shown) < timedelta(seconds=5)
    base = record.base_time.naive
    assert base is not None
    assert record.user_time - base == timedelta(minutes=339)


async def test_accu_chek_instant(world: BluetoothWorld) -> None:
    device = await meter(world, "accu-chek-instant")
    taken = [device.take(Sample(Decimal(100 + number))).measurement for number in range(3)]
    async with peer(METER_ADDRESS) as client:
        await client.subscribe(*OF_A_METER)
        await client.ask(racp.REPORT_LAST)
        assert client.client.is_connected
        await client.ask(racp.REPORT_ALL)
        await client.ended()
        assert client.of(uuids.GLUCOSE_MEASUREMENT) == [taken[-1], *taken]


async def test_contour_next_one(world: BluetoothWorld) -> None:
    device = await meter(world, "contour-next-one")
    taken = device.take(Sample(Decimal(100))).measurement
    async with peer(METER_ADDRESS) as client:
        setting = contour_clock.of(datetime.fromisoformat("2026-03-14T07:05:09+01:00"))
        payload = contour_clock.encode(setting)
        await client.client.write_gatt_char(uuids.CONTOUR_CLOCK, payload, response=True)
    shown = device.clock.now() - datetime.fromisoformat("2026-03-14T07:05:09")
    assert timedelta() <= shown < timedelta(minutes=1)
    assert await records() == [taken, taken]
    assert handed_over(device) == [taken]


async def test_a_contour_that_is_not_bonded_with_at_once_leaves(world: BluetoothWorld) -> None:
    impatient = replace(METERS["contour-next-one"], habits=Habits(wants_encryption_within_s=1.0))
    device = impatient.build(METER_ADDRESS, CLOCK)
    await world.add(device, bonded=False)
    device.take(Sample(Decimal(100)))
    async with peer(METER_ADDRESS) as client:
        await client.ended()


async def test_delete_after_transfer(world: BluetoothWorld) -> None:
    device = await cuff(world, "delete-after-transfer")
    taken = [device.take(120 + number, 80, 70) for number in range(3)]
    device.inject(DropLink(after=2))
    assert await burst() == taken[:2] == handed_over(device)
    assert await burst() == taken == handed_over(device)
    assert not device.is_advertising


async def test_a_meter_that_deletes_after_transfer(world: BluetoothWorld) -> None:
    device = await meter(world, "delete-after-transfer")
    taken = [device.take(Sample(Decimal(100 + number))).measurement for number in range(2)]
    assert await records(racp.REPORT_FIRST) == taken[:1]
    device.announce()
    assert await records() == taken[1:]
    device.take(Sample(Decimal(110)))
    async with peer(METER_ADDRESS) as client:
        await client.subscribe(*OF_A_METER)
        assert racp.decode_response(await client.ask(racp.COUNT_ALL)) == racp.CountResponse(1)
        await client.ask(racp.REPORT_ALL)
        (newest,) = client.of(uuids.GLUCOSE_MEASUREMENT)
    assert glucose.decode(newest).sequence == 3


async def test_keeps_everything(world: BluetoothWorld) -> None:
    device = await cuff(world, "keeps-everything")
    taken = [device.take(120, 80, 70)]
    assert await burst() == taken
    taken.append(device.take(121, 81, 71))
    assert await burst() == taken == handed_over(device)


async def test_multi_user(world: BluetoothWorld) -> None:
    device = await cuff(world, "multi-user")
    device.take(120, 80, 70)
    device.take(121, 81, 71, user=2)
    assert [blood_pressure.decode(payload).user for payload in await burst()] == [1, 2]


async def test_kpa(world: BluetoothWorld) -> None:
    device = await cuff(world, "kpa")
    device.take(120, 80, 70)
    (payload,) = await burst()
    measurement = blood_pressure.decode(payload)
    assert measurement.unit is PressureUnit.KPA
    assert (measurement.systolic, measurement.diastolic) == (Decimal("16.0"), Decimal("10.7"))


async def test_mmol(world: BluetoothWorld) -> None:
    device = await meter(world, "mmol")
    taken = [device.take(Sample(mg_dl(value))).measurement for value in ("180", "HI")]
    assert await records() == taken
    assert glucose.decode(taken[0]).displayed == (Decimal("10.0"), DisplayUnit.MMOL_PER_L)
    assert glucose.decode(taken[1]).concentration is Absent.POSITIVE_INFINITY


async def test_no_clock(world: BluetoothWorld) -> None:
    device = await cuff(world, "no-clock")
    device.take(120, 80, 70)
    async with peer(CUFF_ADDRESS) as client:
        services = client.client.services
        assert services.get_characteristic(uuids.full(uuids.CURRENT_TIME)) is None
        await client.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT)
        await client.ended()
        (payload,) = client.of(uuids.BLOOD_PRESSURE_MEASUREMENT)
    assert blood_pressure.decode(payload).timestamp is None


async def test_clock_never_set(world: BluetoothWorld) -> None:
    device = await cuff(world, "clock-never-set")
    device.take(120, 80, 70)
    (payload,) = await burst()
    timestamp = blood_pressure.decode(payload).timestamp
    assert timestamp is not None
    assert (timestamp.year, timestamp.month, timestamp.day) == (2000, 1, 1)
    of_meter = METERS["clock-never-set"].build(METER_ADDRESS, CLOCK).take(Sample(Decimal(100)))
    assert glucose.decode(of_meter.measurement).base_time.year == 2000


async def test_drops_mid_transfer(world: BluetoothWorld) -> None:
    device = await cuff(world, "drops-mid-transfer")
    taken = [device.take(120 + number, 80, 70) for number in range(5)]
    assert [await burst() for _ in range(3)] == [taken[:2], taken[2:4], taken[4:]]


async def test_a_meter_that_drops_mid_transfer(world: BluetoothWorld) -> None:
    device = await meter(world, "drops-mid-transfer")
    taken = [device.take(Sample(Decimal(100 + number))).measurement for number in range(8)]
    async with peer(METER_ADDRESS) as client:
        await client.subscribe(*OF_A_METER)
        await client.client.write_gatt_char(CONTROL_POINT, b"\x01\x01", response=True)
        await client.ended()
        assert client.of(uuids.GLUCOSE_MEASUREMENT) == taken[:5]
    assert await records(racp.at_least(6)) == taken[5:]


async def test_stores_records(world: BluetoothWorld) -> None:
    device = STORING_CUFFS["stores-records"].build(CUFF_ADDRESS, CLOCK)
    await world.add(device, bonded=True)
    taken = [device.take(120 + number, 80, 70).measurement for number in range(3)]
    async with peer(CUFF_ADDRESS) as client:
        await client.subscribe(uuids.BLOOD_PRESSURE_RECORD, uuids.RECORD_ACCESS_CONTROL_POINT)
        assert racp.decode_response(await client.ask(racp.COUNT_ALL)) == racp.CountResponse(3)
        await client.ask(racp.at_least(2))
        assert client.of(uuids.BLOOD_PRESSURE_RECORD) == taken[1:]
    segment = blood_pressure_record.decode_segment(taken[2], checksum=True)
    assert segment.checksum_fits
    record = blood_pressure_record.join([segment])
    assert (record.sequence, record.characteristic) == (3, 0x2B34)
    measurement = enhanced_blood_pressure.decode(record.payload)
    assert measurement.systolic == Decimal(122)
    shown = measurement.details.timestamp
    assert shown is not None
    assert abs(shown - device.clock.now()) < timedelta(minutes=1)


async def test_stores_records_in_segments(world: BluetoothWorld) -> None:
    device = STORING_CUFFS["stores-records-in-segments"].build(CUFF_ADDRESS, CLOCK)
    await world.add(device, bonded=True)
    taken = [device.take(120 + number, 80, 70) for number in range(25)]
    sent = [[record.measurement, *record.continued] for record in taken]
    assert device.pending == 25
    device.inject(DropLink(after=1, notifications=2))
    async with peer(CUFF_ADDRESS) as client:
        await client.subscribe(uuids.BLOOD_PRESSURE_RECORD, uuids.RECORD_ACCESS_CONTROL_POINT)
        await client.client.write_gatt_char(CONTROL_POINT, b"\x01\x01", response=True)
        await client.ended()
        assert client.of(uuids.BLOOD_PRESSURE_RECORD) == [*sent[0], *sent[1][:2]]
    assert (device.pending, device.ledger.handed_over) == (25, [])
    async with peer(CUFF_ADDRESS) as client:
        await client.subscribe(uuids.BLOOD_PRESSURE_RECORD, uuids.RECORD_ACCESS_CONTROL_POINT)
        assert racp.decode_response(await client.ask(racp.COUNT_ALL)) == racp.CountResponse(25)
        await client.ask(racp.at_least(2))
        assert client.of(uuids.BLOOD_PRESSURE_RECORD) == list(chain.from_iterable(sent[1:]))
    assert device.pending == 1
    counters = []
    for number, payloads in enumerate(sent, 1):
        segments = [
            blood_pressure_record.decode_segment(payload, checksum=True) for payload in payloads
        ]
        record = blood_pressure_record.join(segments)
        assert (len(segments), record.sequence, record.checksums_fit) == (3, number, True)
        assert enhanced_blood_pressure.decode(record.payload).systolic == Decimal(119 + number)
        counters += [segment.counter for segment in segments]
    assert counters == [number % 64 for number in range(75)]


async def test_refuses_second_bond(world: BluetoothWorld) -> None:
    device = await cuff(world, "refuses-second-bond", bonded=False)
    telephone = hci.Address("C0:00:00:00:00:99")
    await device.remember(telephone, Bond().keys(telephone))
    await device.set_pairing_mode(on=True)
    with pytest.raises(UnavailableError, match="takes no second one"):
        await pair(CUFF_ADDRESS)
    await device.forget_bonds()
    await device.set_pairing_mode(on=True)
    await pair(CUFF_ADDRESS)
    taken = device.take(120, 80, 70)
    assert await burst() == [taken]
