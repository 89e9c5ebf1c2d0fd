"""People at a gateway: who types a command, and who answers while a device is paired."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.bluetooth import pairing

COMMAND = (sys.executable, "-m", "vitalwire", "gateway")


async def gateway(
    *arguments: str, state: Path | None = None, typed: str = ""
) -> tuple[int | None, str, str]:
    """Run a command beside the world; give its exit code, what it said, and its errors."""
    where = ("--state", str(state)) if state is not None else ()
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, *arguments, *where),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate(typed.encode())
    return process.returncode, said.decode(), complained.decode()


def person(
    address: str, passkey: int | None = None, tell: Callable[[str], None] = print
) -> pairing.Person:
    """Somebody who reads the display, or gives up."""

    async def read() -> int | None:
        return passkey

    async def compare(_shown: int) -> bool:
        return False

    return pairing.Person(address, read, compare, tell)
