"""A month of virtual time in one home: does the gateway's memory stay flat?

The daemon's own parts in this process, on an event loop whose clock jumps (``bench.virtual_time``),
before the fast Bluetooth world, which shares the process. Ten devices measure three times a day;
strangers pass by; bluetoothd dies, the adapter loses power, links break, the broker is away for
hours, receipts come late. The broker is played by ``PretendBroker``: paho's threads live in real
time. Receipted rows go after three days instead of thirty, so that the journal is full on day 4.

Flat: what is counted at the end of day 5 may grow by 5 % until day 30. The devices' ledgers, which
grow by design, are emptied each day. ``VITALWIRE_BENCH_DAYS`` sets how long (30).
"""

import asyncio
import gc
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec

import gateway.daemon
import gateway.journal.custody
from bench.measuring import KINDS, AnyDevice, measure
from bench.record import Figure, Reference, Target
from bench.virtual_time import VirtualLoop
from gateway.addresses import without_addresses
from gateway.admission.admissions import Admissions
from gateway.daemon import Daemon, Settings
from gateway.journal.journal import Journal
from gateway.process import give_memory_back, note_stray_error
from gateway.sending.publisher import Listener
from gateway.service_manager import ServiceManager
from schemas.clock import SystemClock
from schemas.daemon import configure_logs
from schemas.servers import MqttServer
from schemas.wire import Envelope, Health, Receipts
from simulators.peripherals import DeviceClock, DeviceIdentity, Ledger
from simulators.world import BluetoothWorld

DAY_S = 86_400.0
WARM_DAYS = 5
KEEP_RECEIPTED_MS = 3 * 24 * 3600 * 1000
WATCH_S = 15.0  # each is a timer to stop at; the daemon's own is 1 s
STRANGERS_A_DAY = 4
GROWTH_MAX = 1.05
ACKNOWLEDGED_AFTER_S = 0.05
RECEIPTS_AFTER_S = 20.0
RESTARTED_AFTER_S = 20.0
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


class VirtualClock(SystemClock):
    """The clocks of a machine whose time is the loop's."""

    def __init__(self, loop: VirtualLoop) -> None:
        """Begin now."""
        super().__init__()
        self._loop = loop
        self._ahead_ms = super().wall_ms() - self.monotonic_ms()

    def monotonic_ms(self) -> int:
        """Milliseconds of the loop."""
        return int(self._loop.time() * 1000)

    def wall_ms(self) -> int:
        """UTC in milliseconds."""
        return self._ahead_ms + self.monotonic_ms()

    def synchronised(self) -> bool:
        """Be kept true, as by NTP."""
        return True


class PretendBroker:
    """What the daemon's publisher is to its other parts; away for six hours of each day."""

    def __init__(self, listener: Listener) -> None:
        """Be away until ``run``."""
        self._listener = listener
        self._sent = 0
        self._numbers: dict[str, list[tuple[int, int]]] = {}
        self.problem: str | None = "not yet connected"
        self.readings = 0

    async def run(self) -> None:
        """Come and go."""
        while True:
            self.problem = None
            self._listener.connected()
            for _ in range(int(DAY_S * 3 / 4 / RECEIPTS_AFTER_S)):
                await asyncio.sleep(RECEIPTS_AFTER_S)
                if self._numbers:
                    numbers, self._numbers = self._numbers, {}
                    self._listener.received(msgspec.json.encode(Receipts(numbers)))
            self.problem = "away"
            self._listener.disconnected()
            await asyncio.sleep(DAY_S / 4)

    def publish_readings(self, envelope: Envelope, _payload: bytes) -> int | None:
        """Take a message and acknowledge it."""
        if self.problem is not None:
            return None
        self._sent += 1
        self.readings += len(envelope.numbers)
        loop, told = asyncio.get_running_loop(), self._listener.acknowledged
        loop.call_later(ACKNOWLEDGED_AFTER_S, told, self._sent, True)
        self._numbers.setdefault(envelope.stream, []).append(
            (envelope.numbers[0], envelope.numbers[-1])
        )
        return self._sent

    def publish_health(self, health: Health) -> None:
        """Do with a report what is done with one."""
        msgspec.json.encode(health)


@dataclass(frozen=True, slots=True)
class Count:
    """What there was at the end of a day."""

    memory_mib: float
    blocks: int
    objects: int
    files: int
    tasks: int
    journal_kib: float

    def __str__(self) -> str:
        return (
            f"{self.memory_mib:.1f} MiB, {self.blocks} blocks, {self.objects} objects, "
            f"{self.files} files, {self.tasks} tasks, journal {self.journal_kib:.0f} KiB"
        )


def run() -> Iterator[Figure]:
    """Live for a month."""
    # As the shipped daemon logs: what colours a traceback would count as growth, once it is loaded.
    configure_logs("gateway", logging.ERROR, clean=without_addresses)
    logging.getLogger("bumble").setLevel(logging.CRITICAL)
    logging.getLogger("bleak").setLevel(logging.CRITICAL)
    gateway.daemon.WATCH_S = WATCH_S
    gateway.journal.custody.KEEP_RECEIPTED_MS = KEEP_RECEIPTED_MS
    days = int(os.environ.get("VITALWIRE_BENCH_DAYS", "30"))
    directory = Path(tempfile.mkdtemp(prefix="vw-"))
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            yield from runner.run(_live(directory, days))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _live(directory: Path, days: int) -> list[Figure]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.set_exception_handler(note_stray_error)
    async with BluetoothWorld(directory) as world:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = world.bus_address
        loop.watch(lambda: world.bus_pid)
        clock, rng = VirtualClock(loop), Random(30)
        devices = [await _add(world, clock, number) for number in range(10)]
        state = directory / "state"
        state.mkdir()
        journal = Journal(state, stream="0123456789abcdef")
        admissions = Admissions(state, mend=True)
        settings = Settings("month", state, ("hci0",), MqttServer("nowhere", 1))
        daemon = Daemon(settings, journal, admissions, clock, rng)
        broker = PretendBroker(daemon._publisher._listener)
        daemon._publisher = broker  # type: ignore[assignment]
        stop = asyncio.Event()
        living = asyncio.create_task(daemon.live_until(stop, ServiceManager.of({})))
        counts: list[Count] = []
        taken = 0
        for day in range(1, days + 1):
            await _day(world, clock, devices, day, rng)
            taken += _forget_what_was_given(devices)
            counts.append(_count(state))
            print(f"day {day:2}: {counts[-1]}", flush=True)
        pending = sum(device.pending for device in devices)
        stop.set()
        await living
        admissions.close()
        journal.close()
    return [*_figures(counts, taken, pending, broker.readings)]


async def _add(world: BluetoothWorld, clock: VirtualClock, number: int) -> AnyDevice:
    device = _device(clock, number, bonded=True)
    await world.add(device, bonded=True)
    return device


def _device(clock: VirtualClock, number: int, *, bonded: bool) -> AnyDevice:
    kind = "C0" if bonded else "C5"
    address = f"{kind}:00:00:00:{number // 256:02X}:{number % 256:02X}"
    identity = DeviceIdentity(address, f"Month {number}", "Vitalwire", "Month", str(number))
    return KINDS[number % len(KINDS)](identity, DeviceClock(clock), Ledger(address, clock))


async def _day(
    world: BluetoothWorld, clock: VirtualClock, devices: list[AnyDevice], day: int, rng: Random
) -> None:
    """Let what happens in a day happen, each at its hour."""
    hours = sorted((rng.uniform(0, 24), number) for number in [*range(len(devices))] * 3)
    begin_s = asyncio.get_running_loop().time()
    for hour, number in hours:
        await _until(begin_s + hour * 3600)
        measure(devices[number], rng)
        if rng.random() < 0.05:
            await asyncio.sleep(rng.uniform(0, 1))
            await world.drop_links()
    for passing in range(STRANGERS_A_DAY):
        stranger = _device(clock, day * STRANGERS_A_DAY + passing, bonded=False)
        await world.add(stranger, bonded=False)
        measure(stranger, rng)
        await asyncio.sleep(60)
        await world.remove(stranger)
    if day % 2:
        await world.crash()
        await asyncio.sleep(RESTARTED_AFTER_S)
        await world.restart()
    else:
        await world.set_powered(powered=False)
        await asyncio.sleep(RESTARTED_AFTER_S)
        await world.set_powered(powered=True)
    await _until(begin_s + DAY_S + 600)


async def _until(at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - asyncio.get_running_loop().time()))


def _forget_what_was_given(devices: list[AnyDevice]) -> int:
    """Empty the ledgers, which grow by design; give how many readings were in them."""
    taken = sum(len(device.ledger.taken) for device in devices)
    for device in devices:
        device.ledger.taken.clear()
        device.ledger.handed_over.clear()
    return taken


def _count(state: Path) -> Count:
    give_memory_back()
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return Count(
        memory_mib=resident * _PAGE_MIB,
        blocks=sys.getallocatedblocks(),
        objects=len(gc.get_objects()),
        files=len(list(Path("/proc/self/fd").iterdir())),
        tasks=len(asyncio.all_tasks()),
        journal_kib=sum(file.stat().st_size for file in state.glob("journal.db*")) / 1024,
    )


def _figures(counts: list[Count], taken: int, pending: int, readings: int) -> Iterator[Figure]:
    warm, last = counts[min(WARM_DAYS, len(counts)) - 1], counts[-1]
    yield Figure("month.days", len(counts), "days", target=Target(">=", 30))
    yield Figure("month.readings", readings, "readings sent", Reference("taken", taken))
    yield Figure("month.pending", pending, "readings", target=Target("<=", 0))
    flat = Target("<=", GROWTH_MAX, of="ratio")
    for what, unit, now, then in (
        ("memory", "MiB", last.memory_mib, warm.memory_mib),
        ("blocks", "blocks allocated by Python", last.blocks, warm.blocks),
        ("objects", "objects", last.objects, warm.objects),
        ("files", "open files", last.files, warm.files),
        ("tasks", "tasks", last.tasks, warm.tasks),
        ("journal", "KiB", last.journal_kib, warm.journal_kib),
    ):
        yield Figure(f"month.{what}", now, unit, Reference(f"day {WARM_DAYS}", then), flat)
