"""A person's scan beside the daemon's: it begins and ends within bounds.

bluetoothd 5.66 was seen to leave a StartDiscovery unanswered that came while another program's was
under way, and bleak would wait for the answer for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakError

from gateway.bluetooth.bluez import EVERY_ADVERTISEMENT, Adapter
from schemas.errors import UnavailableError

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0  # bluetoothd ends the discovery of a program that leaves the bus anyway

_BY_ERROR: Final = {
    "org.bluez.Error.NotReady": Adapter.POWERED_OFF,
    "org.freedesktop.DBus.Error.ServiceUnknown": Adapter.NO_DAEMON,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Adapter.NO_DAEMON,
    "org.freedesktop.DBus.Error.AccessDenied": Adapter.NO_PERMISSION,
    "org.freedesktop.DBus.Error.UnknownObject": Adapter.MISSING,
}

Heard = Callable[[BLEDevice, AdvertisementData], None]


@asynccontextmanager
async def listening(adapter: str, heard: Heard) -> AsyncIterator[None]:
    """Listen while inside; raise ``UnavailableError`` with the way out if it does not begin."""
    scanner = BleakScanner(heard, bluez={"adapter": adapter, "filters": EVERY_ADVERTISEMENT})
    try:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await scanner.start()
        except TimeoutError as error:
            raise UnavailableError(
                "Bluetooth: scanning does not begin; another program may just be at it.",
                "Run the same command again.",
            ) from error
        except BleakError as error:
            raise _in_words(error, adapter) from error
        except (OSError, EOFError) as error:
            raise UnavailableError(Adapter.NO_BUS.value) from error
        yield
    finally:
        with suppress(BleakError, OSError, EOFError, TimeoutError, AssertionError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await scanner.stop()


def _in_words(error: BleakError, adapter: str) -> UnavailableError:
    """Say what keeps a scan from beginning to whoever knows nothing of D-Bus."""
    state = _BY_ERROR.get(error.dbus_error) if isinstance(error, BleakDBusError) else None
    if state is None and ("adapter" in str(error).lower() or "No Bluetooth" in str(error)):
        state = Adapter.MISSING
    if state is not None:
        return UnavailableError(state.value.format(name=adapter))
    return UnavailableError(
        f"Bluetooth does not scan: {error}.", "Run `sudo vitalwire gateway doctor`."
    )
