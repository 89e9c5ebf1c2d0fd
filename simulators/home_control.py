"""The control socket of a simulated home: one JSON line each way, on a unix socket.

A test or the demo asks a home what its devices measured and handed over: the ground truth that the
database is compared with.
"""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from schemas.errors import UNREADABLE, UnavailableError
from simulators.peripherals.ledger import Entry
from simulators.scenario import PlannedMeasurement

__all__ = ["Command", "HomeControl", "HomeStatus", "Measure", "Status", "Stop", "serve_control"]

REQUEST_BYTES_MAX = 4096
REPLY_BYTES_MAX = 64 * 1024 * 1024
ANSWER_WITHIN_S = 5.0


class Status(Struct, frozen=True, tag="status", tag_field="command"):
    """Ask for everything that is known."""


class Stop(Struct, frozen=True, tag="stop", tag_field="command"):
    """Measure nothing any more, but keep handing over; what waits is announced again."""


class Measure(Struct, frozen=True, tag="measure", tag_field="command"):
    """Measure this now, beside the plan; its `at_s` does not matter."""

    measurement: PlannedMeasurement


Command: TypeAlias = Status | Stop | Measure


class HomeStatus(Struct, frozen=True):
    """The answer to every command: the home as it is after it.

    `planned` measurements are still to come, `pending` payloads wait on the devices to be handed
    over. `taken` and `handed_over` list payloads, the oldest first.
    """

    gateway_id: str
    planned: int
    pending: int
    taken: list[Entry]
    handed_over: list[Entry]


class Refusal(Struct, frozen=True):
    """The answer to a line that is no command."""

    error: str


async def serve_control(path: Path, perform: Callable[[Command], HomeStatus]) -> asyncio.Server:
    """Listen on `path`; one command per line, any number of lines per connection."""
    decoder = msgspec.json.Decoder(Command)

    def answer(line: bytes) -> HomeStatus | Refusal:
        try:
            command = decoder.decode(line)
        except UNREADABLE as error:
            return Refusal(str(error))
        return perform(command)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # ValueError: a line above the limit
            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(talk, path, limit=REQUEST_BYTES_MAX)


class HomeControl:
    """The asking side, blocking, a connection per question."""

    def __init__(self, path: Path) -> None:
        """Ask the home that listens on `path`."""
        self._path = path

    def status(self) -> HomeStatus:
        """Ask for everything that is known. Raises UnavailableError."""
        return self._ask(Status())

    def stop(self) -> HomeStatus:
        """Measure nothing any more. Raises UnavailableError."""
        return self._ask(Stop())

    def measure(self, measurement: PlannedMeasurement) -> HomeStatus:
        """Measure this now. Raises UnavailableError."""
        return self._ask(Measure(measurement))

    def _ask(self, command: Command) -> HomeStatus:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_WITHIN_S)
                connection.connect(str(self._path))
                connection.sendall(msgspec.json.encode(command) + b"\n")
                with connection.makefile("rb") as lines:
                    reply = lines.readline(REPLY_BYTES_MAX)
            return msgspec.json.decode(reply, type=HomeStatus)
        except (OSError, *UNREADABLE) as error:
            raise UnavailableError(
                f"The simulated home at {self._path} does not answer: {error}.",
                "It has ended; its log says why.",
            ) from error
