"""The shipped daemon as a process of its own: from a device's bytes to MQTT, whatever fails."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.bedside.status import look
from schemas.reading import Part, Reading, Undecodable
from simulators.peripherals import Cuff, Meter, Sample, Stall
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CUFF_ADDRESS, eventually, make_cuff, make_meter
from tests.gateway.bluetooth.clinic import GATEWAY_ID, Clinic

NEVER_SET_S = 30 * 366 * 86_400
COMMAND = (sys.executable, "-m", "vitalwire", "gateway", "run")
A_BUG_IN_THE_FIRST_VISIT = """
import vitalwire
from gateway.bluetooth.session import Session
run = Session.run
async def fail(session):
    Session.run = run
    address = session._acquaintance.device.address
    raise RuntimeError(f"Device with address {address} was not found")
Session.run = fail
vitalwire.cli()
"""


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[EmbeddedMqtt]:
    """A broker."""
    with EmbeddedMqtt(tmp_path / "mqtt") as running:
        yield running


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The daemon's state directory."""
    return tmp_path / "state"


def arguments(state: Path, mqtt: EmbeddedMqtt) -> tuple[str, ...]:
    where = ("--gateway-id", GATEWAY_ID, "--state", str(state), "--mqtt", mqtt.url)
    return (*COMMAND, *where, "--rest", "0.1")


@pytest_asyncio.fixture
async def daemon(
    world: BluetoothWorld, mqtt: EmbeddedMqtt, state: Path, tmp_path: Path
) -> AsyncIterator[Child]:
    """The daemon, not yet started, in the world's home."""
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": world.bus_address}
    program = Program("gateway", arguments(state, mqtt), tmp_path / "gateway.log", environment)
    child = Child(program)
    yield child
    await asyncio.to_thread(child.stop)  # without blocking the world that it lives in


@pytest.fixture
def clinic(mqtt: EmbeddedMqtt) -> Iterator[Clinic]:
    """A subscriber."""
    subscriber = Clinic(mqtt.port)
    yield subscriber
    subscriber.close()


def newest_told(clinic: Clinic) -> dict[bytes, bool | None]:
    """Give of each payload whether the clinic was told that it is its session's newest."""
    return {
        bytes.fromhex(item.raw): item.session_newest
        for arrival in clinic.arrivals
        for item in arrival.items
        if isinstance(item, Reading)
    }


async def test_what_a_cuff_and_a_meter_give_arrives_sealed_and_decoded(
    cuff: Cuff, meter: Meter, daemon: Child, clinic: Clinic
) -> None:
    taken = [cuff.take(120 + number, 80, 70) for number in range(3)]
    taken += [meter.take(Sample(Decimal(100 + number))).measurement for number in range(3)]
    taken.append(cuff.take_payload(b"\x00\x01"))
    daemon.start()
    await eventually(lambda: len(clinic.payloads) == len(taken))
    assert set(clinic.payloads) == set(taken)
    items = [item for arrival in clinic.arrivals for item in arrival.items]
    assert sorted(item.seq for item in items) == list(range(1, len(taken) + 1))
    for arrival in clinic.arrivals:
        assert [item.seq for item in arrival.items] == list(arrival.envelope.numbers)
        assert not isinstance(arrival.items[0], Part)
        assert arrival.message.boot_id == arrival.items[0].capture.boot_id
    readings = [item for item in items if isinstance(item, Reading)]
    assert {reading.vital for reading in readings} == {"blood_pressure", "glucose"}
    told = [reading.device_time for reading in readings]
    # Measured within one second, which no person does: of the meter's, one stamp is believed.
    assert all(time and (time.age_ms or time.screens == ["repeated-stamp"]) for time in told)
    assert sum(bool(time and time.age_ms) for time in told) > 3  # the cuff's, and one
    (broken,) = (item for item in items if isinstance(item, Undecodable))
    assert broken.device.address == CUFF_ADDRESS


async def test_an_undated_reading_leaves_with_the_word_whether_it_is_the_newest(
    world: BluetoothWorld, daemon: Child, clinic: Clinic
) -> None:
    """Sent at once it would be taken for old: whose clock was never set measured just now."""
    meter = make_meter(clock_error_s=-NEVER_SET_S)
    await world.add(meter, bonded=True)
    daemon.start()
    await eventually(lambda: clinic.held == 0)  # from now on what may leave at once does
    taken = [meter.take(Sample(Decimal(100 + number))).measurement for number in range(3)]
    await eventually(lambda: set(clinic.payloads) == set(taken))
    assert newest_told(clinic) == {taken[0]: False, taken[1]: False, taken[2]: True}


async def test_a_cuffs_undated_readings_wait_for_the_end_of_their_session(
    world: BluetoothWorld, daemon: Child, clinic: Clinic
) -> None:
    """It calls none of them its last: only then is it known which was measured just now."""
    cuff = make_cuff(clock_error_s=-NEVER_SET_S)
    await world.add(cuff, bonded=True)
    daemon.start()
    await eventually(lambda: clinic.held == 0)  # from now on what may leave at once does
    taken = [cuff.take(120 + number, 80, 70) for number in range(3)]
    await eventually(lambda: set(clinic.payloads) == set(taken))
    assert newest_told(clinic) == {taken[0]: False, taken[1]: False, taken[2]: True}


async def test_a_dated_reading_leaves_while_its_session_lasts(
    cuff: Cuff, daemon: Child, clinic: Clinic
) -> None:
    """Nobody waits for the silence behind a reading of which it is known when it was taken."""
    cuff.inject(Stall(after=1))
    daemon.start()
    await eventually(lambda: clinic.held == 0)
    first, _second = cuff.take(220, 130, 70), cuff.take(120, 80, 70)
    await eventually(lambda: first in clinic.payloads)
    assert cuff.is_connected


async def test_only_a_receipt_frees_a_row(
    cuff: Cuff, daemon: Child, clinic: Clinic, state: Path
) -> None:
    cuff.take(120, 80, 70)
    cuff.take(130, 85, 71)
    daemon.start()
    await eventually(lambda: len(clinic.payloads) == 2 and clinic.held == 2)
    assert look(state).status.held == 2
    clinic.confirm()
    await eventually(lambda: look(state).status.held == 0)
    assert look(state).status.receipted == 2
    cuff.take(140, 90, 72)  # the next session reports
    await eventually(lambda: clinic.held == 1)


async def test_nothing_is_lost_while_the_broker_is_away(
    cuff: Cuff, daemon: Child, mqtt: EmbeddedMqtt, state: Path
) -> None:
    daemon.start()
    first = Clinic(mqtt.port)
    await eventually(lambda: first.held == 0)
    mqtt.stop()
    first.close()
    taken = [cuff.take(120 + number, 80, 70) for number in range(3)]
    await eventually(lambda: cuff.pending == 0 and look(state).status.held == 3)
    # Were it back before this clinic listens, it would send again after 30 to 45 s only.
    os.kill(daemon.pid, signal.SIGSTOP)
    mqtt.start().wait()
    second = Clinic(mqtt.port)
    os.kill(daemon.pid, signal.SIGCONT)
    await eventually(lambda: len(second.payloads) >= 3)
    second.close()
    assert second.payloads == taken


async def test_a_kill_between_capture_and_publish_loses_nothing(
    cuff: Cuff, daemon: Child, mqtt: EmbeddedMqtt, state: Path
) -> None:
    mqtt.stop()
    taken = [cuff.take(120 + number, 80, 70) for number in range(3)]
    daemon.start()
    await eventually(lambda: cuff.pending == 0 and look(state).status.held == 3)
    oldest = look(state).status.oldest
    assert oldest is not None
    daemon.kill()
    mqtt.start().wait()
    clinic = Clinic(mqtt.port)
    later = cuff.take(140, 90, 72)
    daemon.start()
    await eventually(lambda: len(clinic.payloads) == 4)
    clinic.close()
    assert set(clinic.payloads) == {*taken, later}
    by_stream = {arrival.envelope.stream: arrival.envelope.first for arrival in clinic.arrivals}
    assert by_stream.pop(oldest.stream) == oldest.seq == 1
    assert list(by_stream.values()) == [4]  # numbers go on, under a stream of their own


async def test_a_link_that_a_killed_daemon_left_is_ended(
    cuff: Cuff, daemon: Child, clinic: Clinic
) -> None:
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    daemon.start()
    await eventually(lambda: clinic.payloads == taken[:1])
    daemon.kill()
    assert cuff.is_connected  # so it does not advertise
    daemon.start()
    await eventually(lambda: set(clinic.payloads) == set(taken))


async def test_without_an_adapter_it_waits_and_says_so(
    world: BluetoothWorld, cuff: Cuff, daemon: Child, clinic: Clinic
) -> None:
    await world.crash()
    taken = cuff.take(120, 80, 70)
    daemon.start()
    await eventually(lambda: clinic.reports and "bluetoothd" in str(clinic.reports[-1].problems))
    await world.restart()
    await eventually(lambda: clinic.payloads == [taken])
    await eventually(lambda: clinic.reports[-1].problems == [])


async def test_a_journal_that_an_earlier_run_set_aside_is_told_until_it_is_taken_away(
    daemon: Child, clinic: Clinic, state: Path
) -> None:
    state.mkdir()
    broken = state / "journal.db.broken-0123456789abcdef"
    broken.touch()
    daemon.start()
    await eventually(lambda: clinic.reports and str(broken) in str(clinic.reports[-1].problems))
    broken.unlink()
    await eventually(lambda: clinic.reports[-1].problems == [])


async def test_an_orderly_stop_says_goodbye(daemon: Child, clinic: Clinic) -> None:
    daemon.start()
    await eventually(lambda: clinic.held == 0)
    daemon.ask_to_stop()
    await eventually(lambda: daemon.exit_code is not None)
    assert daemon.exit_code == 0
    await eventually(lambda: clinic.reports[-1].state == "offline")


async def test_a_second_daemon_is_refused_in_one_line(
    daemon: Child, clinic: Clinic, mqtt: EmbeddedMqtt, state: Path
) -> None:
    daemon.start()
    await eventually(lambda: clinic.held == 0)
    second = await asyncio.create_subprocess_exec(
        *arguments(state, mqtt), stderr=asyncio.subprocess.PIPE
    )
    _, said = await second.communicate()
    assert second.returncode == 78
    (line,) = said.decode().splitlines()
    assert line.startswith(f"error: Another gateway daemon uses {state}.")


async def fetch(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


async def test_metrics_and_readiness_tell_what_it_does(
    cuff: Cuff, daemon: Child, clinic: Clinic
) -> None:
    cuff.take(120, 80, 70)
    daemon.start()
    await eventually(lambda: "session.ended" in daemon.program.log.read_text())
    events = [json.loads(line) for line in daemon.program.log.read_text().splitlines()]
    (port,) = (event["port"] for event in events if event["event"] == "monitor listening")
    metrics = await fetch(port, "/metrics")
    assert 'vitalwire_gateway_captured_total{characteristic="2a35"} 1.0' in metrics
    assert 'vitalwire_gateway_sessions_total{outcome="complete"} 1.0' in metrics
    assert "vitalwire_gateway_journal_insert_seconds_count 1.0" in metrics
    assert " 200 " in (await fetch(port, "/readyz")).splitlines()[0]
    assert len(clinic.payloads) == 1


async def test_logs_name_no_address(
    cuff: Cuff, run: Callable[[str], Child], tmp_path: Path
) -> None:
    """Not even that of a bug: what bleak and BlueZ say of a device has its address in it."""
    child = run(A_BUG_IN_THE_FIRST_VISIT)
    log = tmp_path / "gateway.log"
    cuff.take(120, 80, 70)
    await eventually(lambda: '"complete"' in log.read_text())
    said = log.read_text()
    assert "session.bug" in said
    assert "was not found" in said
    assert CUFF_ADDRESS not in said
    assert {json.loads(line)["daemon"] for line in said.splitlines()} == {"gateway"}
    assert child.running
