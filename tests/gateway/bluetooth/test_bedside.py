"""The commands of a visiting nurse, as processes beside a living gateway."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.admission.live import DeviceRow, Overview
from gateway.bedside.checks_bluetooth import bluetooth
from gateway.bedside.finding import Verdict
from gateway.bedside.options import STATE_VARIABLE
from gateway.bedside.overview import ask_daemon
from gateway.bedside.patient import Patient
from gateway.journal.journal import Journal
from simulators.peripherals import Cuff, Meter, Sample
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld, StartDiscoveryHangs
from tests import bluetooth_world
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, METER_ADDRESS, eventually, make_cuff
from tests.gateway.bluetooth.clinic import GATEWAY_ID
from tests.gateway.bluetooth.people import COMMAND


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv(STATE_VARIABLE, str(directory))
    return directory


@pytest_asyncio.fixture
async def daemon(world: BluetoothWorld, state: Path, tmp_path: Path) -> AsyncIterator[Child]:
    """The shipped daemon with a broker."""
    with EmbeddedMqtt(tmp_path / "mqtt") as mqtt:
        os.environ["VITALWIRE_MQTT"] = mqtt.url
        command = (sys.executable, "-m", "vitalwire", "gateway", "run", "--rest", "0.1")
        where = ("--gateway-id", GATEWAY_ID, "--state", str(state), "--mqtt", mqtt.url)
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": world.bus_address}
        child = Child(Program("gateway", (*command, *where), tmp_path / "log", environment))
        child.start()
        try:
            await until_answering(state)
            # bluetoothd 5.66 may leave one of two scans that begin at the same moment unanswered.
            await eventually(lambda: "scan.started" in child.program.log.read_text())
            yield child
        finally:
            await asyncio.to_thread(child.stop)
            del os.environ["VITALWIRE_MQTT"]


async def until_answering(state: Path) -> None:
    """Ask in a thread: the daemon needs this thread's world to start."""
    async with asyncio.timeout(20):
        while await asyncio.to_thread(ask_daemon, state) is None:
            pass


async def vitalwire(*arguments: str, typed: str = "") -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate(typed.encode())
    return process.returncode, said.decode(), complained.decode()


async def test_scan_tells_what_is_near_and_how_to_pair_it(
    meter: Meter, world: BluetoothWorld
) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    cuff.take(120, 80, 70)
    meter.take(Sample(Decimal(100)))
    code, said, complained = await vitalwire("scan", "--listen", "1")
    assert (code, complained) == (0, "")
    (line,) = (line for line in said.splitlines() if line.endswith(CUFF_ADDRESS))
    assert all(words in line for words in ("BLOOD CUFF", "blood pressure", "near", "not paired"))
    assert f"sudo vitalwire gateway pair {CUFF_ADDRESS}" in said
    _, machine, _ = await vitalwire("scan", "--listen", "1", "--json")
    found = {one["address"]: one.get("bonded", False) for one in json.loads(machine)}
    assert found == {CUFF_ADDRESS: False, METER_ADDRESS: True}


async def test_scan_tells_what_is_paired_but_not_read(
    cuff: Cuff, meter: Meter, state: Path, tmp_path: Path
) -> None:
    """A bond that some other program made does not make a device count: 018."""
    elsewhere = tmp_path / "another home"
    elsewhere.mkdir()
    with Admissions(elsewhere) as admissions:
        admissions.adopt([Admission(METER_ADDRESS, AdmittedBy.PERSON)])
    cuff.take(120, 80, 70)
    meter.take(Sample(Decimal(100)))
    where = ("--listen", "1", "--state", str(elsewhere))
    _, said, complained = await vitalwire("scan", *where)
    lines = {line.split()[-1]: line for line in said.splitlines() if line}
    assert complained == ""
    assert "paired outside: not read" in lines[CUFF_ADDRESS]
    assert "outside" not in lines[METER_ADDRESS]
    pair = f"To pair one: `sudo vitalwire gateway pair {CUFF_ADDRESS} --state '{elsewhere}'`"
    assert pair in said
    _, machine, _ = await vitalwire("scan", *where, "--json")
    found = {one["address"]: one["admitted"] for one in json.loads(machine)}
    assert found == {CUFF_ADDRESS: False, METER_ADDRESS: True}
    assert not state.exists()


async def test_what_a_command_names_next_is_for_the_same_gateway(
    world: BluetoothWorld, tmp_path: Path
) -> None:
    assert world.bus_address

    async def advised(*arguments: str) -> str:
        _, said, complained = await vitalwire(*arguments, "--state", str(tmp_path))
        return said + complained

    Journal(tmp_path, "stream").close()
    for arguments, named in (
        (("devices",), "pair"),
        (("status",), "pair"),
        (("unpair", CUFF_ADDRESS, "--yes"), "devices"),
    ):
        assert f"gateway {named} --state {tmp_path}" in await advised(*arguments), arguments


@pytest.mark.parametrize("command", [("scan", "--listen", "1"), ("pair", CUFF_ADDRESS)])
async def test_what_keeps_bluetooth_from_scanning_is_one_line_with_a_way_out(
    command: tuple[str, ...], world: BluetoothWorld, state: Path
) -> None:
    assert not state.exists()
    missing = await vitalwire(*command, "--adapter", "hci7")
    await world.set_powered(powered=False)
    off = await vitalwire(*command)
    await world.crash()
    gone = await vitalwire(*command)
    for (code, _, complained), words in (
        (missing, "no adapter hci7; plug it in"),
        (off, "hci0 is switched off; run `bluetoothctl power on`"),
        (gone, "not running; run `sudo systemctl start bluetooth`"),
    ):
        assert (code, complained.count("\n"), "org." in complained) == (75, 1, False)
        assert words in complained


@pytest.mark.parametrize("command", [("scan", "--listen", "1"), ("pair", CUFF_ADDRESS)])
async def test_a_scan_that_bluetoothd_does_not_begin_is_one_line_with_a_way_out(
    command: tuple[str, ...], world: BluetoothWorld, state: Path
) -> None:
    world.inject(StartDiscoveryHangs())
    code, _, complained = await vitalwire(*command)
    assert (code, complained.count("\n")) == (75, 1)
    assert "Run the same command again." in complained


async def test_a_device_is_chosen_by_its_number_paired_and_read(
    world: BluetoothWorld, daemon: Child, state: Path
) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, said, complained = await vitalwire("pair", "--listen", "1", typed="\n")
    assert (code, complained) == (0, "")
    assert f"Paired {cuff.name} {CUFF_ADDRESS}" in said
    assert "take a measurement" in said
    assert "does not run" not in said
    with Admissions(state) as admissions:
        admission = admissions.get(CUFF_ADDRESS)
    assert admission is not None
    assert (admission.by, admission.serial) == (AdmittedBy.PERSON, cuff.identity.serial)
    cuff.take(120, 80, 70)
    await eventually(lambda: cuff.pending == 0)
    _, listed, _ = await vitalwire("devices")
    (line,) = (line for line in listed.splitlines() if line.endswith(CUFF_ADDRESS))
    assert all(words in line for words in (cuff.name, "Cuff One", "just now", "90 %")), line
    assert daemon.running


async def test_nobody_need_pair_what_is_listed(world: BluetoothWorld, state: Path) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, _, _ = await vitalwire("pair", "--listen", "1", typed="0\n")
    assert code == 0
    assert not world.is_paired(cuff)
    assert state.is_dir()


async def test_where_nobody_can_answer_a_question_the_way_out_is_an_option(
    world: BluetoothWorld, state: Path
) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, _, complained = await vitalwire("pair", "--listen", "1")
    assert (code, "vitalwire gateway pair ADDRESS" in complained) == (78, True), complained
    assert state.is_dir()
    with Admissions(state) as admissions:
        admissions.admit(Admission(CUFF_ADDRESS, AdmittedBy.PERSON))
    code, _, complained = await vitalwire("unpair", CUFF_ADDRESS)
    assert (code, "--yes" in complained) == (78, True), complained


@pytest.mark.parametrize("listen_s", ["0", "-3", "nan", "inf"])
async def test_nobody_listens_for_no_time_or_for_ever(listen_s: str) -> None:
    for command in ("scan", "pair"):
        code, _, complained = await vitalwire(command, "--listen", listen_s)
        assert (code, "--listen" in complained) == (2, True), complained


async def test_a_bond_that_the_device_lost_is_made_anew_by_a_person(
    cuff: Cuff, world: BluetoothWorld, state: Path
) -> None:
    await cuff.forget_bonds()
    await cuff.set_pairing_mode(on=True)
    code, said, complained = await vitalwire("pair", CUFF_ADDRESS)
    assert (code, complained) == (0, "")
    assert "no longer works" in said
    assert "does not run" in said
    assert "From now on" not in said
    assert world.is_paired(cuff)
    assert state.is_dir()


async def test_a_bond_that_works_is_kept_and_another_serial_number_is_told(
    cuff: Cuff, world: BluetoothWorld, state: Path
) -> None:
    state.mkdir()
    with Admissions(state) as admissions:
        admissions.admit(Admission(CUFF_ADDRESS, AdmittedBy.PERSON, serial="C-0002"))
    cuff.take(120, 80, 70)
    code, said, _ = await vitalwire("pair", CUFF_ADDRESS)
    assert code == 0
    assert "no longer works" not in said
    assert "its serial number has changed" in said
    assert (cuff.pending, world.is_paired(cuff)) == (1, True)


async def test_unpair_asks_forgets_and_removes_the_bond(
    cuff: Cuff, world: BluetoothWorld, daemon: Child
) -> None:
    code, said, _ = await vitalwire("unpair", CUFF_ADDRESS, typed="n\n")
    assert (code, world.is_paired(cuff)) == (130, True)
    assert "Nothing was changed" in said
    code, said, _ = await vitalwire("unpair", CUFF_ADDRESS, typed="y\n")
    assert (code, world.is_paired(cuff)) == (0, False)
    assert f"{cuff.name} is forgotten" in said
    code, said, complained = await vitalwire("unpair", CUFF_ADDRESS, typed="y\n")
    assert (code, said, "not paired here" in complained) == (78, "", True)
    assert daemon.running


async def test_status_tells_the_daemon_s_problems_and_the_next_step(
    cuff: Cuff, world: BluetoothWorld, daemon: Child, state: Path
) -> None:
    cuff.take(120, 80, 70)
    await eventually(lambda: cuff.pending == 0)
    _, well, _ = await vitalwire("status")
    assert "All is well" in well
    await world.set_powered(powered=False)
    async with asyncio.timeout(10):
        while "switched off" not in (said := (await vitalwire("status"))[1]):
            pass
    assert "bluetoothctl power on" in said
    told = json.loads((await vitalwire("status", "--json"))[1])
    assert told["live"]["gateway_id"] == GATEWAY_ID
    assert told["journal"]["held"] == 1
    await asyncio.to_thread(daemon.stop)
    assert ask_daemon(state) is None
    _, gone, _ = await vitalwire("status")
    assert "not running" in gone


async def test_the_doctor_finds_what_is_wrong_and_ends_with_it(
    cuff: Cuff, world: BluetoothWorld, daemon: Child
) -> None:
    cuff.take(120, 80, 70)
    await eventually(lambda: cuff.pending == 0)
    code, said, complained = await vitalwire("doctor")
    assert (code, complained) == (0, ""), said
    assert "✓ Bluetooth adapter: hci0 is on" in said
    assert "✓ Pairings: 1 device, each with its key" in said
    assert "accepts this gateway" in said
    await world.set_powered(powered=False)
    code, said, _ = await vitalwire("doctor")
    assert code == 1
    assert "✗ Bluetooth adapter: hci0 is off\n    → Run `bluetoothctl power on`." in said
    code, machine, _ = await vitalwire("doctor", "--json", "--mqtt", "mqtt://127.0.0.1:1")
    bad = {one["check"] for one in json.loads(machine) if one["verdict"] == "bad"}
    assert {"Bluetooth adapter", "Clinic's broker (MQTT)"} <= bad
    assert (code, daemon.running) == (1, True)


async def test_without_an_adapter_nobody_is_sent_to_pair_again(
    cuff: Cuff, world: BluetoothWorld, state: Path
) -> None:
    """Pairings are an adapter's: they come back with it."""
    overview = Overview([DeviceRow(CUFF_ADDRESS, cuff.name, "person")])
    examined = Patient(state, None, None, CLOCK)

    async def examine() -> dict[str, Verdict]:
        return {one.check: one.verdict async for one in bluetooth(examined, overview)}

    assert (await examine())["Pairings"] is Verdict.GOOD
    await world.unplug()
    async with asyncio.timeout(bluetooth_world.WAIT_TIMEOUT_S):
        while (found := await examine())["Bluetooth adapter"] is not Verdict.BAD:
            pass  # bluetoothd hears of it from the kernel, a moment later
    assert found["Pairings"] is Verdict.SKIPPED


async def test_the_doctor_goes_on_behind_a_damaged_record_of_devices(
    cuff: Cuff, world: BluetoothWorld, state: Path
) -> None:
    """What is not known of the devices is not said of them: that none is paired, say."""
    state.mkdir()
    Journal(state, "stream").close()
    (state / "admissions.db").write_bytes(b"garbage" * 1000)
    code, machine, complained = await vitalwire("doctor", "--json", "--mqtt", "mqtt://127.0.0.1:1")
    found = {one["check"]: one["verdict"] for one in json.loads(machine)}
    assert (code, complained, found["Paired devices"]) == (1, "", "bad")
    assert (found["Bluetooth adapter"], found["Pairings"]) == ("good", "skipped")
    assert "Clinic's broker (MQTT)" in found
    assert "Devices" not in found
    assert world.is_paired(cuff)  # bluetoothd runs at the latest since the doctor asked it


async def test_the_doctor_stops_at_a_bluetoothd_that_is_gone(
    world: BluetoothWorld, state: Path
) -> None:
    await world.crash()
    code, said, _ = await vitalwire("doctor", "--mqtt", "mqtt://127.0.0.1:1")
    assert code == 1
    assert "✗ Bluetooth service: bluetoothd is not running" in said
    assert "✗ Disk: there is no directory" in said
    assert "✗ Gateway program: it cannot be asked without its directory" in said
    assert not state.exists()


async def test_who_unpairs_while_bluetoothd_is_away_is_told_what_becomes_of_the_bond(
    cuff: Cuff, world: BluetoothWorld, daemon: Child
) -> None:
    await world.crash()
    code, _, complained = await vitalwire("unpair", CUFF_ADDRESS, "--yes")
    assert code == 75
    assert "no more, but its pairing is still here" in complained
    assert "is not running" in complained
    assert f"so does `sudo vitalwire gateway unpair {CUFF_ADDRESS} --state" in complained
    assert daemon.running
    await world.restart()
    await eventually(lambda: not world.is_paired(cuff))
