"""Reads what a device says of itself: clock and serial number at each visit, the rest once."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from gateway.bluetooth.device_clock import read_clock
from gateway.bluetooth.link import Link
from gateway.bluetooth.scanner import Sighting
from gateway.record import DeviceClock
from schemas.clock import Clock
from schemas.gatt import device_information, uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.quirks import Quirk, quirk_of
from schemas.gatt.services import SERVICES
from schemas.reading import Device

BATTERY_EVERY_MS = 24 * 3600 * 1000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Acquaintance:
    """What earlier sessions of this run learnt of a device and need not ask again."""

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
    battery_asked_ms: int | None = None

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
    the clock is read before the burst of one that waits for its subscription. ``clock_read`` is
    told at once, and the serial number noted at once, for such a device may leave at any moment.
    Raises ``LinkFailed``.
    """
    now_ms = clock.monotonic_ms()
    numbers: list[int] = []
    if not known.asked:
        numbers += [uuids.MODEL_NUMBER, uuids.MANUFACTURER_NAME]
        numbers += [service.feature for service in SERVICES]
    if known.battery_asked_ms is None or now_ms - known.battery_asked_ms >= BATTERY_EVERY_MS:
        known.battery_asked_ms = now_ms
        numbers.append(uuids.BATTERY_LEVEL)

    async def read_and_tell_clock() -> None:
        told = await read_clock(link, known.quirk, clock)
        if told is None:
            log.info("clock.unread")
        else:
            clock_read(told)

    async def read_who() -> None:  # at each visit: it decides whether its records count
        if (serial := _text(await link.read(uuids.SERIAL_NUMBER, behind=1))) is not None:
            known.device = msgspec.structs.replace(known.device, serial=serial)

    work = [asyncio.create_task(read_and_tell_clock()), asyncio.create_task(read_who())]
    reads = {
        number: asyncio.create_task(link.read(number, behind=2 + position))
        for position, number in enumerate(numbers)
    }
    work.append(asyncio.create_task(listen()))
    try:
        await asyncio.gather(*work, *reads.values())
    finally:
        for task in (*work, *reads.values()):
            task.cancel()
        await asyncio.gather(*work, *reads.values(), return_exceptions=True)
    _learn(known, {number: read.result() for number, read in reads.items()})
    known.asked = not link.lost.is_set()


def _learn(known: Acquaintance, said: Mapping[int, bytes | None]) -> None:
    """Take what was read: None is missing, or was refused."""
    if uuids.MODEL_NUMBER in said:
        known.features = {
            f"{service.feature:04x}": bits
            for service in SERVICES
            if (payload := said[service.feature]) is not None
            and (bits := service.feature_bits(payload)) is not None
        }
        known.device = Device(
            address=known.device.address,
            model=_text(said[uuids.MODEL_NUMBER]),
            manufacturer=_text(said[uuids.MANUFACTURER_NAME]),
            serial=known.device.serial,
        )
    if (level := said.get(uuids.BATTERY_LEVEL)) is not None:
        with suppress(MalformedPayload):
            known.battery_percent = device_information.decode_battery_percent(level)


def _text(payload: bytes | None) -> str | None:
    return (device_information.decode_text(payload) or None) if payload is not None else None
