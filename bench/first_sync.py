"""A meter with 500 stored records is read for the first time, each record fsynced by itself.

From the link to the confirmation that closes the transfer. The reference is the journal alone: as
many appends one after the other, on the same disk.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bench.home import CLOCK, BenchHome, eventually
from bench.record import Figure, Reference, Target
from gateway.journal.journal import Journal
from gateway.record import Notification
from schemas.reading import Capture
from simulators.peripherals import Meter, Sample

RECORDS = 500
SYNC_WITHIN_S = 120.0
TARGET_S = 10


def run() -> Iterator[Figure]:
    """Read the meter."""
    took_s, arrived_s = asyncio.run(_sync())
    reference = Reference("the journal alone", _append_s())
    yield Figure("first_sync.500_records", took_s, "s", reference, Target("<=", TARGET_S))
    yield Figure("first_sync.500_at_the_subscriber", arrived_s, "s", reference)


async def _sync() -> tuple[float, float]:
    async with BenchHome() as home:
        meter = await home.add(Meter)
        for number in range(RECORDS):
            meter.take(Sample(Decimal(60 + number % 200)))
        home.daemon.start()
        await eventually(lambda: meter.is_connected, SYNC_WITHIN_S)
        began_s = time.monotonic()
        await eventually(lambda: not meter.pending, SYNC_WITHIN_S)
        took_s = time.monotonic() - began_s
        await eventually(lambda: len(home.subscriber.arrived_s) == RECORDS, SYNC_WITHIN_S)
        return took_s, time.monotonic() - began_s


def _append_s() -> float:
    """Append as many rows to a journal of its own."""
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal(Path(directory), stream="0123456789abcdef")
        capture = Capture(boot_id=CLOCK.boot_id, monotonic_ms=CLOCK.monotonic_ms(), wall_ms=1)
        began_s = time.monotonic()
        for number in range(RECORDS):
            payload = number.to_bytes(15, "little")
            journal.append(Notification("C0:00:00:00:00:01", "2a18", payload, "0" * 16, capture))
        took_s = time.monotonic() - began_s
        journal.close()
    return took_s
