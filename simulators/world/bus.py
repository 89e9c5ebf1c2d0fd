"""A private D-Bus daemon: the system bus of one simulated home, gone when its owner is gone."""

import asyncio
import os
import socket
from pathlib import Path
from typing import Self

from schemas.errors import MisconfiguredError
from simulators.programs import find_program
from simulators.stack.process import Child, Program, wait_until_ready

__all__ = ["PrivateBus"]

# A unix socket path longer than this cannot be bound (sun_path, 108 bytes with its final zero).
SOCKET_PATH_BYTES_MAX = 107

# Everybody on this bus is trusted: its socket lies in a directory of ours.
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


class PrivateBus:
    """One dbus-daemon on a socket in `directory`, as an async context manager."""

    def __init__(self, directory: Path) -> None:
        """Place socket, configuration and log in `directory`, which must exist."""
        directory = directory.absolute()
        self._socket = directory / "bus"
        self._configuration = directory / "bus.conf"
        self._log = directory / "bus.log"

    @property
    def address(self) -> str:
        """What belongs into DBUS_SYSTEM_BUS_ADDRESS."""
        return f"unix:path={self._socket}"

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._daemon.pid

    async def __aenter__(self) -> Self:
        """Start the daemon; it listens when this returns.

        Raises:
            MisconfiguredError: there is no dbus-daemon, or the directory's path is too long.
            UnavailableError: it did not start in time.
        """
        if len(os.fsencode(self._socket)) > SOCKET_PATH_BYTES_MAX:
            raise MisconfiguredError(
                f"The path {self._socket} is too long for a unix socket.",
                "Use a directory with a shorter path.",
            )
        self._configuration.write_text(CONFIGURATION.format(socket=self._socket))
        command = (
            str(find_program("dbus-daemon")),
            f"--config-file={self._configuration}",
            "--nofork",
            "--nopidfile",
            "--nosyslog",
        )
        self._daemon = Child(Program("dbus-daemon", command, self._log)).start()
        try:
            await asyncio.to_thread(wait_until_ready, self._daemon, self._listens)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop the daemon and leave no process behind."""
        await asyncio.to_thread(self._daemon.stop)
        self._socket.unlink(missing_ok=True)

    async def restart(self) -> None:
        """End the daemon and start another one at the same address: every connection is over."""
        await self.__aexit__()
        await self.__aenter__()

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self._socket)) == 0
