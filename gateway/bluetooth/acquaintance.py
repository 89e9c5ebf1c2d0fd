"""Reads what a device says of itself: clock and serial number at each visit, the rest once."""

from dataclasses import dataclass, field

import msgspec
import structlog

from gateway.bluetooth.device_clock import read_clock
from gateway.bluetooth.link import Link
from gateway.bluetooth.scanner import Sighting
from gateway.record import SessionFacts
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
    features: dict[str, int] = field(default_factory=dict)
    battery_percent: int | None = None
    battery_asked_ms: int | None = None

    @property
    def quirk(self) -> Quirk | None:
        """The row of the quirk table that fits what the device has said so far."""
        device = self.device
        return quirk_of(model=device.model, name=self.name, manufacturer=device.manufacturer)


async def get_acquainted(
    link: Link, known: Acquaintance, clock: Clock, session_id: str
) -> SessionFacts:
    """Read the clock first, then what is not known yet; whatever is missing or silent is None."""
    device_clock = await read_clock(link, known.quirk, clock)
    if device_clock is None:
        log.info("clock.unread")
    if not known.asked:
        known.features = await _read_features(link)
        known.device = Device(
            address=known.device.address,
            model=_text(await link.read(uuids.MODEL_NUMBER)),
            manufacturer=_text(await link.read(uuids.MANUFACTURER_NAME)),
            serial=known.device.serial,
        )
        known.asked = not link.lost.is_set()
    # At each visit: who it is decides whether its records count.
    if (serial := _text(await link.read(uuids.SERIAL_NUMBER))) is not None:
        known.device = msgspec.structs.replace(known.device, serial=serial)
    await _read_battery(link, known, clock)
    return SessionFacts(
        session_id=session_id,
        device=known.device,
        name=known.name,
        clock=device_clock,
        features=dict(known.features),
    )


async def _read_battery(link: Link, known: Acquaintance, clock: Clock) -> None:
    """Read it now and then, before the subscriptions: a cuff drops the link after its burst."""
    now_ms = clock.monotonic_ms()
    asked_ms = known.battery_asked_ms
    if asked_ms is not None and now_ms - asked_ms < BATTERY_EVERY_MS:
        return
    known.battery_asked_ms = now_ms
    payload = await link.read(uuids.BATTERY_LEVEL)
    try:
        if payload is not None:
            known.battery_percent = device_information.decode_battery_percent(payload)
    except MalformedPayload:
        return


async def _read_features(link: Link) -> dict[str, int]:
    """Read what the device's services can notice."""
    found = {}
    for service in SERVICES:
        payload = await link.read(service.feature)
        bits = None if payload is None else service.feature_bits(payload)
        if bits is not None:
            found[f"{service.feature:04x}"] = bits
    return found


def _text(payload: bytes | None) -> str | None:
    return (device_information.decode_text(payload) or None) if payload is not None else None
