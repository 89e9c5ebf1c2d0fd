"""Tells systemd how the daemon does: its notification protocol, a datagram to ``$NOTIFY_SOCKET``.

sd_notify(3) and systemd.service(5), ``WatchdogSec=``. Without such a socket nothing is told.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

WATCHDOG_SHARE = 3  # tell three times in each interval: one may come late
STATUS_CHARACTERS_MAX = 500


class ServiceManager:
    """The way to systemd, or to nobody."""

    def __init__(self, address: str | None, watchdog_s: float | None) -> None:
        """Tell this socket; ``watchdog_s`` is how long systemd bears silence, None: for ever."""
        self._address = address
        self.period_s = None if watchdog_s is None else watchdog_s / WATCHDOG_SHARE
        """How often ``alive`` should be called; None if nobody waits for it."""
        self._status = ""
        self._socket: socket.socket | None = None
        if address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Find it as systemd says; a watchdog that is meant for another process is none."""
        address = environment.get("NOTIFY_SOCKET") or None
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        try:
            watchdog_s = int(environment["WATCHDOG_USEC"]) / 1e6 if ours else None
        except (KeyError, ValueError):
            watchdog_s = None
        return cls(address, watchdog_s or None)

    def ready(self) -> None:
        """The daemon runs."""
        self._tell("READY=1")

    def alive(self) -> None:
        """The daemon does its work now."""
        if self.period_s is not None:
            self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show this in ``systemctl status``."""
        if text != self._status:
            self._status = text
            self._tell(f"STATUS={text[:STATUS_CHARACTERS_MAX]}")

    def stopping(self) -> None:
        """The daemon ends on purpose."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()

    def _tell(self, message: str) -> None:
        if self._socket is None or self._address is None:
            return
        # A name that begins with @ lies in Linux's abstract namespace.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        with suppress(OSError):  # systemd is busy or gone: it must not end what it watches
            self._socket.sendto(message.replace("\n", " ").encode(), address)
