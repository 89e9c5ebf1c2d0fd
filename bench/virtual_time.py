"""An event loop whose clock jumps to the next timer when nothing real is on its way.

Real things are on their way while a socket of ours is readable, while the bus daemon has not read
what we wrote or has not gone to sleep over it, and while a thread works for the loop. Everything
else that happens is a timer, and a month of timers takes minutes.
"""

import asyncio
import fcntl
import selectors
import struct
import termios
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

_LOOK_AGAIN_S = 0.0003
_IDLE_S = 0.05


class _Selector(selectors.DefaultSelector):
    """Waits for what is real, and jumps over the rest."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> Any:  # noqa: ANN401 - as its base says
        """Give what is ready; with a timeout, jump over it instead of waiting."""
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        while not events and not self.loop.is_quiet():
            events = super().select(_LOOK_AGAIN_S)
        if not events:
            events = super().select(0)  # what came before the bus daemon went to sleep
        if events:
            return events
        if timeout is None:
            return super().select(_IDLE_S)
        self.loop.jump(timeout)
        return []

    def written_and_unread(self) -> bool:
        """Whether somebody has not read all that a unix socket of ours has sent."""
        for key in self.get_map().values():
            try:
                queued = fcntl.ioctl(key.fd, termios.TIOCOUTQ, b"\0\0\0\0")
            except OSError:  # not a socket
                continue
            if struct.unpack("i", queued)[0]:
                return True
        return False


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop for one process, a bus daemon, and a month."""

    def __init__(self) -> None:
        """Begin with the machine's clock and no bus daemon."""
        self._selecting = _Selector()
        self._selecting.loop = self
        self._ahead_s = 0.0
        self._working = 0
        self._bus_daemon: Callable[[], int] | None = None
        super().__init__(self._selecting)

    def watch(self, bus_daemon: Callable[[], int]) -> None:
        """Wait for this process, given by its number, before each jump."""
        self._bus_daemon = bus_daemon

    def time(self) -> float:
        """Give the machine's clock and all that was jumped over, in s."""
        return super().time() + self._ahead_s

    def jump(self, seconds: float) -> None:
        """Let so much time be over."""
        self._ahead_s += seconds

    def is_quiet(self) -> bool:
        """Whether nothing real is on its way."""
        if self._working or self._bus_daemon is None:
            return self._bus_daemon is None and not self._working
        if self._selecting.written_and_unread():
            return False
        try:
            status = Path(f"/proc/{self._bus_daemon()}/stat").read_bytes()
        except FileNotFoundError:
            return True
        return status.rpartition(b") ")[2][:1] == b"S"

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., Any], *args: object
    ) -> asyncio.Future[Any]:
        """Do as its base does, and wait for it before each jump."""
        self._working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _future: "asyncio.Future[Any] | Future[Any]") -> None:
        self._working -= 1
