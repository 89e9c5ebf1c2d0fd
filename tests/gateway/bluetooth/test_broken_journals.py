"""The shipped daemon while its journal is damaged or taken away, with nobody there to help."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.bedside.status import broken_journals, read_status
from gateway.journal.file import FILE
from simulators.peripherals import Cuff
from simulators.stack.process import Child
from tests.bluetooth_world import eventually
from tests.gateway.bluetooth.clinic import Clinic

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


async def test_a_journal_that_is_damaged_while_it_is_open_is_told_before_it_is_begun_anew(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    first = cuff.take(120, 80, 70)
    run(AS_SHIPPED)
    await eventually(lambda: clinic.payloads == [first] and clinic.held == 1)
    break_pages(tmp_path / "state" / FILE)
    cuff.take(130, 85, 71)
    await eventually(lambda: "a new one begins" in str(clinic.reports[-1].problems))
    assert clinic.held == 1  # what it cannot count it does not call none


async def test_a_damaged_journal_is_set_aside_and_the_home_goes_on_by_itself(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    first = cuff.take(120, 80, 70)
    daemon = run(AT_ONCE)
    await eventually(lambda: clinic.payloads == [first] and clinic.held == 1)
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
    taken = [cuff.take(120, 80, 70)]
    daemon = run(AT_ONCE)
    await eventually(lambda: clinic.payloads == taken and clinic.held == 1)
    (state / FILE).unlink()
    log = tmp_path / "gateway.log"
    await eventually(lambda: log.read_text().count("gateway.started") == 2)
    taken.append(cuff.take(130, 85, 71))
    await eventually(lambda: set(clinic.payloads) == set(taken))
    assert read_status(state).held == 2
    assert broken_journals(state) == []
    assert daemon.running
