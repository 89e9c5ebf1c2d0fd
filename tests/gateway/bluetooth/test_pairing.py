"""What a person does once per device, as the command line does it."""

import asyncio
import sys
from decimal import Decimal

from simulators.peripherals import Cuff, Meter, Sample
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CUFF_ADDRESS, METER_ADDRESS, eventually, make_cuff
from tests.gateway.bluetooth.side import BluetoothSide

PASSKEY = 123_456


async def gateway(*arguments: str, typed: str = "") -> tuple[int | None, str, str]:
    """Run a command beside the world; give its exit code, what it said, and its errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vitalwire", "gateway", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate(typed.encode())
    return process.returncode, said.decode(), complained.decode()


async def test_a_device_without_display_is_paired_and_then_read(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, said, complained = await gateway("pair", CUFF_ADDRESS.lower())
    assert (code, complained) == (0, "")
    assert f"Paired {cuff.name} {CUFF_ADDRESS}" in said
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])


async def test_a_device_with_a_display_asks_for_its_digits(world: BluetoothWorld) -> None:
    cuff = make_cuff(passkey=PASSKEY)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, said, _ = await gateway("pair", CUFF_ADDRESS, typed=f"{PASSKEY:06}\n")
    assert code == 0
    assert "Digits on the device's display" in said
    assert "Paired" in said


async def test_the_digits_may_be_given_at_once(world: BluetoothWorld) -> None:
    cuff = make_cuff(passkey=PASSKEY)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, said, _ = await gateway("pair", CUFF_ADDRESS, "--passkey", str(PASSKEY))
    assert code == 0
    assert "Digits" not in said


async def test_wrong_digits_are_one_line_with_a_way_out(world: BluetoothWorld) -> None:
    cuff = make_cuff(passkey=PASSKEY)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    code, _, complained = await gateway("pair", CUFF_ADDRESS, "--passkey", "1")
    assert code == 75
    (line,) = complained.splitlines()
    assert line.startswith("error:")
    assert "pairing mode again" in line


async def test_devices_lists_what_is_paired(cuff: Cuff, meter: Meter) -> None:
    cuff.take(120, 80, 70)
    meter.take(Sample(Decimal(100)))
    code, said, _ = await gateway("devices")
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert "blood pressure" in lines[CUFF_ADDRESS]
    assert "glucose" in lines[METER_ADDRESS]


async def test_without_bluetoothd_it_is_one_line_with_a_way_out(world: BluetoothWorld) -> None:
    await world.crash()
    for command in (("devices",), ("pair", CUFF_ADDRESS)):
        code, _, complained = await gateway(*command)
        assert (code, complained.count("\n")) == (75, 1)
        assert "start bluetooth.service" in complained


async def test_another_adapter_is_missing(cuff: Cuff) -> None:
    code, _, complained = await gateway("devices", "--adapter", "hci7")
    assert code == 75
    assert "there is no adapter hci7" in complained
    assert not cuff.is_connected
