"""What is known at this gateway, gathered for people: from the disk, and from the running daemon.

The daemon writes where it listens into its lock file. Nothing here waits for long or for a person,
and nothing changes: a command that looks must never be the reason why a reading is late.
"""

import http.client
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.admission.admission import Admission
from gateway.admission.admissions import FILE as ADMISSIONS_FILE
from gateway.admission.admissions import Admissions
from gateway.admission.advert import Advert, judged
from gateway.admission.live import DeviceRow, Live, Overview
from gateway.bedside.status import Seen, look
from gateway.journal.custody import KEEP_RECEIPTED_MS
from schemas.clock import Clock
from schemas.errors import UNREADABLE, MisconfiguredError, VitalwireError
from schemas.reading import Capture

LOCK_FILE = "daemon.lock"
LIVE_PATH = "/live.json"
LIVE_TIMEOUT_S = 4.0


class Endpoint(msgspec.Struct, frozen=True):
    """What the daemon writes into its lock file."""

    pid: Annotated[int, msgspec.Meta(ge=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]


def endpoint(state: Path) -> Endpoint | None:
    """Read where the daemon of this state directory listens, or listened before it ended."""
    try:
        return msgspec.json.decode((state / LOCK_FILE).read_bytes(), type=Endpoint)
    except (OSError, *UNREADABLE):
        return None


def ask_daemon(state: Path) -> Live | None:
    """Ask the running daemon; None if there is none, or if it does not answer."""
    where = endpoint(state)
    if where is None:
        return None
    connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=LIVE_TIMEOUT_S)
    try:
        with closing(connection):
            connection.request("GET", LIVE_PATH)
            answer = connection.getresponse()
            return msgspec.json.decode(answer.read(), type=Live) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, *UNREADABLE):
        return None


def look_if_any(state: Path) -> Seen | MisconfiguredError:
    """Look at the journal, or say why there is none to be read: its daemon never ran here, say."""
    try:
        return look(state)
    except MisconfiguredError as error:
        return error


def gather(
    state: Path, seen: Seen | MisconfiguredError, live: Live | None, clock: Clock
) -> Overview:
    """Put together what the journal, the record of paired devices and the daemon know."""
    journal, captures = seen if isinstance(seen, Seen) else (None, {})
    met = {device.address: device for device in live.devices} if live is not None else {}
    rows = []
    admitted, unpaired = _admissions(state)
    for admission in admitted:
        device = met.get(admission.address)
        capture = captures.get(admission.address)
        age_s = _age_s(capture, clock) if capture is not None else None
        undated = capture is not None and age_s is None
        rows.append(
            DeviceRow(
                address=admission.address,
                name=admission.name,
                by=admission.by.value,
                admitted_ms=admission.admitted_ms,
                model=admission.model,
                last_reading_s=clock.monotonic_ms() // 1000 if undated else age_s,
                last_reading_at_least=undated,
                outlived_readings=_outlived_readings(admission, clock),
                last_seen_s=device.last_seen_s if device else None,
                battery_percent=device.battery_percent if device else None,
                battery_low=device.battery_low if device else False,
                failures=device.failures if device else 0,
            )
        )
    oldest = journal.oldest if journal is not None else None
    waiting_s = _age_s(oldest.capture, clock) if oldest is not None else None
    return Overview(rows, live, journal, waiting_s, unpaired)


def judge(admissions: Admissions) -> Callable[[Advert], Advert]:
    """Give what says of a device that is heard whether it is admitted, by this open record."""
    return lambda one: judged(
        one, {known.address for known in admissions.all()}, adopted=admissions.adopted
    )


@contextmanager
def judging(state: Path) -> Iterator[Callable[[Advert], Advert]]:
    """Do the same by the record on the disk; where there is none, or none for us, nothing is said.

    It is not created, since a look changes nothing.
    """
    with ExitStack() as opened:
        admissions = None
        with suppress(OSError, sqlite3.Error, VitalwireError):
            if (state / ADMISSIONS_FILE).exists():
                admissions = opened.enter_context(Admissions(state))
        yield judge(admissions) if admissions is not None else lambda one: one


def as_json(value: object) -> str:
    """Give a value as indented JSON, for programs and for curious people."""
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False)


def _admissions(state: Path) -> tuple[list[Admission], list[str]]:
    """Give what is admitted, and whose bonds are to go."""
    if not (state / ADMISSIONS_FILE).exists():
        return [], []
    try:
        with Admissions(state) as admissions:
            return admissions.all(), admissions.bonds_to_go()
    except sqlite3.Error:
        return [], []


def _outlived_readings(admission: Admission, clock: Clock) -> bool:
    if admission.admitted_ms is None or not clock.synchronised():
        return False
    return clock.wall_ms() - admission.admitted_ms > KEEP_RECEIPTED_MS


def _age_s(capture: Capture, clock: Clock) -> int | None:
    """Tell how old a capture is; None if it was in another boot and the clock is not kept true."""
    if capture.boot_id == clock.boot_id:
        return (clock.monotonic_ms() - capture.monotonic_ms) // 1000
    if capture.wall_ms is None or not clock.synchronised():
        return None
    return max(0, clock.wall_ms() - capture.wall_ms) // 1000
