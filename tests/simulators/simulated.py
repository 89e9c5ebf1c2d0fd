"""`vitalwire simulate` as a child process."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

TIMEOUT_S = 20.0


class Simulated:
    """The process, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    async def until(self, event: str, times: int = 1) -> dict[str, Any]:
        """Read on until it has told of this event so often; give the last one."""
        assert self.process.stdout is not None
        while sum(line["event"] == event for line in self.said) < times:
            line = await asyncio.wait_for(self.process.stdout.readline(), TIMEOUT_S)
            assert line, self.said
            self.said.append(json.loads(line))
        return [line for line in self.said if line["event"] == event][-1]

    async def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    def payloads(self, event: str) -> list[bytes]:
        return [bytes.fromhex(line["payload"]) for line in self.said if line["event"] == event]


@asynccontextmanager
async def simulate(*arguments: str) -> AsyncIterator[Simulated]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vitalwire", "simulate", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Simulated(process)
        await asyncio.wait_for(process.wait(), TIMEOUT_S)
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
