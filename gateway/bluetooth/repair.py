"""Pairs a device anew without a person: one that is known to drop its bonds (``repair_quirk``).

It must be forgotten first: bluetoothd takes a bond that only it still holds for a bond. Whether the
device that answers is the admitted one, nobody knows before its serial number has been read over
the new link; the session refuses another, and then this bond is forgotten again.
"""

import asyncio

from dbus_fast import Message
from dbus_fast.errors import DBusError

from gateway.bluetooth.acquaintance import Acquaintance
from gateway.bluetooth.bluez import BLUEZ, DEVICE_INTERFACE, Bluez, call, system_bus
from gateway.bluetooth.link import Link, LinkFailed, NotBonded
from gateway.bluetooth.pairing import remove
from gateway.bluetooth.scanner import Sighting
from schemas.errors import UnavailableError

PAIR_TIMEOUT_S = 20.0
POLL_S = 0.05
_GONE = "org.bluez.Error.DoesNotExist"
_DONE = "org.bluez.Error.AlreadyExists"


async def heard_unbonded(known: Acquaintance, radio: Bluez) -> Sighting:
    """Forget the bond on our side, if any, and wait until the scan hears the device without it."""
    heard = known.sighting
    if heard is None or heard.paired or await radio.is_bonded(known.device.address):
        known.sighting = None  # it was heard before; bluetoothd may have made a bond since
        await forget(radio, known.device.address)
    while (sighting := known.sighting) is None or sighting.paired:  # noqa: ASYNC110  (the scan's)
        await asyncio.sleep(POLL_S)
    return sighting


async def forget(radio: Bluez, address: str) -> None:
    """Let bluetoothd forget the device and its bond; raise ``LinkFailed`` if it does not."""
    try:
        async with system_bus() as bus:
            try:
                await remove(bus, radio.adapter, address)
            except DBusError as error:
                if error.type != _GONE:
                    raise LinkFailed(f"The old bond stays: {error}.") from error
    except LinkFailed:
        raise
    except UnavailableError as error:
        raise LinkFailed(error.cause) from error


async def pair(link: Link) -> None:
    """Pair; raise ``NotBonded`` if the device refuses, else ``LinkFailed``.

    Before the link is opened: bluetoothd 5.66 never answers a Pair that meets the resolving of
    services. Some devices ask for security as soon as somebody connects, and then it is done.
    """
    message = Message(BLUEZ, link.path, DEVICE_INTERFACE, "Pair")
    try:
        async with system_bus() as bus:
            try:
                await call(bus, message, PAIR_TIMEOUT_S)
            except DBusError as error:
                if error.type != _DONE:
                    raise NotBonded(f"No new bond: {error}.") from error
    except LinkFailed:
        raise
    except UnavailableError as error:
        raise LinkFailed(error.cause) from error
