"""The first meeting: what a device says of itself while it is being paired, and its clock."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bleak import BleakClient
from bleak.backends.device import BLEDevice

from gateway.bluetooth.device_clock import read_clock, set_clock, way_of
from gateway.bluetooth.link import Link, LinkFailed
from gateway.clocks import wall
from gateway.clocks.timeline import ClockSet, setting
from schemas.clock import Clock
from schemas.gatt import device_information, uuids
from schemas.gatt.quirks import Quirk, quirk_of
from schemas.reading import Device

CONNECT_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done beside pairing: to set a clock that no visit can set."""

    clock: Clock
    zone: ZoneInfo | None = None
    """Whose time the device's display is to show; None: nobody knows, and none is set."""
    note: Callable[[ClockSet], Callable[[], None]] | None = None
    """Write how a clock is about to be set, before it is; what is given takes that back. None:
    there is nobody to be told, and none is set."""


@dataclass(frozen=True, slots=True)
class Met:
    """What a device said of itself, and how its clock was set, if it was."""

    said: Device
    clock_set: ClockSet | None = None


@asynccontextmanager
async def connected(device: BLEDevice, adapter: str) -> AsyncIterator[Link]:
    """Connect; some cuffs finish pairing only when the link ends (A&D UA-651BLE), so end it."""
    client = BleakClient(device, timeout=CONNECT_TIMEOUT_S, bluez={"adapter": adapter})
    await client.connect()
    link = Link(device, adapter, client)
    try:
        yield link
    finally:
        await link.close()


async def meet(link: Link, device: BLEDevice, task: Task) -> Met:
    """Read what the device says of itself; None for what it does not say.

    Never a subscription: what a cuff hands over belongs into the daemon's journal.
    """
    said = Device(
        address=device.address.upper(),
        model=await _text(link, uuids.MODEL_NUMBER),
        manufacturer=await _text(link, uuids.MANUFACTURER_NAME),
        serial=await _text(link, uuids.SERIAL_NUMBER),
    )
    quirk = quirk_of(model=said.model, name=device.name, manufacturer=said.manufacturer)
    made = None
    if quirk is not None and quirk.leaves_early:
        with suppress(LinkFailed):
            made = await _set_clock(link, quirk, task)
    return Met(said, made)


async def _set_clock(link: Link, quirk: Quirk, task: Task) -> ClockSet | None:
    """Set a wrong clock now if its kind is gone with its last record: no visit can do it after it.

    Nobody waits for a record of it yet: it is only now being paired. The daemon must know by how
    much it jumped, whatever becomes of this program. Raises ``UnavailableError`` if the disk
    refuses: then no device could be admitted either.
    """
    shown, moment = await read_clock(link, quirk, task.clock), wall.read(task.clock)
    right = setting(shown, way_of(quirk), moment, task.zone)
    if shown is None or right is None or task.note is None:
        return None
    made = ClockSet(shown, moment, right.replace(tzinfo=None))
    take_back = task.note(made)
    if not await set_clock(link, quirk, right):
        take_back()
        return None
    return made


async def _text(link: Link, number: int) -> str | None:
    with suppress(LinkFailed):
        payload = await link.read(number)
        return (device_information.decode_text(payload) or None) if payload is not None else None
    return None
