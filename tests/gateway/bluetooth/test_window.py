"""The one window: BlueZ confirms what a device indicates before any program has it on the disk.

Here the daemon dies inside it, by SIGKILL as the first act of the notification's callback; and at
its end, before it is known from whom the notification was.
"""

from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.bluetooth import harvest
from gateway.journal.journal import Journal
from gateway.record_access.cursor import Cursor
from schemas.reading import Reading
from simulators.peripherals import Cuff, Meter, MeterBehaviour, Sample, Stall
from simulators.stack.process import Child
from simulators.world import BluetoothWorld
from tests.bluetooth_world import METER_ADDRESS, eventually, make_cuff, make_meter
from tests.gateway.bluetooth.clinic import Clinic
from tests.gateway.bluetooth.counters import sessions
from tests.gateway.bluetooth.eager import EagerCuff, Then
from tests.gateway.bluetooth.side import BluetoothSide

SHIPPED = "import vitalwire; vitalwire.cli()"
KILLED_AT = """
import itertools, os, signal
from gateway.journal.journal import Journal
append, hold_back, count = Journal.append, Journal.hold_back, itertools.count(1)
def die():
    if next(count) == {record}:
        os.kill(os.getpid(), signal.SIGKILL)
Journal.append = lambda *given, **told: die() or append(*given, **told)
Journal.hold_back = lambda *given: die() or hold_back(*given)
""" + SHIPPED  # fmt: skip
KILLED_BEHIND = """
import itertools, os, signal
from gateway.journal.journal import Journal
append, count = Journal.append, itertools.count(1)
def keep_and_die(*given, **told):
    kept = append(*given, **told)
    if next(count) == {record}:
        os.kill(os.getpid(), signal.SIGKILL)
    return kept
Journal.append = keep_and_die
""" + SHIPPED  # fmt: skip
KILLED_EARLY = """
import os, signal
from gateway.bluetooth.harvest import Harvest
capture = Harvest.capture
def die(harvest, *given):
    capture(harvest, *given)
    if not harvest.captured:
        os.kill(os.getpid(), signal.SIGKILL)
Harvest.capture = die
""" + SHIPPED  # fmt: skip


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


NEVER_SET_S = -25 * 365 * 86_400.0  # a clock that began anew with its battery


@pytest.mark.parametrize("record", [1, 2])
async def test_a_hypo_without_time_is_news_though_the_daemon_died_behind_it(
    world: BluetoothWorld, run: Callable[[str], Child], clinic: Clinic, record: int
) -> None:
    """What its meter called its last was measured just now; told once more, it would be no news."""
    meter = make_meter(clock_error_s=NEVER_SET_S)
    await world.add(meter, bonded=True)
    old = [meter.take(Sample(Decimal(100 + number))).measurement for number in range(3)]
    hypo = meter.take(Sample(Decimal(40))).measurement
    daemon = run(KILLED_BEHIND.format(record=record))
    await eventually(lambda: not daemon.running)
    run(SHIPPED)
    await eventually(lambda: hypo in clinic.payloads)
    assert news(clinic)[hypo][0] is True
    later = meter.take(Sample(Decimal(50))).measurement
    await eventually(lambda: set(clinic.payloads) == {*old, hypo, later})
    assert {payload for payload, told in news(clinic).items() if any(told)} == {hypo, later}


@pytest.mark.parametrize("measured_meanwhile", [False, True])
async def test_a_hypo_of_a_meter_that_shows_no_last_record_is_news_once_a_visit_tells(
    world: BluetoothWorld, run: Callable[[str], Child], clinic: Clinic, *, measured_meanwhile: bool
) -> None:
    """The daemon died in the middle of its visit: the next daemon waits for the next visit.

    It sent what was undated at once, as of any time, and the next visit brought no news.
    """
    meter = make_meter(MeterBehaviour(shows_no_last=True), clock_error_s=NEVER_SET_S)
    # It never says that this was all, so that it calls again, though it has nothing new. A link
    # that it dropped might take records along: they came whole with the next, behind a dead daemon.
    meter.inject(Stall(after=4))
    await world.add(meter, bonded=True)
    old = [meter.take(Sample(Decimal(100 + number))).measurement for number in range(3)]
    hypo = meter.take(Sample(Decimal(40))).measurement
    daemon = run(KILLED_BEHIND.format(record=4))
    await eventually(lambda: not daemon.running)
    newest = meter.take(Sample(Decimal(110))).measurement if measured_meanwhile else hypo
    run(SHIPPED)
    await eventually(lambda: set(clinic.payloads) == {*old, hypo, newest})
    assert {payload for payload, told in news(clinic).items() if any(told)} == {newest}
    assert news(clinic)[newest][0] is True


async def test_a_replaced_gateway_that_dies_calls_nothing_old_news(
    world: BluetoothWorld, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    """The server knows its last record: whenever that was measured, it was not just now."""
    meter = make_meter(clock_error_s=NEVER_SET_S)
    await world.add(meter, bonded=True)
    hypo = meter.take(Sample(Decimal(40))).measurement
    state = tmp_path / "state"
    state.mkdir()
    with closing(Journal(state, "a" * 16)) as journal:
        assert journal.devices.restore_cursor(METER_ADDRESS, Cursor.at(1, hypo))
    daemon = run(KILLED_BEHIND.format(record=1))
    await eventually(lambda: not daemon.running)
    run(SHIPPED)
    await eventually(lambda: hypo in clinic.payloads)
    later = meter.take(Sample(Decimal(100))).measurement
    await eventually(lambda: later in clinic.payloads)
    assert {payload for payload, told in news(clinic).items() if any(told)} == {later}


def news(clinic: Clinic) -> dict[bytes, list[bool | None]]:
    """Tell whether readings were their sessions' newest, in the order in which they arrived."""
    told: dict[bytes, list[bool | None]] = {}
    for item in (item for arrival in clinic.arrivals for item in arrival.items):
        assert isinstance(item, Reading)
        told.setdefault(bytes.fromhex(item.raw), []).append(item.session_newest)
    return told


async def test_what_a_cuff_sent_before_it_said_who_it_is_outlives_the_daemon(
    world: BluetoothWorld,
    run: Callable[[str], Child],
    clinic: Clinic,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has its confirmation and comes back for nothing: whose it is, the bond says."""
    cuff = EagerCuff(make_cuff(), Then.HANGS, monkeypatch)
    await world.add(cuff, bonded=True)
    taken = [cuff.take(120, 80, 70)]
    daemon = run(SHIPPED)
    await eventually(lambda: clinic.payloads == taken and not cuff.is_connected)
    daemon.kill()
    cuff.begin(remembers=True)
    taken.append(cuff.take(220, 130, 70))
    daemon = run(KILLED_EARLY)
    await eventually(lambda: not daemon.running)
    await eventually(lambda: cuff.pending == 0)
    assert taken[1] not in clinic.payloads
    run(SHIPPED)
    await eventually(lambda: taken[1] in clinic.payloads)
    assert len({item.seq for arrival in clinic.arrivals for item in arrival.items}) == 2
    (late,) = (item for arrival in clinic.arrivals[-1:] for item in arrival.items)
    assert isinstance(late, Reading)
    assert (late.device.serial, late.device.model) == (cuff.identity.serial, cuff.identity.model)
    assert late.device_time is not None
    assert late.device_time.age_ms is not None  # its clock had been read


@pytest.mark.parametrize("then", [Then.LEAVES, Then.ANSWERS])
async def test_what_a_cuff_sends_unasked_during_the_first_reads_is_kept(
    world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch, then: Then
) -> None:
    """One that dropped the link itself keeps its memory of us: we could not end our subscription.

    We listen before the first answers, and yet its clock is read before it is subscribed to.
    """
    cuff = EagerCuff(make_cuff(), then, monkeypatch)
    monkeypatch.setattr(harvest, "SILENCE_S", 0.1)
    taken, complete_before = [cuff.take(120, 80, 70)], sessions("complete")
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
    assert (side.payloads, sessions("complete")) == (taken, complete_before + 4)
    assert cuff.clock_read_first[-1]
    for record in side.kept:
        facts = side.journal.facts(record)
        assert facts.ended
        assert facts.clock is not None
        assert facts.device.serial == cuff.identity.serial
