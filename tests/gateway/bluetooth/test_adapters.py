"""A home with two adapters: each device is visited over the one that holds its bond."""

import ast
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import gateway
from gateway.admission.admission import Admission, AdmittedBy
from gateway.bedside.status import look
from gateway.bluetooth import doorkeeper
from gateway.bluetooth.bluez import Adapter
from gateway.process import note_stray_error
from simulators.peripherals.peripheral import Peripheral
from simulators.stack.process import Child, Program
from simulators.world import AdapterSettings, BluetoothWorld
from tests.bluetooth_world import (
    CUFF_ADDRESS,
    METER_ADDRESS,
    eventually,
    make_cuff,
    make_meter,
)
from tests.gateway.bluetooth.counters import refused_unpaired
from tests.gateway.bluetooth.people import gateway as command
from tests.gateway.bluetooth.side import BluetoothSide, alive

SECOND = AdapterSettings("hci1", "B8:27:EB:00:00:02")


@pytest_asyncio.fixture
async def two(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BluetoothWorld]:
    """A world with hci0 and hci1."""
    async with BluetoothWorld(short_directory, AdapterSettings(), SECOND) as running:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", running.bus_address)
        yield running


@pytest_asyncio.fixture
async def both(two: BluetoothWorld, tmp_path: Path) -> AsyncIterator[BluetoothSide]:
    """The gateway's Bluetooth side over both adapters."""
    assert two.bus_address
    asyncio.get_running_loop().set_exception_handler(note_stray_error)
    running = BluetoothSide(tmp_path, "hci0", "hci1")
    task = asyncio.create_task(running.run())
    yield running
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    running.close()


async def pair(
    world: BluetoothWorld, side: BluetoothSide, device: Peripheral, adapter: str
) -> None:
    """As if a person had paired the device over this adapter, in good time."""
    side.admissions.admit(Admission(device.identity.address, AdmittedBy.PERSON))
    await world.add(device, bonded=True, adapter=adapter)


async def test_a_device_is_visited_over_the_adapter_that_holds_its_bond(
    two: BluetoothWorld, both: BluetoothSide
) -> None:
    refused_before = refused_unpaired()
    over_first, over_second = make_cuff(), make_meter()
    await pair(two, both, over_first, "hci0")
    await pair(two, both, over_second, "hci1")
    taken = {over_first.take(120, 80, 70), over_second.take_payload(b"\x00\x01").measurement}
    await eventually(lambda: set(both.payloads) == taken)
    assert refused_unpaired() == refused_before


def test_every_call_names_its_adapter() -> None:
    """bleak's default one is picked from a set: with two of them, at random in each process."""
    calls = [
        call
        for source in Path(gateway.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"BleakClient", "BleakScanner"}
    ]
    named = [
        call
        for call in calls
        for argument in call.keywords
        if argument.arg == "bluez" and "'adapter':" in ast.unparse(argument.value)
    ]
    assert len(named) == len(calls) >= 4


async def test_a_stranger_to_both_is_refused(two: BluetoothWorld, both: BluetoothSide) -> None:
    refused_before = refused_unpaired()
    stranger = make_cuff()
    stranger.take(120, 80, 70)
    await two.add(stranger, bonded=False)
    await eventually(lambda: refused_unpaired() > refused_before)
    assert both.payloads == []


async def test_one_adapter_that_is_gone_leaves_the_other_at_work(
    two: BluetoothWorld, both: BluetoothSide
) -> None:
    await eventually(lambda: all(radio.ready.is_set() for radio in both.radios))
    await two.unplug("hci0")
    await eventually(lambda: "no adapter hci0" in str(both.devices.problems))
    cuff = make_cuff()
    await pair(two, both, cuff, "hci1")
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: both.payloads == [taken])


async def test_what_both_adapters_say_is_said_once(
    two: BluetoothWorld, both: BluetoothSide
) -> None:
    await two.crash()
    said = [Adapter.NO_DAEMON.value]
    await eventually(lambda: both.devices.problems == said)


async def test_a_bond_on_an_adapter_that_was_unplugged_is_removed_once_it_is_back(
    two: BluetoothWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person was told that all was done, and the device was bonded again from then on."""
    monkeypatch.setattr(doorkeeper, "DEFAULT_AGAIN_S", 0.05)
    over_first, over_second = make_cuff(), make_meter()
    async with alive(BluetoothSide(tmp_path, "hci0", "hci1")) as side:
        await pair(two, side, over_first, "hci0")
        await pair(two, side, over_second, "hci1")
        await two.unplug("hci1")
        for _ in range(2):
            code, said, _ = await command("unpair", METER_ADDRESS, "--yes", state=tmp_path)
            assert (code, "No Bluetooth adapter that is here holds its pairing" in said) == (
                0,
                True,
            )
        await two.plug("hci1")
        await eventually(lambda: side.admissions.bonds_to_go() == [])
        assert (two.is_paired(over_second), two.is_paired(over_first)) == (False, True)
    code, said, _ = await command("unpair", CUFF_ADDRESS, "--yes", state=tmp_path)
    assert (code, "No Bluetooth adapter" in said) == (0, False)


async def test_the_shipped_daemon_uses_each_adapter_that_it_is_given(
    two: BluetoothWorld, tmp_path: Path
) -> None:
    over_first, over_second = make_cuff(), make_meter()
    await two.add(over_first, bonded=True, adapter="hci0")
    await two.add(over_second, bonded=True, adapter="hci1")
    over_first.take(120, 80, 70)
    over_second.take_payload(b"\x00\x01")
    state = tmp_path / "state"
    where = ("--gateway-id", "home-1", "--state", str(state), "--mqtt", "mqtt://127.0.0.1:1")
    adapters = ("--adapter", "hci0", "--adapter", "hci1")
    command = (sys.executable, "-m", "vitalwire", "gateway", "run", *where, *adapters)
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": two.bus_address}
    daemon = Child(Program("gateway", command, tmp_path / "gateway.log", environment)).start()
    try:
        await eventually(lambda: over_first.pending == over_second.pending == 0)
        await eventually(lambda: look(state).status.held == 2)
    finally:
        await asyncio.to_thread(daemon.stop)
