"""Months with nobody to restart anything: pitfalls of BlueZ and bleak, and how each is got over.

The numbers are those of the table in docs/design/016.
"""

import asyncio
from contextlib import suppress
from decimal import Decimal
from random import Random

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from prometheus_client import REGISTRY

from gateway.bluetooth import harvest
from gateway.bluetooth import link as link_module
from gateway.bluetooth import scanner as scanner_module
from gateway.bluetooth import session as session_module
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.effects import Effects
from gateway.bluetooth.harvest import Harvest
from gateway.bluetooth.link import Link, LinkFailed, NotBonded, WriteRefused
from gateway.bluetooth.scanner import Scanner
from gateway.record import Notification, Record
from gateway.visits import scan_watch
from gateway.visits import table as visit_table
from gateway.visits.table import Command, Event, State
from gateway.visits.visit import Order
from schemas.errors import UnavailableError
from schemas.gatt import racp, uuids
from simulators.peripherals import NORDIC_ERRORS, Cuff, MeterBehaviour, Sample, Stall
from simulators.world import (
    BluetoothWorld,
    Deafness,
    DeviceForgotten,
    ReadHangs,
    StartDiscoveryInProgress,
    StopDiscoveryInProgress,
)
from tests.bluetooth_world import CUFF_ADDRESS, METER_ADDRESS, eventually, make_cuff, make_meter
from tests.gateway.bluetooth.counters import sessions
from tests.gateway.bluetooth.orders import watch
from tests.gateway.bluetooth.side import BluetoothSide
from tests.simulators.host import find


def failures(reason: str) -> float:
    labels = {"reason": reason}
    return REGISTRY.get_sample_value("vitalwire_gateway_failures_total", labels) or 0.0


async def test_pitfall_5_not_paired_is_a_bond_that_is_missing(world: BluetoothWorld) -> None:
    stranger = make_cuff()
    await world.add(stranger, bonded=False)
    stranger.take(120, 80, 70)
    link = Link(await find(), "hci0")
    await link.open([frozenset({uuids.BLOOD_PRESSURE_MEASUREMENT})], 10.0)
    with pytest.raises(NotBonded):
        await link.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT, print)
    await link.close()


async def test_pitfall_7_a_read_that_hangs_ends_the_visit_not_the_home(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "READ_TIMEOUT_S", 0.2)
    failed_before = sessions("link-failed")
    world.inject(ReadHangs())
    taken = cuff.take(120, 80, 70)
    await side.visited(1)
    assert sessions("link-failed") == failed_before + 1
    await eventually(lambda: side.payloads == [taken])


def test_pitfall_7_each_wait_of_ours_is_shorter_than_bluetoothds() -> None:
    bluetoothd_waits_s = 30.0  # ATT's transaction timeout
    ours_s = (
        link_module.READ_TIMEOUT_S,
        link_module.WRITE_TIMEOUT_S,
        link_module.SUBSCRIBE_TIMEOUT_S,
        link_module.UNSUBSCRIBE_TIMEOUT_S,
    )
    assert max(ours_s) < bluetoothd_waits_s


async def test_pitfall_8_after_a_drop_every_call_is_a_failed_link(
    cuff: Cuff, world: BluetoothWorld
) -> None:
    cuff.take(120, 80, 70)
    link = Link(await find(), "hci0")
    await link.open([frozenset({uuids.BLOOD_PRESSURE_MEASUREMENT})], 10.0)
    await world.drop_links()
    await eventually(link.lost.is_set)
    assert not link.has(uuids.BLOOD_PRESSURE_FEATURE)
    assert await link.read(uuids.BLOOD_PRESSURE_FEATURE) is None
    with pytest.raises(LinkFailed):
        await link.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT, print)
    with pytest.raises(LinkFailed):
        await link.write(uuids.CURRENT_TIME, b"")
    await link.close()


async def test_pitfall_9_a_second_client_that_disconnects_costs_a_visit_and_no_reading(
    cuff: Cuff, side: BluetoothSide
) -> None:
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await eventually(lambda: side.payloads == taken[:1])
    lost_before = sessions("link-lost") + sessions("complete")
    path = f"/org/bluez/hci0/dev_{CUFF_ADDRESS.replace(':', '_')}"
    device = BLEDevice(CUFF_ADDRESS, None, {"path": path, "props": {}})
    async with BleakClient(device, bluez={"adapter": "hci0"}) as other:
        assert other.is_connected
    await eventually(lambda: sessions("link-lost") + sessions("complete") > lost_before)
    await eventually(lambda: set(side.payloads) == set(taken))


async def test_pitfall_10_an_adapter_that_vanishes_within_a_session_and_comes_back(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await eventually(lambda: side.payloads == taken[:1])
    await world.unplug()
    await side.visited(1)
    await eventually(lambda: "there is no adapter hci0" in str(side.devices.problems))
    await world.plug()
    await eventually(lambda: set(side.payloads) == set(taken))
    await eventually(lambda: side.devices.problems == [])


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [(MeterBehaviour(), 0xFD), (MeterBehaviour(errors=NORDIC_ERRORS), 0x81)],
)
async def test_pitfall_11_the_attribute_error_of_a_refused_write_is_known(
    world: BluetoothWorld, behaviour: MeterBehaviour, code: int
) -> None:
    meter = make_meter(behaviour)
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    link = Link(await find(METER_ADDRESS), "hci0")
    await link.open([frozenset({uuids.GLUCOSE_MEASUREMENT})], 10.0)
    with pytest.raises(WriteRefused) as refused:
        await link.write(uuids.RECORD_ACCESS_CONTROL_POINT, racp.encode_request(racp.REPORT_ALL))
    assert refused.value.code == code
    await link.close()


async def test_pitfall_15_a_device_that_bluetoothd_forgot_is_scanned_for_again(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    vanished_before = sessions("vanished")
    world.inject(DeviceForgotten())
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])
    assert sessions("vanished") == vanished_before + 1


async def test_the_bus_itself_is_started_anew(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    first = cuff.take(120, 80, 70)
    await side.visited(1)
    await world.restart_bus()
    second = cuff.take(130, 85, 71)
    await eventually(lambda: side.payloads == [first, second])
    await eventually(lambda: side.devices.problems == [])


async def test_a_scan_that_is_in_progress_is_tried_again(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    world.inject(StartDiscoveryInProgress())
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])
    assert side.devices.problems == []


async def test_a_scan_that_stays_in_progress_is_ended_by_power(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.bluetooth.bluez.POWER_ON_PAUSES_S", (0.05, 0.05, 0.05))
    cycled_before = failures("power-cycle")
    for _ in range(scan_watch.FAILED_STARTS_BEFORE_POWER):
        world.inject(StartDiscoveryInProgress())
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])
    assert failures("power-cycle") == cycled_before + 1


async def test_one_scan_lasts_for_all_visits(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan that is begun and ended around each connect collides with it: InProgress."""
    start, stop, calls = BleakScanner.start, BleakScanner.stop, list[str]()

    async def starting(scanner: BleakScanner) -> None:
        calls.append("start")
        await start(scanner)

    async def stopping(scanner: BleakScanner) -> None:
        calls.append("stop")
        await stop(scanner)

    await eventually(lambda: side.scanning)
    monkeypatch.setattr(BleakScanner, "start", starting)
    monkeypatch.setattr(BleakScanner, "stop", stopping)
    for visit in (1, 2, 3):
        taken = cuff.take(120 + visit, 80, 70)
        await side.visited(visit)
        assert side.payloads[-1] == taken
    assert calls == []


async def test_a_silent_scan_is_started_anew(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_watch, "SILENCE_FIRST_MS", 100)
    first = cuff.take(120, 80, 70)
    await side.visited(1)
    world.deafen(Deafness.UNTIL_DISCOVERY)
    second = cuff.take(130, 85, 71)
    await eventually(lambda: side.payloads == [first, second])


async def test_a_scan_that_stays_silent_gets_its_adapter_switched_off_and_on(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_watch, "SILENCE_FIRST_MS", 50)
    monkeypatch.setattr("gateway.bluetooth.bluez.POWER_ON_PAUSES_S", (0.05, 0.05, 0.05))
    first = cuff.take(120, 80, 70)
    await side.visited(1)
    world.deafen(Deafness.UNTIL_POWER)
    second = cuff.take(130, 85, 71)
    await eventually(lambda: side.payloads == [first, second])
    await eventually(lambda: side.devices.problems == [])


async def test_a_scan_that_bluetoothd_cannot_end_is_ended_by_power(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_watch, "SILENCE_FIRST_MS", 100)
    monkeypatch.setattr("gateway.bluetooth.bluez.POWER_ON_PAUSES_S", (0.05, 0.05, 0.05))
    first = cuff.take(120, 80, 70)
    await side.visited(1)
    cycled_before = failures("power-cycle")
    for _ in range(2):  # bleak gets over one by itself
        world.inject(StopDiscoveryInProgress())
    await eventually(lambda: failures("power-cycle") > cycled_before)
    second = cuff.take(130, 85, 71)
    await eventually(lambda: side.payloads == [first, second])


async def test_one_device_connects_at_a_time(cuff: Cuff, side: BluetoothSide) -> None:
    await eventually(side.bluez.ready.is_set)
    async with side.bluez.connecting:
        taken = cuff.take(120, 80, 70)
        await eventually(lambda: side.bluez.connecting._waiters)
        assert (cuff.is_connected, side.payloads) == (False, [])
    await eventually(lambda: side.payloads == [taken])


async def test_while_the_disk_refuses_a_device_is_neither_left_nor_set(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Store before erase: some devices forget when the link ends, or when their clock is set."""
    not_durable_before = sessions("journal")
    monkeypatch.setattr(harvest, "SILENCE_S", 0.05)
    append, refusals = side.journal.append, 0

    def refuses(_notification: Notification, *, newest: bool) -> Record:
        nonlocal refusals
        refusals += 1
        raise UnavailableError("The journal's disk fails.")

    monkeypatch.setattr(side.journal, "append", refuses)
    cuff.inject(Stall(after=1))
    first, _second = cuff.take(120, 80, 70), cuff.take(130, 85, 71)
    orders, waits = watch(monkeypatch), asyncio.Event()
    on_disk = Harvest.on_disk

    async def noting(brought: Harvest) -> None:
        waits.set()
        await on_disk(brought)

    monkeypatch.setattr(Harvest, "on_disk", noting)
    await waits.wait()  # the cuff has been silent for as long as it takes
    assert (refusals, cuff.is_connected) == (1, True)
    assert orders[-1] is Command.DRAIN
    monkeypatch.setattr(side.journal, "append", append)
    side.intake.retry()
    assert side.payloads == [first]
    await side.visited(1)
    assert orders[orders.index(Command.DRAIN) :][:3] == [
        Command.DRAIN,
        Command.SET_CLOCK,
        Command.DISCONNECT,
    ]
    assert sessions("journal") == not_durable_before + 1


async def test_a_visit_that_takes_too_long_waits_for_the_disk_before_it_leaves(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in memory alone must not be what the device forgets when the link ends."""
    monkeypatch.setitem(visit_table.DEADLINES_S, State.DRAINING, 0.3)
    monkeypatch.setattr(harvest, "SILENCE_S", 0.05)
    append, on_disk, waits = side.journal.append, Harvest.on_disk, list[bool]()

    def refuses(_notification: Notification, *, newest: bool) -> Record:
        raise UnavailableError("The journal's disk fails.")

    async def noting(brought: Harvest) -> None:
        waits.append(cuff.is_connected)
        await on_disk(brought)

    monkeypatch.setattr(side.journal, "append", refuses)
    monkeypatch.setattr(Harvest, "on_disk", noting)
    cuff.inject(Stall(after=1))
    first, _second = cuff.take(120, 80, 70), cuff.take(130, 85, 71)
    await eventually(lambda: len(waits) > 1)  # until it is silent; and before it is left
    assert (waits, cuff.is_connected, side.visits) == ([True, True], True, 0)
    monkeypatch.setattr(side.journal, "append", append)
    side.intake.retry()
    assert side.payloads == [first]
    await side.visited(1)


class Clockwork:
    """A clock that is moved by hand."""

    boot_id = "0" * 32

    def __init__(self) -> None:
        self.now_ms = 0

    def monotonic_ms(self) -> int:
        return self.now_ms

    def wall_ms(self) -> int:
        return self.now_ms

    def synchronised(self) -> bool:
        return False


async def test_a_scanner_that_hangs_in_what_has_a_limit_is_wedged(
    world: BluetoothWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon then tells systemd nothing any more."""
    assert world.bus_address
    begun = asyncio.Event()

    async def hangs(_scanner: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(BleakScanner, "start", hangs)
    monkeypatch.setattr(scanner_module, "START_TIMEOUT_S", None)
    radio, clock = Bluez("hci0", Random(1)), Clockwork()
    scanner = Scanner(radio, clock, print, Random(1))
    radio.ready.set()
    scanning = asyncio.create_task(scanner.run())
    await begun.wait()
    wedged = []
    for clock.now_ms in (scanner_module.WEDGED_AFTER_MS, scanner_module.WEDGED_AFTER_MS + 1):
        wedged.append(scanner.wedged)
    assert wedged == [False, True]
    scanning.cancel()
    await asyncio.gather(scanning, return_exceptions=True)


async def test_a_goodbye_that_bluetoothd_does_not_answer_ends_the_visit_all_the_same(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled, bleak says goodbye first; where nobody answers, the visit does not wait for it."""
    monkeypatch.setattr(session_module, "DISCONNECT_TIMEOUT_S", 0.2)
    complete_before, waits = sessions("complete"), asyncio.Event()

    async def deaf(_effects: Effects, _order: Order) -> Event:
        waits.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Effects, "_drain", deaf)
    cuff.inject(Stall(after=1))
    taken = cuff.take(120, 80, 70)
    cuff.take(130, 85, 71)
    await waits.wait()
    await eventually(lambda: side.payloads == [taken])
    await world.drop_links()
    await side.visited(1)
    assert sessions("complete") == complete_before + 1
