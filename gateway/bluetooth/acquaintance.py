"""Reads what a device says of itself: clock and serial number at each visit, the rest once."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from gateway.bluetooth.device_clock import read_clock
from gateway.bluetooth.link import Link
from gateway.bluetooth.scanner import Sighting
from gateway.decoding.session_end import Undecided
from gateway.journal.known_devices import Battery
from gateway.record import DeviceClock
from schemas.clock import Clock
from schemas.gatt import device_information, uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.quirks import Quirk, quirk_of
from schemas.gatt.services import SERVICES
from schemas.reading import Device

BATTERY_EVERY_MS = 24 * 3600 * 1000
_UNDECIDED_MAX = 32
FEATURES = {service.feature: service for service in SERVICES}
"""What the device's services can notice, by the numbers of the characteristics that say it."""
ASKED_ONCE = (uuids.MODEL_NUMBER, uuids.MANUFACTURER_NAME, *FEATURES)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Acquaintance:
    """What earlier sessions of this run learnt of a device and need not ask again.

    Its battery is known from earlier runs too.
    """

    device: Device
    seen_ms: int
    sighting: Sighting | None = None
    """The latest one."""
    name: str | None = None
    asked: bool = False
    doubted: bool = False
    """It was refused for what it said of itself, and has not been believed since."""
    features: dict[str, int] = field(default_factory=dict)
    battery_percent: int | None = None
    battery_low: bool = False
    """By its own newest record, until a later one says otherwise."""
    battery_asked_ms: int | None = None
    undecided: deque[Undecided] = field(default_factory=lambda: deque(maxlen=_UNDECIDED_MAX))
    """Visits of which a later one is to tell what their newest record was; the oldest first.

    One that is left out is sent like any session whose end nobody told.
    """

    @property
    def battery(self) -> Battery:
        """What it has told of its battery; low by its record, or because it knows no less."""
        percent = self.battery_percent
        lowest = None if self.quirk is None else self.quirk.battery_lowest_percent
        at_its_end = percent is not None and lowest is not None and percent <= lowest
        return Battery(percent, self.battery_low or at_its_end)

    @property
    def quirk(self) -> Quirk | None:
        """The row of the quirk table that fits what the device has said so far."""
        device = self.device
        return quirk_of(model=device.model, name=self.name, manufacturer=device.manufacturer)


async def get_acquainted(
    link: Link,
    known: Acquaintance,
    clock: Clock,
    clock_read: Callable[[DeviceClock], None],
    listen: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Read the clock first, then what is not known yet; ``listen`` begins before the answers come.

    All is asked at once: bluetoothd sends one request after the other, in their order, but hears
    for ``listen`` as soon as that has asked. So nothing is lost of a device that sends unasked, and
    the clock is read before the burst of one that waits for its subscription. Either may leave at
    any moment, so each answer is noted when it comes: ``clock_read`` is told, ``known`` has the
    others. Raises ``LinkFailed``.
    """
    now_ms = clock.monotonic_ms()
    numbers = [uuids.SERIAL_NUMBER]  # at each visit: who it is decides whether its records count
    if not known.asked:
        numbers += ASKED_ONCE
    if known.battery_asked_ms is None or now_ms - known.battery_asked_ms >= BATTERY_EVERY_MS:
        numbers.append(uuids.BATTERY_LEVEL)
    unanswered = set(ASKED_ONCE).intersection(numbers)

    async def read_the_clock() -> None:
        told = await read_clock(link, known.quirk, clock)
        if told is None:
            log.info("clock.unread")
        else:
            clock_read(told)

    async def read(number: int, behind: int) -> None:
        payload = await link.read(number, behind=behind)
        if payload is not None or not link.lost.is_set():  # else None may mean anything
            _learn(known, number, payload, now_ms)
            unanswered.discard(number)
            known.asked = not unanswered

    work = [asyncio.create_task(read_the_clock())]
    work += [asyncio.create_task(read(number, at)) for at, number in enumerate(numbers, 1)]
    work.append(asyncio.create_task(listen()))
    try:
        await asyncio.gather(*work)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def _learn(known: Acquaintance, number: int, payload: bytes | None, now_ms: int) -> None:
    """Take one answer: None is missing, or was refused."""
    if number == uuids.SERIAL_NUMBER:
        serial = _text(payload) or known.device.serial
        known.device = msgspec.structs.replace(known.device, serial=serial)
    elif number == uuids.MODEL_NUMBER:
        known.device = msgspec.structs.replace(known.device, model=_text(payload))
    elif number == uuids.MANUFACTURER_NAME:
        known.device = msgspec.structs.replace(known.device, manufacturer=_text(payload))
    elif number == uuids.BATTERY_LEVEL:
        known.battery_asked_ms = now_ms
        with suppress(MalformedPayload):
            if payload is not None:
                known.battery_percent = device_information.decode_battery_percent(payload)
    else:
        bits = None if payload is None else FEATURES[number].feature_bits(payload)
        if bits is not None:
            known.features[f"{number:04x}"] = bits


def _text(payload: bytes | None) -> str | None:
    return (device_information.decode_text(payload) or None) if payload is not None else None
