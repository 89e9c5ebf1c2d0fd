"""The clock of the device that is visited: sighted before its records, set after them if wrong."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from gateway import metrics
from gateway.bluetooth.device_clock import set_clock, way_of
from gateway.bluetooth.harvest import Harvest, Surroundings
from gateway.bluetooth.link import Link
from gateway.clocks import wall
from gateway.clocks.timeline import Timeline, guessed_lag_ms, right_time, setting
from gateway.record import ClockMove, DeviceClock
from schemas.errors import UnavailableError
from schemas.gatt.quirks import Quirk

log = structlog.get_logger(__name__)


def sight_clock(
    address: str, clock: DeviceClock | None, around: Surroundings
) -> tuple[ClockMove, ...]:
    """Find out whether the clock was moved since the last visit; give all its moves.

    Raises ``UnavailableError`` if the disk refuses.
    """
    devices, book = around.journal.devices, around.admissions.clocks
    timeline = devices.timeline(address)
    if (made := book.clock_set(address)) is not None:  # by the person who paired it
        timeline = timeline.told(made)
        devices.keep_timeline(address, timeline)
        book.forget_set(address)
    if clock is not None:
        timeline = timeline.sight(clock, wall.read(around.clock))
        devices.keep_timeline(address, timeline)
    return timeline.moves


async def set_wrong_clock(
    link: Link,
    quirk: Quirk | None,
    harvest: Harvest,
    last_number: int | None,
    around: Surroundings,
) -> None:
    """Set a clock that is wrong. Everything is durable by now; what comes later is told how.

    ``last_number``: of the last record that was read, if records have numbers.
    """
    known, devices = harvest.facts, around.journal.devices
    address = known.device.address
    moment = wall.read(around.clock)

    async def set_as_noted(right: datetime, moved: Callable[[Timeline], Timeline]) -> None:
        """Note the move before it is made: dying in between must not hide it.

        One that was noted and not made shows as another move at the next visit; then stamps of
        which it is not clear before which move they are have no age (``jump_ms``).
        """
        before = devices.timeline(address)
        devices.keep_timeline(address, moved(before))
        if await set_clock(link, quirk, right):
            note_set()
        else:
            devices.keep_timeline(address, before)

    with suppress(UnavailableError):  # then it is left alone
        zone = around.admissions.clocks.zone(address)
        if known.clock is not None:
            right = setting(known.clock, way_of(quirk), moment, zone)
            if right is not None:
                shows = right.replace(tzinfo=None)
                clock = known.clock
                await set_as_noted(
                    right, lambda before: before.set_to(shows, clock, moment, last_number)
                )
        elif harvest.captured and last_number is not None and zone is not None:
            lag_ms = guessed_lag_ms(harvest.freshness(), way_of(quirk), moment, zone)
            right = right_time(moment, zone)
            if lag_ms is not None and right:
                await set_as_noted(right, lambda before: before.set_blindly(lag_ms, last_number))


def note_set() -> None:
    """Count a clock that was set."""
    metrics.CLOCKS_SET.inc()
    log.info("clock.set")
