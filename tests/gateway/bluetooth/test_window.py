"""The one window: BlueZ confirms what a device indicates before any program has it on the disk.

Here the daemon dies inside it, by SIGKILL as the first act of the notification's callback.
"""

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.peripherals import Cuff, Meter, Sample
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld
from tests.bluetooth_world import eventually
from tests.gateway.bluetooth.clinic import GATEWAY_ID, Clinic

SHIPPED = "import vitalwire; vitalwire.cli()"
KILLED_AT = """
import itertools, os, signal
from gateway.journal import Journal
append, count = Journal.append, itertools.count(1)
def die(journal, notification):
    if next(count) == {record}:
        os.kill(os.getpid(), signal.SIGKILL)
    return append(journal, notification)
Journal.append = die
""" + SHIPPED  # fmt: skip


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[EmbeddedMqtt]:
    """A broker."""
    with EmbeddedMqtt(tmp_path / "mqtt") as running:
        yield running


@pytest.fixture
def clinic(mqtt: EmbeddedMqtt) -> Iterator[Clinic]:
    """A subscriber."""
    subscriber = Clinic(mqtt.port)
    yield subscriber
    subscriber.close()


@pytest.fixture
def run(
    world: BluetoothWorld, mqtt: EmbeddedMqtt, tmp_path: Path
) -> Iterator[Callable[[str], Child]]:
    """Start a daemon that is this program; all have one state directory."""
    started: list[Child] = []

    def start(program: str) -> Child:
        where = ("--gateway-id", GATEWAY_ID, "--mqtt", mqtt.url, "--state", str(tmp_path / "state"))
        command = (sys.executable, "-c", program, "gateway", "run", *where, "--rest", "0.1")
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": world.bus_address}
        child = Child(Program("gateway", command, tmp_path / "gateway.log", environment))
        started.append(child.start())
        return child

    yield start
    for child in started:
        child.kill()


async def test_a_cuff_loses_exactly_the_record_in_the_window(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic
) -> None:
    in_window = cuff.take(120, 80, 70)
    daemon = run(KILLED_AT.format(record=1))
    await eventually(lambda: not daemon.running)
    await eventually(lambda: cuff.pending == 0)  # it has its confirmation, and has let go
    run(SHIPPED)
    later = [cuff.take(130 + number, 85, 71) for number in range(3)]
    await eventually(lambda: set(clinic.payloads) >= set(later))
    handed_over = {bytes.fromhex(entry.payload) for entry in cuff.ledger.handed_over}
    assert handed_over - set(clinic.payloads) == {in_window}


@pytest.mark.parametrize("record", [1, 3, 5])
async def test_a_meter_loses_nothing_in_it(
    meter: Meter, run: Callable[[str], Child], clinic: Clinic, record: int
) -> None:
    """What numbers its records keeps them: the cursor had not moved, so they come again.

    At its next visit, that is: it was told by bluetoothd that all had arrived.
    """
    taken = [meter.take(Sample(Decimal(100 + number))).measurement for number in range(5)]
    daemon = run(KILLED_AT.format(record=record))
    await eventually(lambda: not daemon.running)
    run(SHIPPED)
    taken.append(meter.take(Sample(Decimal(110))).measurement)
    await eventually(lambda: set(clinic.payloads) == set(taken))
