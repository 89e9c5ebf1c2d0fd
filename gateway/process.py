"""The process of a home's daemon: its lock, its journal, its signals, and its local pages.

Only arguments, the state directory and its lock can end it before it works.
"""

import asyncio
import ctypes
import errno
import fcntl
import gc
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import structlog

from gateway.admission.admissions import Admissions
from gateway.admission.live import Live
from gateway.bedside.overview import LOCK_FILE, Endpoint
from gateway.bedside.serve import LocalPages
from gateway.clocks.book import HOME
from gateway.daemon import Daemon, Settings
from gateway.journal.journal import Journal
from gateway.service_manager import ServiceManager
from schemas.clock import SystemClock
from schemas.daemon import Monitor
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.topics import GATEWAY_ID

LIVE_TIMEOUT_S = 2.0
STREAM_BYTES = 8
# A memory card does this; after another start, or a check of the card, it may not.
_DISK_FAILS = (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO)

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raise ``MisconfiguredError`` for what only a person can mend."""
    if not GATEWAY_ID.fullmatch(settings.gateway_id):
        raise MisconfiguredError(
            f"{settings.gateway_id!r} is no gateway id.",
            "Use 1 to 64 of the characters a-z, 0-9 and -.",
        )
    with locked(settings.state) as lock:
        asyncio.run(_run(settings, lock))


@contextmanager
def locked(state: Path) -> Iterator[int]:
    """Hold the state directory: two daemons would give out the same numbers. Gives the lock."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in _DISK_FAILS:
            raise UnavailableError(
                f"The disk of {state} fails: {error.strerror}.", "Free space on it, or replace it."
            ) from error
        raise MisconfiguredError(
            f"The state directory {state} cannot be used: {error.strerror}.",
            "Choose another with --state, or give this user the right to write there.",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise MisconfiguredError(
            f"Another gateway daemon uses {state}.", "Stop it, or choose another with --state."
        ) from error
    try:
        yield lock
    finally:
        with suppress(OSError):  # a disk that is read-only by now
            os.ftruncate(lock, 0)
        os.close(lock)


def _is_lock(lock: int, path: Path) -> bool:
    """Tell whether the file that we hold is still the one that another daemon would find."""
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except OSError:
        return False


async def _run(settings: Settings, lock: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(note_stray_error)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    manager = ServiceManager.of(os.environ)
    daemon: Daemon | None = None
    with closing(manager), ExitStack() as locks:
        while daemon is None or (daemon.must_renew and not stop.is_set()):
            if not _is_lock(lock, settings.state / LOCK_FILE):  # its directory was removed
                lock = locks.enter_context(locked(settings.state))
            daemon = await _live(settings, lock, stop, manager, daemon)


async def _live(
    settings: Settings,
    lock: int,
    stop: asyncio.Event,
    manager: ServiceManager,
    before: Daemon | None,
) -> Daemon:
    """Live with one journal; ``before`` has left a damaged one. Give the daemon that has ended."""
    loop = asyncio.get_running_loop()
    with ExitStack() as opened:
        stream = secrets.token_hex(STREAM_BYTES)
        anew = before is not None and not before.journal.file.written_again
        journal = Journal(settings.state, stream, anew=anew)
        opened.callback(journal.close)
        admissions = Admissions(settings.state, mend=True)
        opened.callback(admissions.close)
        with suppress(UnavailableError):  # a full disk: what the last run knew goes on
            admissions.clocks.keep_zone(HOME, settings.zone)
        rng = Random(secrets.randbits(64))
        daemon = Daemon(settings, journal, admissions, SystemClock(), rng)
        if before is not None:
            daemon.intake.take_over(before.intake.leave())
        pages = LocalPages(settings.state, partial(_ask, loop, daemon.live), SystemClock())
        with Monitor(settings.monitor_port, daemon.readiness, pages.by_path) as monitor:
            log.info("monitor listening", port=monitor.port)
            os.ftruncate(lock, 0)
            os.pwrite(lock, msgspec.json.encode(Endpoint(os.getpid(), monitor.port)), 0)
            give_memory_back()
            await daemon.live_until(stop, manager)
    return daemon


def _ask(loop: asyncio.AbstractEventLoop, live: Callable[[], Live]) -> Live:
    """Ask the event loop from another thread; raise ``TimeoutError`` if it is too busy."""

    async def answer() -> Live:
        return live()

    return asyncio.run_coroutine_threadsafe(answer(), loop).result(LIVE_TIMEOUT_S)


def note_stray_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody waited for: dbus-fast leaves futures of connections that have ended."""
    error = context.get("exception")
    if isinstance(error, OSError | EOFError):
        log.debug("connection.ended", reason=repr(error))
    else:
        log.error("stray.error", message=context["message"], exc_info=error)


def give_memory_back() -> None:
    """Return what importing needed for a moment: 4 MiB of 43 (glibc 2.36, measured)."""
    gc.collect()
    with suppress(AttributeError):  # musl has no such call
        ctypes.CDLL(None).malloc_trim(0)
