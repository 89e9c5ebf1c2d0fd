"""One scanner for the daemon's whole life, started anew only when the adapter was away."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import structlog
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from gateway import metrics
from gateway.addresses import without_addresses
from gateway.bluetooth.bluez import SERVICES, Bluez, is_bonded
from schemas.backoff import Backoff

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 1.0  # bluetoothd ends the discovery of a client that leaves the bus anyway

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device as bluetoothd describes it now; ``heard``: discovery hears it advertise."""

    device: BLEDevice
    address: str
    paired: bool
    heard: bool


class Scanner:
    """Tells every sighting of a device with one of our services."""

    def __init__(self, bluez: Bluez, sighted: Callable[[Sighting], None], rng: Random) -> None:
        """Begin with ``run``."""
        self._bluez = bluez
        self._sighted = sighted
        self._backoff = Backoff(rng)
        self.problem: str | None = None

    async def run(self) -> None:
        """Scan whenever the adapter can."""
        while True:
            await self._bluez.ready.wait()
            try:
                await self._scan()
            except (BleakError, OSError, EOFError, TimeoutError) as error:
                metrics.FAILURES.labels("scan").inc()
                reason = without_addresses(str(error))
                if self.problem is None:
                    log.warning("scan.failed", reason=reason)
                self.problem = f"Bluetooth: scanning does not start ({reason}); it is tried again"
            await asyncio.sleep(self._backoff.next_s())

    async def _scan(self) -> None:
        """Scan until the adapter is lost."""
        # Always by name: bleak's default adapter is picked from a set, at random per process.
        scanner = BleakScanner(
            self._on_detection, service_uuids=SERVICES, bluez={"adapter": self._bluez.adapter}
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await scanner.start()
            log.info("scan.started")
            self.problem = None
            self._backoff.reset()
            await self._bluez.lost.wait()
        finally:
            with suppress(BleakError, OSError, EOFError, TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await scanner.stop()

    def _on_detection(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        # Not device.details: bleak keeps those of the first sighting, from before a pairing.
        _path, properties = advertisement.platform_data
        self._sighted(
            Sighting(
                device=device,
                address=str(properties["Address"]).upper(),
                paired=is_bonded(properties),
                heard="RSSI" in properties,
            )
        )
