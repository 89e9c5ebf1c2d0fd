"""The guest's system bus as a socket on this machine: DBUS_SYSTEM_BUS_ADDRESS names it.

A client proves who it is by its socket; TCP cannot carry that into the guest, so this end takes
every client (the socket lies in a directory of ours) and the guest's bus takes anonymous ones. File
descriptors cannot cross either: bleak's AcquireNotify, which nobody here asks for, would fail.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

from simulators.stack.process import LOOPBACK
from simulators.world.bus import SOCKET_PATH_BYTES_MAX
from simulators.world.central import BackgroundTasks

__all__ = ["BusRelay"]

_CHUNK_BYTES = 65536
_LOGIN_TIMEOUT_S = 10.0


class BusRelay:
    """Listens on a socket in a directory and connects each client to the guest's bus."""

    def __init__(self, directory: Path, port: int, before: Callable[[], Awaitable[None]]) -> None:
        """Reach the bus by this port of loopback; await `before` before each client's login."""
        self._socket = directory.absolute() / "bus"
        assert len(str(self._socket)) <= SOCKET_PATH_BYTES_MAX, self._socket
        self._port = port
        self._before = before
        self._clients = BackgroundTasks()

    @property
    def address(self) -> str:
        """What belongs into DBUS_SYSTEM_BUS_ADDRESS."""
        return f"unix:path={self._socket}"

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._server = await asyncio.start_unix_server(self._accepted, self._socket)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Hang up on everybody."""
        self._server.close()
        await self._clients.close()
        await self._server.wait_closed()
        self._socket.unlink(missing_ok=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.spawn(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await self._before()
            guest_reader, guest_writer = await asyncio.open_connection(LOOPBACK, self._port)
            with closing(guest_writer), suppress(OSError, EOFError):  # either may leave at any time
                async with asyncio.timeout(_LOGIN_TIMEOUT_S):
                    guid = await _log_in(guest_reader, guest_writer)
                    await _let_in(reader, writer, guid)
                directions = (_carry(reader, guest_writer), _carry(guest_reader, writer))
                ways = [asyncio.ensure_future(direction) for direction in directions]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)


async def _log_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Log in to the guest's bus ("Authentication Protocol" of the specification); give its GUID."""
    writer.write(b"\0AUTH ANONYMOUS\r\n")
    answer, _, guid = (await reader.readuntil(b"\r\n")).strip().partition(b" ")
    assert answer == b"OK", answer
    writer.write(b"BEGIN\r\n")
    return guid


async def _let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, guid: bytes) -> None:
    """Accept whoever it is; bleak's client insists on file descriptors, and then uses none."""
    await reader.readexactly(1)  # where a socket would carry credentials
    while (line := (await reader.readuntil(b"\r\n")).strip()) != b"BEGIN":
        if line.startswith(b"AUTH EXTERNAL"):
            writer.write(b"OK " + guid + b"\r\n")
        elif line == b"NEGOTIATE_UNIX_FD":
            writer.write(b"AGREE_UNIX_FD\r\n")
        else:
            writer.write(b"ERROR\r\n")


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass  # the end of a connection, one way or the other
