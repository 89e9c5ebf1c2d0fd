"""Child processes that never outlive their parent, and waiting for them with a bound.

Invariants: a child ends when its parent ends, however that happens (see launch.py); it leads a
session of its own, so that Ctrl-C in the terminal reaches the supervisor alone, and stopping it
takes whatever it started along. Start children from the main thread: the kernel ties a child's life
to the *thread* that forked it.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from schemas.errors import MisconfiguredError, UnavailableError

LOOPBACK = "127.0.0.1"
START_WITHIN_S = 20.0
_PROBE_EVERY_S = 0.02
_HELPERS_WITHIN_S = 10.0
_LAUNCHER = Path(__file__).with_name("launch.py")
_KEEP_UID = -1
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to end it.

    ``stop_signal`` asks for an orderly end, which may take ``stop_within_s``; it is also what the
    program gets when its parent dies. ``uid`` drops root to that uid. Output goes to ``log``.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 5.0
    uid: int | None = None


class Child(AbstractContextManager["Child"]):
    """A running program; leaving the context ends it and everything in its session."""

    def __init__(self, program: Program) -> None:
        """Remember the program; nothing runs before ``start``."""
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Number of the running process."""
        assert self._process is not None, f"{self.program.name} was never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended: negative for a signal, None while it lives or was never started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> Self:
        """Start the program; raises ``UnavailableError`` if the machine refuses."""
        assert not self.running, f"{self.program.name} is running"
        program = self.program
        uid = _KEEP_UID if program.uid is None else program.uid
        tied = (sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()))
        program.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with program.log.open("ab") as log:
                self._process = subprocess.Popen(
                    (*tied, str(int(program.stop_signal)), str(uid), *program.command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **program.environment},
                    cwd="/",
                    start_new_session=True,
                )
        except OSError as error:
            raise UnavailableError(
                f"{program.name} cannot be started: {error.strerror}.",
                "Free memory or disk space, and try again.",
            ) from error
        return self

    def ask_to_stop(self) -> None:
        """Send the orderly signal and return at once, so that several can stop side by side."""
        if self.running:
            self._signal(self.program.stop_signal)

    def stop(self) -> None:
        """End the program: orderly within its bound, else by force. Safe to call twice."""
        if self._process is None:
            return
        self.ask_to_stop()
        if self.wait_for_end(self.program.stop_within_s) is None:
            helpers = _children(self.pid)
            self._signal(signal.SIGKILL)
            for helper in helpers:
                with suppress(ProcessLookupError):
                    os.kill(helper, signal.SIGKILL)
            self._wait_for_helpers(helpers)
        with suppress(ProcessLookupError):  # also what it may have left behind in its session
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait_for_end(self, within_s: float) -> int | None:
        """Wait for a program that ends by itself; None if it did not in time."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(within_s)
        return None

    def kill(self) -> None:
        """End the program without warning, as a crash would; what it had started ends after it."""
        helpers = _children(self.pid)
        self._signal(signal.SIGKILL)
        self._wait_for_helpers(helpers)

    def _wait_for_helpers(self, helpers: list[int]) -> None:
        """Wait until a program that was killed and what it had started are gone.

        PostgreSQL's helpers lead sessions of their own, and leave when they notice that they are
        alone: until then the next server is refused.
        """
        assert self._process is not None
        self._process.wait()
        give_up_s = time.monotonic() + _HELPERS_WITHIN_S
        while any(Path(f"/proc/{helper}").exists() for helper in helpers):
            if time.monotonic() > give_up_s:
                raise UnavailableError(f"What {self.program.name} had started does not end.")
            time.sleep(_PROBE_EVERY_S)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def __enter__(self) -> Self:
        """Start, unless it runs already."""
        return self if self.running else self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()


def _children(pid: int) -> list[int]:
    """List the processes that a process has started and not yet waited for."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except OSError:  # it has ended, or the kernel does not say
        return []
    return [int(child) for child in children.split()]


def wait_until_ready(
    child: Child, probe: Callable[[], bool], within_s: float = START_WITHIN_S
) -> None:
    """Wait for ``probe`` to say yes; ``UnavailableError`` if the child ends or is too slow."""
    name, log = child.program.name, child.program.log
    deadline_s = time.monotonic() + within_s
    while not probe():
        if not child.running:
            raise UnavailableError(
                f"{name} ended while it started (exit {child.exit_code}): {last_line(log)}.",
                f"Its log is {log}.",
            )
        if time.monotonic() > deadline_s:
            raise UnavailableError(
                f"{name} did not answer within {within_s:.0f} s.",
                f"See {log}; is the machine overloaded?",
            )
        time.sleep(_PROBE_EVERY_S)


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on the loopback port."""
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex((LOOPBACK, port)) == 0


def wheel_folder(package: str) -> Path:
    """Find the folder that a wheel was unpacked into, without running any of its code."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise MisconfiguredError(f"The package {package} is missing.", "Run `make setup` again.")
    return Path(found.origin).parent.parent


def last_line(log: Path) -> str:
    """Give the last line that a child wrote, without its full stop, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return "it wrote nothing"
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")
    return last.rstrip(".")
