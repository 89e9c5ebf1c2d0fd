"""Attacks and accidents at the door: who gets readings in, and who pairs, while the daemon runs."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus
from prometheus_client import REGISTRY

from gateway import metrics
from gateway.admission.admission import Admission, AdmittedBy, Refusal
from gateway.bluetooth import doorkeeper, pairing
from gateway.bluetooth.agent import register, request_default
from gateway.bluetooth.bluez import (
    BLUEZ,
    DEVICE_INTERFACE,
    Bluez,
    call,
    system_bus,
)
from gateway.bluetooth.scanner import Sighting
from gateway.visits import dialling
from simulators.peripherals import Cuff, DeviceClock, Habits, Ledger, Meter, Sample
from simulators.world import BluetoothWorld
from tests.bluetooth_world import (
    CLOCK,
    CUFF_ADDRESS,
    METER_ADDRESS,
    eventually,
    make_cuff,
    make_meter,
)
from tests.gateway.bluetooth.counters import refused_unpaired
from tests.gateway.bluetooth.outsiders import (
    Applet,
    ask_for_security,
    connected,
    path_of,
    stranger_connected,
)
from tests.gateway.bluetooth.people import gateway
from tests.gateway.bluetooth.side import BluetoothSide, alive


def refused(reason: str) -> float:
    labels = {"reason": reason}
    return REGISTRY.get_sample_value("vitalwire_gateway_refused_total", labels) or 0.0


def spoofer(serial: str = "C-0001") -> Cuff:
    """Somebody's cuff that says it is the admitted one: its address and its name."""
    real = make_cuff()
    identity = replace(real.identity, serial=serial)
    return Cuff(identity, DeviceClock(CLOCK), Ledger(CUFF_ADDRESS, CLOCK))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "REST_AFTER_FAILURE_FIRST_MS", 10)
    monkeypatch.setattr(dialling, "UNREACHABLE_FROM_FAILURES", 2)  # real visits fail after 10 s


async def test_what_was_paired_before_is_adopted_at_the_first_start(
    cuff: Cuff, side: BluetoothSide
) -> None:
    taken = cuff.take(120, 80, 70)
    await side.visited(1)
    assert side.payloads == [taken]
    (admission,) = side.admissions.all()
    assert (admission.by, admission.address) == (AdmittedBy.ADOPTION, CUFF_ADDRESS)
    assert (admission.model, admission.serial) == (cuff.identity.model, cuff.identity.serial)


async def test_what_was_paired_before_is_adopted_once_its_adapter_is_there(
    cuff: Cuff, world: BluetoothWorld, tmp_path: Path
) -> None:
    """A bluetoothd that has no adapter yet shows no bond: everything was taken for strange then."""
    await world.unplug()
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        await side.doorkeeper.registered.wait()
        await eventually(lambda: side.tells("there is no adapter hci0"))
        assert not side.doorkeeper.open.is_set()
        await world.plug()
        taken = cuff.take(120, 80, 70)
        await eventually(lambda: side.payloads == [taken])


async def test_a_device_whose_bond_this_machine_has_lost_is_named(
    world: BluetoothWorld, side: BluetoothSide, tmp_path: Path
) -> None:
    """With another adapter, say. Nobody dials it, so nothing else would ever say so."""
    cuff = make_cuff()
    side.admissions.admit(Admission(CUFF_ADDRESS, AdmittedBy.PERSON, cuff.name))
    cuff.take(120, 80, 70)
    await world.add(cuff, bonded=False)
    way_out = f"has lost its pairing; run `vitalwire gateway pair {CUFF_ADDRESS}`"
    await eventually(lambda: side.tells(way_out))
    assert side.payloads == []
    await cuff.set_pairing_mode(on=True)
    code, _, complained = await gateway("pair", CUFF_ADDRESS, state=tmp_path)
    assert (code, complained) == (0, "")
    await eventually(lambda: len(side.payloads) == 1)
    assert not side.tells(way_out)


KEYBOARD, LAMP, BY_ITS_NAME = (f"C0:00:00:00:00:{number}" for number in (11, 12, 13))


class Keyboard(Cuff):
    """Something that is paired with this machine for another purpose."""

    service_uuids: ClassVar[list[str]] = []


def nameless(kind: type[Cuff], address: str, name: str) -> Cuff:
    """Something whose advertisement names no service."""
    identity = replace(make_cuff().identity, address=address, name=name)
    habits = Habits(advertises_service=False)
    device = kind(identity, DeviceClock(CLOCK), Ledger(address, CLOCK), habits=habits)
    device.take(120, 80, 70)
    return device


async def test_what_is_none_of_ours_is_neither_counted_nor_shown(
    world: BluetoothWorld, tmp_path: Path
) -> None:
    before, heard = refused_unpaired(), set[str]()
    await world.add(nameless(Keyboard, KEYBOARD, "KEYBOARD"), bonded=True)
    await world.add(nameless(Cuff, LAMP, "LAMP"), bonded=False)
    await world.add(nameless(Cuff, BY_ITS_NAME, "BLEsmart_0000"), bonded=False)
    side = BluetoothSide(tmp_path, "hci0")
    (scanner,) = side.devices._scanners.values()
    judge = scanner._sighted

    def sighted(sighting: Sighting) -> None:
        heard.add(sighting.address)
        judge(sighting)

    scanner._sighted = sighted
    async with alive(side):
        await eventually(lambda: heard == {LAMP, KEYBOARD, BY_ITS_NAME})
        await eventually(lambda: refused_unpaired() > before)
        _known, strangers = side.devices.live()
        assert [one.advert.address for one in strangers] == [BY_ITS_NAME]
        assert refused_unpaired() == before + 1
        assert side.devices.problems == []


async def paired_outside(world: BluetoothWorld, side: BluetoothSide) -> Meter:
    await side.doorkeeper.open.wait()
    meter = make_meter()
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    await eventually(lambda: side.tells(f"{METER_ADDRESS} was paired outside"))
    return meter


async def test_a_device_paired_outside_later_is_not_read_but_shown(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    await paired_outside(world, side)
    assert side.visits == 0
    side.admissions.admit(Admission(METER_ADDRESS, AdmittedBy.PERSON))
    await side.visited(1)
    assert not side.tells(METER_ADDRESS)
    assert cuff.pending == 0


async def test_a_device_whose_pairing_goes_by_itself_was_not_paired_outside(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = await paired_outside(world, side)
    side.admissions.forget(METER_ADDRESS)  # as `unpair` does where bluetoothd is away
    assert not side.tells(METER_ADDRESS)
    assert world.is_paired(meter)


async def test_a_device_that_was_given_away_is_no_problem_any_more(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    meter = await paired_outside(world, side)
    world.silence(meter)  # it leaves the home, and is never heard again
    assert await pairing.unpair(METER_ADDRESS)
    await eventually(lambda: not side.tells(METER_ADDRESS))


async def test_a_device_that_forgot_its_bond_is_no_problem_once_it_is_unpaired(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    await side.doorkeeper.open.wait()
    side.devices._note_refusal(CUFF_ADDRESS, Refusal.SERIAL.value)
    side.devices._unbonded.add(CUFF_ADDRESS)
    assert len([problem for problem in side.devices.problems if CUFF_ADDRESS in problem]) == 2
    world.silence(cuff)
    side.admissions.forget(CUFF_ADDRESS)
    assert not side.tells(CUFF_ADDRESS)


async def test_a_spoofer_without_the_key_of_the_bond_gets_nothing_in(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    await side.doorkeeper.open.wait()
    await world.remove(cuff)
    false = spoofer()
    false.take(250, 150, 70)
    await world.add(false, bonded=False)
    await eventually(lambda: side.tells(CUFF_ADDRESS))
    assert side.visits > 0
    assert (side.payloads, false.pending) == ([], 1)
    assert [admission.address for admission in side.admissions.all()] == [CUFF_ADDRESS]


async def test_a_visit_without_bluetoothds_word_on_the_bond_brings_nothing_in(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What scanning has seen of the bond may be over: it is asked for within each visit."""

    async def gone(_radio: Bluez, _address: str) -> bool:
        return False

    before = refused("not-encrypted")
    cuff.take(120, 80, 70)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Bluez, "is_bonded", gone)
        await eventually(lambda: refused("not-encrypted") > before)
        assert (side.payloads, cuff.pending) == ([], 1)
    await eventually(lambda: len(side.payloads) == 1)


async def test_another_serial_number_is_refused_even_with_the_key(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    taken = cuff.take(120, 80, 70)
    await side.visited(1)
    await world.remove(cuff)
    before, false = refused("serial"), spoofer(serial="C-0002")
    dropped = metrics.refused()["notifications"]
    false.bonds = cuff.bonds  # the key has leaked
    false.take(250, 150, 70)
    await world.add(false, bonded=False)
    await eventually(lambda: side.tells("another serial number"))
    assert refused("serial") > before
    assert side.payloads == [taken]
    # It handed something over before it said who it is; from now on it is asked first.
    await eventually(lambda: not false.is_connected)
    assert metrics.refused()["notifications"] == dropped + 1
    assert side.journal.anteroom.sessions() == []
    before = refused("serial")
    false.take(251, 151, 70)
    await eventually(lambda: refused("serial") > before)
    assert (side.payloads, false.pending) == ([taken], 1)


async def test_who_was_refused_is_asked_first_after_a_restart_too(
    world: BluetoothWorld, tmp_path: Path
) -> None:
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        cuff = make_cuff()
        await world.add(cuff, bonded=True)
        cuff.take(120, 80, 70)
        await side.visited(1)
        await world.remove(cuff)
        false = spoofer(serial="C-0002")
        false.bonds = cuff.bonds  # the key has leaked
        false.take(250, 150, 70)
        await world.add(false, bonded=False)
        await eventually(lambda: side.tells("another serial number") and not false.is_connected)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        before = refused("serial")
        false.take(251, 151, 70)
        await eventually(lambda: refused("serial") > before)
        assert (side.payloads, false.pending) == ([], 1)


async def test_a_stranger_that_asks_for_security_is_not_paired_while_the_daemon_runs(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    await side.doorkeeper.registered.wait()
    await eventually(lambda: side.scanning)
    before = refused("pairing")
    async with stranger_connected(world) as stranger:
        ask_for_security(stranger)
        await eventually(lambda: refused("pairing") == before + 1)
        assert await pairing.paired_devices("hci0") == []


async def test_whoever_answered_for_this_machine_before_lets_nothing_in_while_the_daemon_runs(
    world: BluetoothWorld, tmp_path: Path
) -> None:
    """bluetoothd asks the first that registered, unless another one requests to be the default."""
    applet = Applet()
    async with system_bus() as bus:
        await register(bus, applet)
        async with alive(BluetoothSide(tmp_path, "hci0")) as side:
            await side.doorkeeper.registered.wait()
            await eventually(lambda: side.scanning)
            before = refused("pairing")
            async with stranger_connected(world) as stranger:
                ask_for_security(stranger)
                await eventually(lambda: applet.asked or refused("pairing") > before)
                assert applet.asked == []
                assert await pairing.paired_devices("hci0") == []


async def test_whoever_answers_for_this_machine_later_does_not_for_long(
    world: BluetoothWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bluetoothd tells nobody that another agent has become the default one."""
    monkeypatch.setattr(doorkeeper, "DEFAULT_AGAIN_S", 0.01)
    applet, requested = Applet(), 0

    async def request_and_count(bus: MessageBus) -> None:
        nonlocal requested
        await request_default(bus)
        requested += 1

    monkeypatch.setattr(doorkeeper, "request_default", request_and_count)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side, system_bus() as bus:
        await side.doorkeeper.registered.wait()
        await eventually(lambda: side.scanning)
        await register(bus, applet, default=True)
        sent_before = requested + 1  # one may be on its way
        await eventually(lambda: requested > sent_before)
        before = refused("pairing")
        async with stranger_connected(world) as stranger:
            ask_for_security(stranger)
            await eventually(lambda: applet.asked or refused("pairing") > before)
            assert applet.asked == []
            assert await pairing.paired_devices("hci0") == []


async def test_without_an_agent_a_stranger_is_not_paired_either(world: BluetoothWorld) -> None:
    """bluetoothd is "Pairable" only as long as somebody has registered an agent."""
    async with stranger_connected(world) as stranger:
        assert stranger._link.connection is not None
        refused = asyncio.Event()
        stranger._link.connection.on("pairing_failure", lambda _reason: refused.set())
        ask_for_security(stranger)
        await refused.wait()
        assert not world.is_paired(stranger)


async def test_whoever_may_use_the_bus_may_pair_but_what_was_paired_outside_is_not_let_in(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    """bluetoothd asks no agent about a pairing that somebody on the bus began."""
    await side.doorkeeper.registered.wait()
    before, cuff = refused("pairing"), make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    async with connected(world, cuff) as bus:
        await call(bus, Message(BLUEZ, path_of(cuff), DEVICE_INTERFACE, "Pair"))
    assert [found.address for found in await pairing.paired_devices("hci0")] == [CUFF_ADDRESS]
    cuff.take(120, 80, 70)
    await eventually(lambda: side.tells(f"{CUFF_ADDRESS} was paired outside"))
    assert (refused("pairing"), side.payloads) == (before, [])


async def test_a_device_that_asks_for_security_at_once_is_paired_by_a_person_meanwhile(
    world: BluetoothWorld, side: BluetoothSide, tmp_path: Path
) -> None:
    await side.doorkeeper.registered.wait()
    meter = make_meter()
    await world.add(meter, bonded=False)
    await meter.set_pairing_mode(on=True)
    meter._device.on("connection", lambda connection: connection.request_pairing())
    before = refused("pairing")
    code, _, complained = await gateway("pair", METER_ADDRESS, state=tmp_path)
    assert (code, complained) == (0, "")
    assert refused("pairing") == before
    admission = side.admissions.get(METER_ADDRESS)
    assert admission is not None
    assert admission.serial == meter.identity.serial


async def test_the_agent_is_back_after_bluetoothd_restarts(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    await side.doorkeeper.registered.wait()
    await world.crash()
    await eventually(lambda: not side.doorkeeper.registered.is_set())
    await world.restart()
    await side.doorkeeper.registered.wait()
    await eventually(lambda: side.scanning)
    before = refused("pairing")
    async with stranger_connected(world) as stranger:
        ask_for_security(stranger)
        await eventually(lambda: refused("pairing") == before + 1)
    assert not cuff.is_connected
