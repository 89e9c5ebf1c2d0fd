"""From the start of the daemon's process to its scan: the median of ten, beside bare imports."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from bench.home import BenchHome, eventually
from bench.record import Figure, Reference, Target

STARTS = 10
START_WITHIN_S = 60.0
TARGET_S = 2
_SCANNING = "scan.started"


def run() -> Iterator[Figure]:
    """Start it again and again."""
    yield from asyncio.run(_start())


async def _start() -> list[Figure]:
    took_s, bare_s = [], []
    async with BenchHome() as home:
        for _ in range(STARTS):
            home.daemon.program.log.write_text("")
            began_s = time.monotonic()
            home.daemon.start()
            await eventually(lambda: _SCANNING in home.log(), START_WITHIN_S)
            took_s.append(time.monotonic() - began_s)
            home.daemon.ask_to_stop()
            await eventually(lambda: not home.daemon.running, START_WITHIN_S)
            began_s = time.monotonic()
            await asyncio.to_thread(_import)
            bare_s.append(time.monotonic() - began_s)
    return [
        Figure(
            "cold_start.to_scanning",
            median(took_s),
            "s",
            Reference("import bleak", median(bare_s)),
            Target("<=", TARGET_S),
        )
    ]


def _import() -> None:
    subprocess.run([sys.executable, "-c", "import bleak"], check=True)
