"""A private D-Bus daemon: the system bus of one simulated home, gone when its owner is gone."""

import asyncio
import ctypes
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Self

__all__ = ["BusFailedToStart", "PrivateBus"]

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0

# A unix socket path longer than this cannot be bound (sun_path, 108 bytes with its final zero).
SOCKET_PATH_BYTES_MAX = 107

PR_SET_PDEATHSIG = 1

# Everybody on this bus is trusted: the socket lies in a directory of ours.
CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_type="method_return"/>
    <allow send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="signal"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
  </policy>
</busconfig>
"""


class BusFailedToStart(RuntimeError):
    """The environment's fault: dbus-daemon is missing or refuses; the message says which."""


def find_dbus_daemon() -> str:
    """Path of the dbus-daemon program; BusFailedToStart with the way out if there is none."""
    program = shutil.which("dbus-daemon")
    if program is None:
        raise BusFailedToStart("dbus-daemon is not installed: run `make setup`, which unpacks one")
    return program


def die_with_parent() -> Callable[[], None]:
    """A preexec hook: the kernel kills the child when the process that started it is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def in_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child


class PrivateBus:
    """One dbus-daemon on a socket in `directory`, as an async context manager."""

    def __init__(self, directory: Path) -> None:
        """Place socket and configuration in `directory`, which must exist and be short."""
        self._configuration = directory / "bus.conf"
        self._socket = directory / "bus"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """What belongs into DBUS_SYSTEM_BUS_ADDRESS."""
        return f"unix:path={self._socket}"

    async def __aenter__(self) -> Self:
        """Start the daemon; it listens when this returns. Raises BusFailedToStart."""
        if len(os.fsencode(self._socket)) > SOCKET_PATH_BYTES_MAX:
            raise BusFailedToStart(f"too long for a unix socket, use a shorter one: {self._socket}")
        self._configuration.write_text(CONFIGURATION.format(socket=self._socket))
        self._process = await asyncio.create_subprocess_exec(
            find_dbus_daemon(),
            f"--config-file={self._configuration}",
            "--nofork",
            "--nopidfile",
            "--nosyslog",
            "--print-address=1",  # written once it listens: a readiness signal without polling
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=die_with_parent(),
        )
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_TIMEOUT_S)
        except TimeoutError:
            line = b""
        if not line:
            await self.__aexit__()
            raise BusFailedToStart(f"dbus-daemon did not start with {self._configuration}")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop the daemon and leave no process behind."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        self._socket.unlink(missing_ok=True)
