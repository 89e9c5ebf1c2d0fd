"""A simulated home: what is planned is measured, what is asked is answered."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from bleak import BleakClient, BleakScanner

from schemas.errors import MisconfiguredError, UnavailableError
from schemas.gatt import blood_pressure, glucose, glucose_context, racp, uuids
from schemas.gatt.glucose import Beyond
from schemas.gatt.glucose_context import Meal
from simulators.home import Home
from simulators.home_control import HomeControl
from simulators.homes import home_paths, read_plans
from simulators.patients import temperature, weight
from simulators.scenario import HomePlan, PlannedMeasurement
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, METER_ADDRESS, eventually, heard

SCALE_ADDRESS = "C0:00:00:00:00:03"
MEASUREMENT = uuids.full(uuids.BLOOD_PRESSURE_MEASUREMENT)
SUGAR = uuids.full(uuids.GLUCOSE_MEASUREMENT)
CONTEXT = uuids.full(uuids.GLUCOSE_MEASUREMENT_CONTEXT)
RECORD_ACCESS = uuids.full(uuids.RECORD_ACCESS_CONTROL_POINT)
TIMEOUT_S = 20.0
HIGH = PlannedMeasurement(
    at_s=0.0, device="cuff", systolic=185, diastolic=122, pulse=90, irregular_pulse=True
)
LOW = PlannedMeasurement(at_s=0.0, device="meter", glucose_mg_dl="LO", meal="fasting")
LATER = PlannedMeasurement(at_s=3600.0, device="cuff", systolic=120, diastolic=80, pulse=70)


def plan(*measurements: PlannedMeasurement, gateway_id: str = "home-1") -> HomePlan:
    return HomePlan(
        gateway_id=gateway_id,
        patient_id="p-1",
        pseudonym="Juniper",
        books=["adult-standard"],
        devices={"cuff": CUFF_ADDRESS, "meter": METER_ADDRESS, "scale": SCALE_ADDRESS},
        clock_error_s=300.0,
        measurements=list(measurements),
    )


async def test_nobody_measures_before_the_gateway_looks_for_devices(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Home(plan(HIGH), short_directory, CLOCK, when_heard=True) as home:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", home.paths.bus_address)
        status = await asyncio.to_thread(HomeControl(home.paths.control).status)
        assert (status.planned, status.taken) == (1, [])
        async with BleakScanner():
            await eventually(lambda: home.devices["cuff"].ledger.taken)


async def test_a_plan_is_measured_with_the_devices_own_clock(short_directory: Path) -> None:
    async with Home(plan(HIGH, LOW, LATER), short_directory, CLOCK) as home:
        control = HomeControl(home.paths.control)
        await eventually(lambda: home.devices["meter"].ledger.taken)
        status = await asyncio.to_thread(control.status)
    assert (status.gateway_id, status.planned, status.pending) == ("home-1", 1, 3)
    assert status.handed_over == []
    pressure, sugar, context = (bytes.fromhex(entry.payload) for entry in status.taken)
    measured = blood_pressure.decode(pressure)
    assert measured.status == blood_pressure.Status.IRREGULAR_PULSE
    assert measured.timestamp is not None
    shown = measured.timestamp.naive
    assert shown is not None
    ahead_s = (shown - status.taken[0].at.replace(tzinfo=None)).total_seconds()
    assert ahead_s == pytest.approx(300.0, abs=2.0)
    assert glucose.decode(sugar).beyond is Beyond.BELOW
    assert glucose_context.decode(context).meal is Meal.FASTING


async def test_who_has_a_meter_measures_again_once_it_is_read(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.home.READ_WITHIN_S", 3600.0)
    async with Home(plan(LOW, LOW), short_directory, CLOCK) as home:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", home.paths.bus_address)
        meter = home.devices["meter"]
        device = await heard(METER_ADDRESS)
        assert device is not None
        assert len(meter.ledger.taken) == 2, "the reading and its context"
        async with BleakClient(device) as client:
            for characteristic in (SUGAR, CONTEXT, RECORD_ACCESS):
                await client.start_notify(characteristic, lambda _c, _data: None)
            everything = racp.encode_request(racp.REPORT_ALL)
            await client.write_gatt_char(RECORD_ACCESS, everything, response=True)
            await eventually(lambda: len(meter.ledger.taken) == 4)
    assert meter.pending == 2


async def test_a_meter_that_nobody_reads_is_used_all_the_same(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.home.READ_WITHIN_S", 0.0)
    async with Home(plan(LOW, LOW), short_directory, CLOCK) as home:
        await eventually(lambda: home.devices["meter"].pending == 4)


async def test_what_a_client_confirmed_is_handed_over(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Home(plan(HIGH), short_directory, CLOCK) as home:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", home.paths.bus_address)
        device = await heard(CUFF_ADDRESS)
        assert device is not None
        gone = asyncio.Event()
        async with BleakClient(device, lambda _client: gone.set()) as client:
            await client.start_notify(MEASUREMENT, lambda _c, _data: None)
            await asyncio.wait_for(gone.wait(), TIMEOUT_S)
        status = await asyncio.to_thread(HomeControl(home.paths.control).status)
    assert status.pending == 0
    assert [entry.payload for entry in status.handed_over] == [
        entry.payload for entry in status.taken
    ]


async def test_stop_ends_measuring_but_not_handing_over(short_directory: Path) -> None:
    async with Home(plan(HIGH, LATER), short_directory, CLOCK) as home:
        control = HomeControl(home.paths.control)
        await eventually(lambda: home.devices["cuff"].ledger.taken)
        status = await asyncio.to_thread(control.stop)
        assert (status.planned, status.pending) == (0, 1)
        await eventually(lambda: home.devices["cuff"].is_advertising)


async def test_a_measurement_can_be_asked_for(short_directory: Path) -> None:
    async with Home(plan(), short_directory, CLOCK) as home:
        control = HomeControl(home.paths.control)
        await asyncio.to_thread(control.measure, HIGH)
        status = await asyncio.to_thread(control.measure, weight("83.8"))
    assert [entry.characteristic for entry in status.taken] == ["2a35", "2a9d"]
    assert [entry.device for entry in status.taken] == [CUFF_ADDRESS, SCALE_ADDRESS]


async def test_what_no_device_of_the_home_can_measure_is_left_out(short_directory: Path) -> None:
    async with Home(plan(), short_directory, CLOCK) as home:
        control = HomeControl(home.paths.control)
        await asyncio.to_thread(control.measure, temperature("38.5"))
        without_value = PlannedMeasurement(at_s=0.0, device="scale")
        status = await asyncio.to_thread(control.measure, without_value)
    assert status.taken == []


async def test_a_line_that_is_no_command_is_refused(short_directory: Path) -> None:
    async with Home(plan(), short_directory, CLOCK) as home:
        reader, writer = await asyncio.open_unix_connection(home.paths.control)
        nested = b"{" + b'"x":{' * 500
        lines = [
            b'{"command": "explode"}',
            nested,
            b'{"command": "\xff"}',
            b'{"command": "status"}',
        ]
        writer.write(b"\n".join(lines) + b"\n")
        *refusals, answer = [await reader.readline() for _ in lines]
        writer.close()
    assert all("error" in msgspec.json.decode(refusal) for refusal in refusals)
    assert msgspec.json.decode(answer)["gateway_id"] == "home-1"


def test_a_home_that_has_ended_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        HomeControl(tmp_path / "control").status()


@pytest.mark.parametrize(
    "plans", [b'[{"gateway_id": 1}]', b'[{"gateway_id": "\xff"}]', b'[{"x":' * 9999]
)
def test_plans_that_cannot_be_read(tmp_path: Path, plans: bytes) -> None:
    path = tmp_path / "plans.json"
    path.write_bytes(plans)
    with pytest.raises(MisconfiguredError, match="cannot be read"):
        read_plans(path)


@pytest.fixture
def homes(short_directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Three homes as the demo runs them, all ready."""
    plans = [plan(HIGH, gateway_id=f"home-{number}") for number in range(3)]
    path = short_directory / "plans.json"
    path.write_bytes(msgspec.json.encode(plans))
    command = [sys.executable, "-m", "simulators.homes", "--plans", str(path)]
    with subprocess.Popen(
        [*command, "--directory", str(short_directory)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = {process.stdout.readline().split()[1] for _ in plans}
        assert ready == {"home-0", "home-1", "home-2"}
        yield process
        process.kill()


def listening(directory: Path) -> list[int]:
    """The numbers of the homes whose bus still accepts connections."""
    alive = []
    for number in range(3):
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(directory / str(number) / "bus")) == 0:
                alive.append(number)
    return alive


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_homes_end_with_their_parent(
    homes: subprocess.Popen[str], short_directory: Path, how: signal.Signals
) -> None:
    controls = [HomeControl(home_paths(short_directory, number).control) for number in range(3)]
    gateways = [(await asyncio.to_thread(control.status)).gateway_id for control in controls]
    assert gateways == ["home-0", "home-1", "home-2"]
    assert listening(short_directory) == [0, 1, 2]
    os.kill(homes.pid, how)
    await asyncio.to_thread(homes.wait, TIMEOUT_S)
    await eventually(lambda: not listening(short_directory))
