"""A hundred devices around one gateway: is any of them starved?

Each device measures again and again at seeded intervals, two minutes apart in the mean: far more
often than patients do. Every ten minutes all of them measure in the same second. Now and then a
transfer breaks, stalls, or loses its confirmation. A reading is starved if it is handed over later
than ``STARVED_AFTER_S`` after it was taken: by then a real meter sleeps.
``VITALWIRE_BENCH_MINUTES`` sets how long (60).
"""

import asyncio
import os
from collections.abc import Iterator
from random import Random

from bench.home import BenchHome, eventually
from bench.measuring import KINDS, AnyDevice, measure
from bench.record import Figure, Target, load
from simulators.peripherals.faults import DropLink, LoseConfirmation, Stall
from simulators.peripherals.ledger import Ledger

DEVICES = 100
MEAN_INTERVAL_S = 120.0
HERD_EVERY_S = 600.0
FAULT_RATE = 0.02
FAULTS = (DropLink(after=0), Stall(after=0), LoseConfirmation())
STARVED_AFTER_S = 120.0
DRAIN_WITHIN_S = 300.0
REPORT_EVERY_S = 60.0
SEED = 3


def run() -> Iterator[Figure]:
    """Let them live for an hour."""
    minutes = float(os.environ.get("VITALWIRE_BENCH_MINUTES", "60"))
    yield from asyncio.run(_live(minutes * 60))


async def _live(seconds: float) -> list[Figure]:
    async with BenchHome() as home:
        devices = [await home.add(KINDS[number % len(KINDS)]) for number in range(DEVICES)]
        home.daemon.start()
        reporting = asyncio.create_task(_report(home, devices))
        async with asyncio.TaskGroup() as lives:
            for number, device in enumerate(devices):
                lives.create_task(_live_with(device, Random(SEED * 1000 + number), seconds))
        try:
            await eventually(lambda: not any(device.pending for device in devices), DRAIN_WITHIN_S)
            await eventually(lambda: not home.missing(devices), DRAIN_WITHIN_S)
        except TimeoutError:
            print(f"not drained after {DRAIN_WITHIN_S:g} s")
        reporting.cancel()
        print(_progress(home, devices))
        return _figures(home, devices, seconds)


async def _live_with(device: AnyDevice, rng: Random, seconds: float) -> None:
    """Measure at moments that only the seed decides."""
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    own_s, herd_s = rng.uniform(0, MEAN_INTERVAL_S), HERD_EVERY_S / 10
    while (next_s := min(own_s, herd_s)) < seconds:
        await asyncio.sleep(begin_s + next_s - loop.time())
        if rng.random() < FAULT_RATE:
            device.inject(rng.choice(FAULTS))
        measure(device, rng)
        if next_s == herd_s:
            herd_s += HERD_EVERY_S
        else:
            own_s += rng.uniform(0.5, 1.5) * MEAN_INTERVAL_S


async def _report(home: BenchHome, devices: list[AnyDevice]) -> None:
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        home.subscriber.confirm()
        print(_progress(home, devices), flush=True)


def _progress(home: BenchHome, devices: list[AnyDevice]) -> str:
    taken = sum(len(device.ledger.taken) for device in devices)
    given = sum(len(device.ledger.handed_over) for device in devices)
    waits = sorted(wait for device in devices for wait in _waits_s(device.ledger))
    worst = f"{waits[-1]:.1f} s worst, {waits[len(waits) // 2]:.1f} s median" if waits else "none"
    memory = f"{home.resident_mib():.1f} MiB" if home.daemon.running else "ended"
    here = len(home.subscriber.arrived_s)
    return f"{taken} taken, {given} given ({worst}), {here} arrived; gateway {memory}; {load()}"


def _waits_s(ledger: Ledger) -> list[float]:
    """Give how long each reading that was handed over had waited."""
    taken = {entry.payload: entry.at for entry in ledger.taken}
    return [(entry.at - taken[entry.payload]).total_seconds() for entry in ledger.handed_over]


def _figures(home: BenchHome, devices: list[AnyDevice], seconds: float) -> list[Figure]:
    waits = sorted(wait for device in devices for wait in _waits_s(device.ledger))
    unmet = sum(len(one.ledger.taken) - len(one.ledger.handed_over) for one in devices)
    starved = unmet + sum(wait > STARVED_AFTER_S for wait in waits)
    least = min(len(device.ledger.handed_over) for device in devices)
    return [
        Figure("many_devices.minutes", seconds / 60, "min", target=Target(">=", 60)),
        Figure("many_devices.devices", len(devices), "devices", target=Target(">=", 100)),
        Figure("many_devices.readings", len(waits), "readings"),
        Figure("many_devices.starved", starved, "readings", target=Target("<=", 0)),
        Figure("many_devices.missing", home.missing(devices), "readings", target=Target("<=", 0)),
        Figure("many_devices.least", least, "readings of a device", target=Target(">=", 1)),
        Figure("many_devices.wait_worst", waits[-1], "s", target=Target("<=", STARVED_AFTER_S)),
        Figure("many_devices.wait_p99", waits[len(waits) * 99 // 100], "s"),
        Figure("many_devices.memory", home.resident_mib(), "MiB", target=Target("<=", 64)),
    ]
