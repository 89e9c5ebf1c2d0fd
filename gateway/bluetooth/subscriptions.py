"""Subscribes to what a device sends by itself: each measurement once, last of all.

The burst begins with the last subscription, so nothing may come after it.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from gateway.bluetooth.link import Link
from schemas.gatt import uuids
from schemas.gatt.quirks import ClockWay, Quirk
from schemas.gatt.services import SERVICES

MEASUREMENTS = frozenset(source.number for service in SERVICES for source in service.sources)
READABLE = (
    *(frozenset({source.number}) for service in SERVICES for source in service.pushed),
    *(
        frozenset({source.number, uuids.RECORD_ACCESS_CONTROL_POINT})
        for service in SERVICES
        for source in service.asked
    ),
)
"""Any of these sets of characteristics, if whole, makes a device that can be read."""
_ASKED = frozenset({uuids.RECORD_ACCESS_CONTROL_POINT, uuids.GLUCOSE_MEASUREMENT_CONTEXT})
"""Whoever asks a memory for its records subscribes to these; a second time is refused."""


def pushed(link: Link) -> list[int]:
    """Give what the device sends by itself: per service the one form that says most.

    A cuff that has the enhanced blood pressure measurement sends each measurement as 0x2A35 too.
    """
    offered = (
        [source.number for source in service.pushed if link.has(source.number)]
        for service in SERVICES
    )
    return [numbers[-1] for numbers in offered if numbers]


def may_be_early(quirk: Quirk | None) -> bool:
    """Tell whether such a device may be subscribed to while it is still being asked who it is.

    Not one that forgets a subscription near another request, nor one that must be told all.
    """
    return quirk is None or not (
        quirk.pause_before_subscribing_s
        or quirk.subscribe_to_everything
        or quirk.clock is ClockWay.CURRENT_TIME_AFTER_NOTIFICATION
    )


async def subscribe(
    link: Link, quirk: Quirk | None, captured: Callable[[int, bytes], None]
) -> None:
    """Subscribe as the device's kind wants it; raise ``LinkFailed``. ``captured`` gets records."""
    wanted: list[tuple[int, Callable[[bytes], None]]] = []
    if quirk is not None and quirk.subscribe_to_everything:
        others = set(link.pushable()) - MEASUREMENTS - _ASKED - link.subscribed
        wanted += [(number, _ignore) for number in sorted(others)]
    wanted += [
        (number, partial(captured, number))
        for number in pushed(link)
        if number not in link.subscribed  # early
    ]
    for position, (number, notified) in enumerate(wanted):
        if position and quirk is not None:
            await asyncio.sleep(quirk.pause_before_subscribing_s)
        await link.subscribe(number, notified)


def _ignore(_payload: bytes) -> None:
    """Drop what is no reading: a moving pressure, a battery, a clock."""
