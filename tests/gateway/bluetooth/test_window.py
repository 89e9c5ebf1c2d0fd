"""The one window: BlueZ confirms what a device indicates before any program has it on the disk.

Here the daemon dies inside it, by SIGKILL as the first act of the notification's callback.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from bumble import att
from bumble.core import UUID
from bumble.device import Connection

from gateway.bluetooth import harvest
from schemas.gatt import uuids
from simulators.peripherals import Cuff, Meter, Sample
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.listening import ListeningDevice
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld
from tests.bluetooth_world import eventually, make_cuff
from tests.gateway.bluetooth.clinic import GATEWAY_ID, Clinic
from tests.gateway.bluetooth.side import BluetoothSide

UNASKED_AFTER_S = 0.2

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


class EagerCuff(Cuff):
    """Remembers who has subscribed: asked for its serial number, it first sends what it has.

    Then it answers, or leaves.
    """

    def __init__(self, like: Cuff, *, leaves: bool) -> None:
        super().__init__(like.identity, like.clock, like.ledger)
        self.clock_read_first: list[bool] = []  # before each subscription
        self._leaves = leaves
        self._clock_was_read = False
        self._answer: Callable[[], None] | None = None

    def begin(self, *, remembers: bool) -> None:
        self._remembers, self._clock_was_read = remembers, False

    def hear(self, pdu: bytes, take: Callable[[], None]) -> None:
        asked = None
        if pdu[0] == att.Opcode.ATT_READ_REQUEST:
            handle = int.from_bytes(pdu[1:3], "little")
            attribute = self._device.gatt_server.get_attribute(handle)
            asked = attribute and attribute.type
        self._clock_was_read |= asked == UUID.from_16_bits(uuids.CURRENT_TIME)
        if asked == UUID.from_16_bits(uuids.SERIAL_NUMBER) and self._remembers and self.pending:
            self._answer = take
            asyncio.get_running_loop().call_later(UNASKED_AFTER_S, self._send_unasked)
        else:
            take()

    def _send_unasked(self) -> None:
        if self._connection is not None:
            self._resume(self._connection)

    async def _drop(self, connection: Connection) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not self._leaves:
            answer()
        else:
            await super()._drop(connection)

    def _on_subscription(
        self, characteristic: Characteristic, connection: Connection, notify: bool, indicate: bool
    ) -> None:
        self.clock_read_first.append(self._clock_was_read)
        super()._on_subscription(characteristic, connection, notify, indicate)


@pytest.mark.parametrize("leaves", [True, False])
async def test_what_a_cuff_sends_unasked_during_the_first_reads_is_kept(
    world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """One that dropped the link itself keeps its memory of us: we could not end our subscription.

    We listen before the first answers, and yet its clock is read before it is subscribed to.
    """
    cuff = EagerCuff(make_cuff(), leaves=leaves)
    on_pdu = ListeningDevice.on_gatt_pdu

    def hear(device: ListeningDevice, connection: Connection, pdu: bytes) -> None:
        cuff.hear(pdu, lambda: on_pdu(device, connection, pdu))

    monkeypatch.setattr(ListeningDevice, "on_gatt_pdu", hear)
    monkeypatch.setattr(harvest, "SILENCE_S", 0.1)
    taken = [cuff.take(120, 80, 70)]
    await world.add(cuff, bonded=True)
    await side.visited(1)
    for visit in (2, 3):
        taken += [cuff.take(120 + visit, 80 + number, 70) for number in range(3)]
        cuff.begin(remembers=True)
        await side.visited(visit)
        assert side.payloads == taken
    taken.append(cuff.take(140, 90, 70))
    cuff.begin(remembers=False)
    await side.visited(4)
    assert side.payloads == taken
    assert cuff.clock_read_first[-1]
    for record in side.kept:
        facts = side.journal.facts(record)
        assert facts.ended
        assert facts.clock is not None
        assert facts.device.serial == cuff.identity.serial
