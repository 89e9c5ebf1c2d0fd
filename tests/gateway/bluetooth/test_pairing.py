"""What a person does once per device, as the command line does it."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from bleak.backends.device import BLEDevice
from bumble import hci
from dbus_fast.aio import MessageBus

from gateway.bedside import overview
from gateway.bluetooth import doorkeeper, first_meeting, pairing
from schemas.errors import UnavailableError
from simulators.peripherals import Cuff, Habits, Meter, Sample
from simulators.world import BluetoothWorld
from simulators.world.radio import Bond
from tests.bluetooth_world import (
    CLOCK,
    CUFF_ADDRESS,
    METER_ADDRESS,
    eventually,
    heard,
    make_cuff,
)
from tests.gateway.bluetooth.people import gateway, person
from tests.gateway.bluetooth.side import BluetoothSide, alive

PASSKEY = 123_456
TASK = first_meeting.Task(CLOCK)


async def test_a_device_without_display_is_paired_and_then_read(
    world: BluetoothWorld, side: BluetoothSide, tmp_path: Path
) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, said, complained = await gateway("pair", CUFF_ADDRESS.lower(), state=tmp_path)
    assert (code, complained) == (0, "")
    assert f"Paired {cuff.name} {CUFF_ADDRESS}" in said
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])


async def test_a_device_with_a_display_asks_for_its_digits(
    world: BluetoothWorld, tmp_path: Path
) -> None:
    cuff = make_cuff(passkey=PASSKEY)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, said, _ = await gateway("pair", CUFF_ADDRESS, state=tmp_path, typed=f"{PASSKEY:06}\n")
    assert code == 0
    assert "Six digits" in said
    assert "Paired" in said


@pytest.mark.parametrize("passkey", [1, None])
async def test_wrong_or_no_digits_are_an_error_with_a_way_out(
    world: BluetoothWorld, passkey: int | None
) -> None:
    cuff = make_cuff(passkey=PASSKEY)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    with pytest.raises(UnavailableError, match=r"digits were wrong.*pairing mode again"):
        await pairing.pair("hci0", person(CUFF_ADDRESS, passkey), TASK)
    assert await pairing.paired_devices("hci0") == []


async def test_who_pairs_what_somebody_else_is_pairing_is_told_so_and_spoils_nothing(
    world: BluetoothWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuff = make_cuff(passkey=PASSKEY)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    asked, read = asyncio.Event(), asyncio.Event()
    find, sighted = pairing._find, list[BLEDevice]()

    async def once(bus: MessageBus, adapter: str, whoever: pairing.Person) -> BLEDevice:
        """Both heard it before the first one connected: then it is silent."""
        if not sighted:
            sighted.append(await find(bus, adapter, whoever))
        return sighted[0]

    monkeypatch.setattr(pairing, "_find", once)

    async def slowly() -> int | None:
        asked.set()
        await read.wait()
        return PASSKEY

    slow = replace(person(CUFF_ADDRESS), ask_passkey=slowly)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(pairing.pair("hci0", slow, TASK))
        await asked.wait()
        with pytest.raises(UnavailableError, match="another program"):
            await pairing.pair("hci0", person(CUFF_ADDRESS, PASSKEY), TASK)
        read.set()
    found, _ = first.result()
    assert found.bonded


async def test_who_does_not_let_itself_be_paired_is_told_with_what_may_keep_it_from_it(
    world: BluetoothWorld,
) -> None:
    like = make_cuff()
    taken = Cuff(like.identity, like.clock, like.ledger, habits=Habits(bonds_max=1))
    telephone = hci.Address("C0:00:00:00:00:AA")
    await taken.remember(telephone, Bond().keys(telephone))
    await world.add(taken, bonded=False)
    await taken.set_pairing_mode(on=True)
    with pytest.raises(UnavailableError, match=r"takes no second one.*remove its old pairings"):
        await pairing.pair("hci0", person(CUFF_ADDRESS), TASK)


async def test_the_agent_leaves_the_bus_with_the_pairing(world: BluetoothWorld) -> None:
    cuff = make_cuff(passkey=PASSKEY)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    said: list[str] = []
    found, met = await pairing.pair("hci0", person(CUFF_ADDRESS, PASSKEY, said.append), TASK)
    assert (found.address, found.kinds, found.bonded) == (CUFF_ADDRESS, ("blood pressure",), True)
    assert (met.said.model, met.said.serial) == (cuff.identity.model, cuff.identity.serial)
    assert said == [f"Found {cuff.name}.", "Pairing…"]
    await eventually(lambda: not cuff.is_connected)


async def test_devices_lists_what_is_paired(cuff: Cuff, meter: Meter) -> None:
    cuff.take(120, 80, 70)
    meter.take(Sample(Decimal(100)))
    devices = {device.address: device for device in await pairing.paired_devices("hci0")}
    assert devices[CUFF_ADDRESS].kinds == ("blood pressure",)
    assert devices[METER_ADDRESS].kinds == ("glucose",)


async def test_a_device_that_nobody_hears_is_an_error_with_a_way_out(
    cuff: Cuff, world: BluetoothWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not cuff.is_advertising
    monkeypatch.setattr(pairing, "FIND_TIMEOUT_S", 0.2)
    with pytest.raises(UnavailableError, match="Put it into pairing mode"):
        await pairing.pair("hci0", person(METER_ADDRESS), TASK)
    assert world.bus_address


async def test_a_device_that_is_being_read_is_not_said_to_be_silent(
    cuff: Cuff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not advertise meanwhile; and its visit is not cut off."""
    cuff.take(120, 80, 70)
    device = await heard(CUFF_ADDRESS)
    assert device is not None
    told: list[str] = []
    whoever = replace(person(CUFF_ADDRESS), tell=told.append)
    async with first_meeting.connected(device, "hci0") as link:
        with monkeypatch.context() as briefly:
            briefly.setattr(pairing, "FIND_TIMEOUT_S", 0.2)
            with pytest.raises(UnavailableError, match=r"is connected.*Wait until it has ended"):
                await pairing.pair("hci0", whoever, TASK)
        assert told == [f"{CUFF_ADDRESS} is connected just now; waiting for the end of that."]
        assert not link.lost.is_set()
        again = asyncio.create_task(pairing.pair("hci0", whoever, TASK))
        await eventually(lambda: len(told) > 1)
    _, met = await again
    assert met.said.serial == cuff.identity.serial


async def test_without_bluetoothd_it_is_one_line_with_a_way_out(
    world: BluetoothWorld, tmp_path: Path
) -> None:
    await world.crash()
    code, _, complained = await gateway("pair", CUFF_ADDRESS, state=tmp_path)
    assert (code, complained.count("\n")) == (75, 1)
    assert "sudo systemctl start bluetooth" in complained
    with pytest.raises(UnavailableError, match="start bluetooth"):
        await pairing.paired_devices("hci0")


async def test_another_adapter_is_missing(world: BluetoothWorld) -> None:
    assert world.bus_address
    with pytest.raises(UnavailableError, match="there is no adapter hci7"):
        await pairing.paired_devices("hci7")


async def test_without_a_bus_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    with pytest.raises(UnavailableError, match="no D-Bus system bus"):
        await pairing.paired_devices("hci0")
    with pytest.raises(UnavailableError, match="no D-Bus system bus"):
        await pairing.pair("hci0", person(CUFF_ADDRESS), TASK)


async def test_a_bond_that_an_adapter_would_not_let_go_is_removed_later(
    cuff: Cuff, world: BluetoothWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bluetoothd removes nothing from an adapter that is off: the device stayed paired for good."""
    monkeypatch.setattr(doorkeeper, "DEFAULT_AGAIN_S", 0.05)
    async with alive(BluetoothSide(tmp_path, "hci0")) as side:
        await side.doorkeeper.open.wait()
        await world.set_powered(powered=False)
        await eventually(lambda: side.tells("hci0 is switched off"))
        code, said, complained = await gateway("unpair", CUFF_ADDRESS, "--yes", state=tmp_path)
        assert (code, said) == (75, "")
        assert "its pairing is still here. Bluetooth: adapter hci0 is switched off" in complained
        assert "`bluetoothctl power on`. Once that is mended" in complained
        kept = overview.gather(tmp_path, overview.look_if_any(tmp_path), None, CLOCK)
        assert kept.unpaired == [CUFF_ADDRESS]
        assert (side.admissions.all(), world.is_paired(cuff)) == ([], True)
        await world.set_powered(powered=True)
        await eventually(lambda: not world.is_paired(cuff))
        await eventually(lambda: side.admissions.bonds_to_go() == [])
