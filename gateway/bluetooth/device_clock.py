"""Reads a device's clock, and sets it, in the way that its kind has.

Read first, before any record; set last, when every record is durable: a set begins a new timeline.
"""

import asyncio
from contextlib import suppress
from datetime import datetime

import structlog

from gateway.bluetooth.link import Link, LinkFailed, WriteRefused
from gateway.record import DeviceClock
from schemas.clock import Clock
from schemas.gatt import contour_clock, current_time, date_time, uuids
from schemas.gatt.current_time import AdjustReason
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.quirks import ClockWay, Quirk

NOTIFICATION_TIMEOUT_S = 2.0

log = structlog.get_logger(__name__)


def way_of(quirk: Quirk | None) -> ClockWay:
    """Give how the clock of such a device is read and set."""
    return ClockWay.CURRENT_TIME if quirk is None else quirk.clock


async def read_clock(link: Link, quirk: Quirk | None, clock: Clock) -> DeviceClock | None:
    """Pair the device's clock with ours; None if it cannot be read.

    A clock that knows no date is read as the earliest there is: never set. Some tell their time
    only by a notification, and let it be set only after that.
    """
    if way_of(quirk) is ClockWay.CURRENT_TIME_AFTER_NOTIFICATION:
        told = await _notified(link, clock)
        if told is not None:
            return told
    before_ms = clock.monotonic_ms()
    payload = await link.read(uuids.CURRENT_TIME)
    if payload is None:
        before_ms = clock.monotonic_ms()
        payload = await link.read(uuids.DATE_TIME)
    if payload is None:
        return None
    return _shown(payload, (before_ms + clock.monotonic_ms()) // 2)


async def set_clock(link: Link, quirk: Quirk | None, moment: datetime) -> bool:
    """Let the device show ``moment``, which has a zone; False if it certainly does not.

    One that did not answer may have been set all the same: whoever notes it lets the note stand. A
    move that was noted and not made costs ages, one that was made and not noted makes wrong ones.
    """
    payloads: dict[int | str, bytes] = {}
    if way_of(quirk) is ClockWay.CONTOUR:
        payloads[uuids.CONTOUR_CLOCK] = contour_clock.encode(contour_clock.of(moment))
    reason = AdjustReason.EXTERNAL_REFERENCE
    payloads[uuids.CURRENT_TIME] = current_time.encode(current_time.of(moment, reason))
    payloads[uuids.DATE_TIME] = date_time.encode(date_time.of(moment))
    for characteristic, payload in payloads.items():
        if link.has(characteristic):
            try:
                await link.write(characteristic, payload)
            except WriteRefused as refusal:
                log.info("clock.not_set", reason=refusal.cause)
                return False
            except LinkFailed as failure:
                log.info("clock.set_unanswered", reason=failure.cause)
            return True
    return False


async def _notified(link: Link, clock: Clock) -> DeviceClock | None:
    if not link.has(uuids.CURRENT_TIME):
        return None
    told: asyncio.Future[DeviceClock | None] = asyncio.get_running_loop().create_future()

    def on_time(payload: bytes) -> None:
        if not told.done():
            told.set_result(_shown(payload, clock.monotonic_ms()))

    with suppress(LinkFailed, TimeoutError):
        await link.subscribe(uuids.CURRENT_TIME, on_time)
        async with asyncio.timeout(NOTIFICATION_TIMEOUT_S):
            return await told
    return None


def _shown(payload: bytes, monotonic_ms: int) -> DeviceClock | None:
    try:
        if len(payload) == date_time.SIZE:
            local = date_time.decode(payload).naive
        else:
            local = current_time.decode(payload).naive
    except MalformedPayload:
        return None
    return DeviceClock(local or datetime.min, monotonic_ms)  # noqa: DTZ901  (it has no zone)
