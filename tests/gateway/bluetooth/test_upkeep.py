"""What the daemon does by the clock alone: a disk that refused is tried again, and is emptied."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.bedside.status import look
from gateway.journal.file import FILE
from gateway.journal.journal import Journal
from schemas.clock import SystemClock
from simulators.peripherals import Cuff
from simulators.stack.process import Child
from tests.bluetooth_world import eventually
from tests.gateway.bluetooth.clinic import Clinic
from tests.gateway.records import notification

SHIPPED = "import vitalwire; vitalwire.cli()"
DISK_REFUSES_ONCE = """
from gateway.journal.journal import Journal
from schemas.errors import UnavailableError
append = Journal.append
def refuse(*_, **__):
    Journal.append = append
    raise UnavailableError("The journal's disk fails: it is full.", "Free space on it.")
Journal.append = refuse
""" + SHIPPED  # fmt: skip
SPACE_IS_NEEDED_AND_THE_WALL_CLOCK_KEPT_TRUE = """
from gateway import daemon
from schemas.clock import SystemClock
daemon.SPACE_NEEDED_BELOW_BYTES = 1 << 62
SystemClock.synchronised = lambda _clock: True
""" + SHIPPED  # fmt: skip
NO_HEARTBEAT = """
from gateway import daemon
daemon.HEARTBEAT_S = 86_400.0
""" + SHIPPED  # fmt: skip


async def test_what_a_visit_learnt_of_a_device_is_reported_when_it_ends(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic
) -> None:
    run(NO_HEARTBEAT)
    await eventually(lambda: clinic.held == 0 and not clinic.reports[-1].problems)
    cuff.take(120, 80, 70)
    await eventually(
        lambda: [device.model for device in clinic.reports[-1].devices] == ["Cuff One"]
    )


async def test_what_a_disk_refused_is_tried_again_without_anybody(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic
) -> None:
    """The cuff has let go of it, and nothing else may come for days."""
    run(DISK_REFUSES_ONCE)
    await eventually(lambda: clinic.held == 0)
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: clinic.payloads == [taken])


async def test_what_the_server_has_goes_where_space_is_needed_and_a_true_wall_clock_is_kept(
    run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with closing(Journal(state, "a" * 16)) as journal:
        gone, held = (journal.append(notification(payload)) for payload in (b"1", b"2"))
        journal.custody.receipt({gone.stream: [(gone.seq, gone.seq)]}, None)
    run(SPACE_IS_NEEDED_AND_THE_WALL_CLOCK_KEPT_TRUE)
    await eventually(lambda: look(state).status.receipted == 0)
    assert look(state).status.held == 1
    await eventually(lambda: clinic.held == 1)
    assert held.payload == b"2"
    with closing(sqlite3.connect(f"file:{state / FILE}?mode=ro", uri=True)) as journal_file:
        (observed,) = journal_file.execute("SELECT value FROM observation").fetchone()
    assert SystemClock().boot_id.encode() in observed  # no capture after a power cut is older
