"""A person's scan beside the daemon's: it begins and ends within bounds.

bluetoothd 5.66 was seen to leave a StartDiscovery unanswered that came while another program's was
under way, and bleak would wait for the answer for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from gateway.bluetooth.bluez import EVERY_ADVERTISEMENT
from schemas.errors import UnavailableError

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0  # bluetoothd ends the discovery of a program that leaves the bus anyway

Heard = Callable[[BLEDevice, AdvertisementData], None]


@asynccontextmanager
async def listening(adapter: str, heard: Heard) -> AsyncIterator[None]:
    """Listen while inside. Raises what bleak raises, and ``UnavailableError`` if nothing begins."""
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
        yield
    finally:
        with suppress(BleakError, OSError, EOFError, TimeoutError, AssertionError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await scanner.stop()
