"""The daemon's memory after a visit to each of twenty devices, and its idle processor time."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from random import Random

from bench.home import BenchHome, eventually
from bench.measuring import KINDS, measure
from bench.record import Figure, Reference, Target

DEVICES = 20
READINGS_OF_A_DEVICE = 5
VISITS_WITHIN_S = 300.0
SETTLE_S = 10.0
IDLE_S = 60.0
_BARE = """\
import bleak, paho.mqtt.client, prometheus_client, structlog
print(int(open("/proc/self/statm").read().split()[1]) * 4096 / 1024 / 1024)"""


def run() -> Iterator[Figure]:
    """Visit all, then be idle for a minute."""
    yield from asyncio.run(_live())


async def _live() -> list[Figure]:
    async with BenchHome() as home:
        rng = Random(DEVICES)
        devices = [await home.add(KINDS[number % len(KINDS)]) for number in range(DEVICES)]
        for device in devices:
            for _ in range(READINGS_OF_A_DEVICE):
                measure(device, rng)
        home.daemon.start()
        await eventually(lambda: not home.missing(devices), VISITS_WITHIN_S)
        home.subscriber.confirm()
        await asyncio.sleep(SETTLE_S)
        used_s = home.processor_s()
        await asyncio.sleep(IDLE_S)
        idle_percent = 100 * (home.processor_s() - used_s) / IDLE_S
        memory_mib = home.resident_mib()
    return [
        Figure(
            "footprint.memory",
            memory_mib,
            "MiB",
            Reference("its libraries, imported", _libraries_mib()),
            Target("<=", 64),
        ),
        Figure("footprint.idle_processor", idle_percent, "%", target=Target("<=", 1)),
    ]


def _libraries_mib() -> float:
    command = [sys.executable, "-c", _BARE]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
