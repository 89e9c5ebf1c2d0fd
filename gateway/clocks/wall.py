"""What is known of the time of day on a machine that forgets it at every power cut.

An observation pairs a true wall clock with the boot's monotonic clock. It is kept across boots: no
capture after it can be older than it.
"""

import msgspec

from gateway.record import Moment
from schemas.clock import Clock


class Observation(msgspec.Struct, frozen=True):
    """The wall clock was kept true and read ``wall_ms`` at ``monotonic_ms`` of boot ``boot_id``."""

    boot_id: str
    monotonic_ms: int
    wall_ms: int


def read(clock: Clock) -> Moment:
    """Read every clock once."""
    wall_ms = clock.wall_ms() if clock.synchronised() else None
    return Moment(clock.boot_id, clock.monotonic_ms(), wall_ms)


def not_before_ms(observation: Observation | None, moment: Moment) -> int | None:
    """Give the wall time, in ms, before which ``moment`` cannot have been; None if unknown."""
    if observation is None:
        return None
    if observation.boot_id != moment.boot_id:
        return observation.wall_ms
    return observation.wall_ms + max(0, moment.monotonic_ms - observation.monotonic_ms)


def observe(moment: Moment) -> Observation | None:
    """Turn a moment with a true wall clock into an observation worth keeping."""
    if moment.wall_ms is None:
        return None
    return Observation(moment.boot_id, moment.monotonic_ms, moment.wall_ms)
