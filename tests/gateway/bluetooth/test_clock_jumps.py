"""A wall clock that jumps while the daemon runs, although something says that it is kept true."""

from collections.abc import Callable
from pathlib import Path

from schemas.reading import Reading
from simulators.peripherals import Cuff, Stall
from simulators.stack.process import Child
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, eventually
from tests.gateway.bluetooth.clinic import Clinic

YEAR_S = 366 * 86_400
A_CLOCK_THAT_JUMPS = """
import pathlib, time
from schemas.clock import SystemClock
ahead, true = pathlib.Path({ahead!r}), time.time_ns
time.time_ns = lambda: true() + int(ahead.read_text()) * 10**9
SystemClock.synchronised = lambda clock: True
import vitalwire
vitalwire.cli()
"""


def found(clinic: Clinic, payload: bytes) -> list[Reading]:
    return [
        item
        for arrival in clinic.arrivals
        for item in arrival.items
        if isinstance(item, Reading) and bytes.fromhex(item.raw) == payload
    ]


async def test_a_wall_clock_that_jumps_within_a_visit_and_between_moves_no_reading(
    cuff: Cuff, world: BluetoothWorld, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    """Ages and pauses are by the clock that counts from the start of the machine."""
    ahead = tmp_path / "ahead"
    ahead.write_text("0")
    run(A_CLOCK_THAT_JUMPS.format(ahead=str(ahead)))
    taken: list[bytes] = []
    for jump_s in (YEAR_S, -10 * YEAR_S):
        cuff.inject(Stall(after=1))
        taken.extend(cuff.take(120 + len(taken) + more, 80, 70) for more in (0, 1))
        await eventually(lambda: found(clinic, taken[-2]))
        ahead.write_text(str(jump_s))
        await world.drop_links()
        await eventually(lambda: found(clinic, taken[-1]))
        (reading,) = found(clinic, taken[-1])
        off_ms = (reading.capture.wall_ms or 0) - CLOCK.wall_ms()
        assert abs(off_ms - jump_s * 1000) < 60_000, "it did jump"
    ahead.write_text("0")
    taken.append(cuff.take(170, 95, 73))
    await eventually(lambda: found(clinic, taken[-1]))
    times = [reading.device_time for payload in taken for reading in found(clinic, payload)]
    assert len(times) >= len(taken)
    assert all(time and time.age_ms is not None and time.age_ms < 60_000 for time in times)
    assert clinic.reports[-1].problems == []
