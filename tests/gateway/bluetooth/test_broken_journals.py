"""The shipped daemon while its journal is damaged or taken away, with nobody there to help."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.bedside.status import look
from gateway.journal.file import FILE, broken_journals
from gateway.journal.journal import Journal
from simulators.peripherals import Cuff
from simulators.stack.process import Child
from simulators.world import BluetoothWorld
from tests.bluetooth_world import eventually
from tests.gateway.bluetooth.clinic import Clinic
from tests.gateway.records import cuff_payload, notification

AS_SHIPPED = "import vitalwire; vitalwire.cli()"
AT_ONCE = f"import gateway.daemon; gateway.daemon.RENEW_EVERY_MS = 0; {AS_SHIPPED}"


def break_pages(file: Path) -> None:
    """Overwrite all but the head of a journal, as a memory card may."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = file.stat().st_size
    with file.open("r+b") as broken:
        broken.seek(4096)
        broken.write(b"\xff" * (size - 4096))


async def holding_one(
    program: str, cuff: Cuff, run: Callable[[str], Child], clinic: Clinic
) -> tuple[Child, bytes]:
    """Start a daemon, and let it hold a reading that has come to the clinic."""
    taken = cuff.take(120, 80, 70)
    daemon = run(program)
    await eventually(lambda: clinic.payloads == [taken] and clinic.held == 1)
    return daemon, taken


async def test_a_journal_that_is_damaged_while_it_is_open_is_told_before_it_is_begun_anew(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    await holding_one(AS_SHIPPED, cuff, run, clinic)
    break_pages(tmp_path / "state" / FILE)
    cuff.take(130, 85, 71)
    await eventually(lambda: "a new one begins" in str(clinic.reports[-1].problems))
    assert clinic.held == 1  # what it cannot count it does not call none


async def test_a_damaged_journal_is_set_aside_and_the_home_goes_on_by_itself(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    daemon, first = await holding_one(AT_ONCE, cuff, run, clinic)
    pid = daemon.pid
    break_pages(tmp_path / "state" / FILE)
    later = [cuff.take(130 + number, 85, 71) for number in range(3)]
    await eventually(lambda: set(clinic.payloads) == {first, *later})
    await eventually(lambda: "a new one began" in str(clinic.reports[-1].problems))
    assert len(broken_journals(tmp_path / "state")) == 1
    assert (daemon.running, daemon.pid) == (True, pid)


async def test_a_journal_that_is_taken_away_loses_nothing_that_the_clinic_does_not_have(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    daemon, first = await holding_one(AT_ONCE, cuff, run, clinic)
    (state / FILE).unlink()
    log = tmp_path / "gateway.log"
    await eventually(lambda: log.read_text().count("gateway.started") == 2)
    later = cuff.take(130, 85, 71)
    await eventually(lambda: set(clinic.payloads) == {first, later})
    assert look(state).status.held == 2
    assert broken_journals(state) == []
    assert daemon.running


async def test_what_is_whole_in_a_journal_that_was_set_aside_reaches_the_clinic_by_itself(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    payloads = [cuff_payload(), cuff_payload(None)]
    with closing(Journal(state, "a" * 16)) as journal:
        for payload in payloads:
            journal.append(notification(payload))
    (state / FILE).rename(state / f"{FILE}.broken-{'b' * 16}")
    daemon = run(AS_SHIPPED)
    await eventually(lambda: sorted(clinic.payloads) == sorted(payloads))
    payloads.append(cuff.take(130, 85, 71))
    await eventually(lambda: sorted(clinic.payloads) == sorted(payloads))
    await eventually(lambda: "with 2 readings of the old one" in str(clinic.reports[-1].problems))
    assert len(look(state).status.salvages) == 1
    assert daemon.running


async def test_a_row_that_was_overwritten_is_never_sent_and_told(
    world: BluetoothWorld, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with closing(Journal(state, "a" * 16)) as journal:
        for payload in (b"first payload", b"second payload"):
            journal.append(notification(payload))
    octets = (state / FILE).read_bytes()
    (state / FILE).write_bytes(octets.replace(b"first payload", b"fiRst payload"))
    daemon = run(AS_SHIPPED)
    told = "1 reading was damaged on the disk"
    await eventually(lambda: told in str(clinic.reports[-1:]) and clinic.held == 1)
    await eventually(lambda: clinic.payloads == [b"second payload"])
    assert (daemon.running, world.bus_address != "") == (True, True)
