"""One scanner per adapter for the daemon's whole life, started anew only if it must be.

It must when the adapter was away, when a scan does not begin or has been silent for very long
(``gateway.visits.scan_watch``), and when bluetoothd refuses to end it: then only power helps.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import structlog
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakError

from gateway import metrics
from gateway.addresses import without_addresses
from gateway.admission.advert import Advert, advert
from gateway.bluetooth.bluez import EVERY_ADVERTISEMENT, Bluez
from gateway.visits.link_watch import LinkWatch
from gateway.visits.scan_watch import Remedy, ScanWatch
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 1.0  # bluetoothd ends the discovery of a client that leaves the bus anyway
WEDGED_AFTER_MS = 120_000  # starting, stopping and switching have shorter limits of their own
_IN_PROGRESS = "org.bluez.Error.InProgress"
_FAILURES = (BleakError, OSError, EOFError, TimeoutError, AssertionError)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device as bluetoothd describes it now; ``radio`` is the adapter that heard it."""

    device: BLEDevice
    advert: Advert
    radio: Bluez

    @property
    def address(self) -> str:
        """Its identity address, upper case."""
        return self.advert.address

    @property
    def paired(self) -> bool:
        """Whether it is paired with the adapter that heard it."""
        return self.advert.bonded

    @property
    def heard(self) -> bool:
        """Whether it is advertising; else something else about it has changed."""
        return self.advert.rssi_dbm is not None


class Scanner:
    """Tells every sighting of a device, whosever it is."""

    def __init__(
        self, radio: Bluez, clock: Clock, sighted: Callable[[Sighting], None], rng: Random
    ) -> None:
        """Begin with ``run``."""
        self._radio = radio
        self._clock = clock
        self._sighted = sighted
        self._backoff = Backoff(rng)
        self._watch = ScanWatch()
        self._links = LinkWatch()
        self._busy_since_ms: int | None = None
        self.problem: str | None = None
        self.scanning = False
        """Whether bluetoothd has begun to scan for us and was not told to end."""

    @property
    def wedged(self) -> bool:
        """Whether starting or stopping has not come to an end, although it is bounded."""
        since_ms = self._busy_since_ms
        return since_ms is not None and self._clock.monotonic_ms() - since_ms > WEDGED_AFTER_MS

    async def run(self) -> None:
        """Scan whenever the adapter can."""
        while True:
            self._busy_since_ms = None
            await self._radio.ready.wait()
            self._busy_since_ms = self._clock.monotonic_ms()
            try:
                remedy = await self._scan()
            except _FAILURES as error:
                self._complain(without_addresses(str(error)))
                remedy = self._watch.failed_to_start()
            if remedy is Remedy.POWER_CYCLE and self._radio.ready.is_set():
                await self._power_cycle()
            await asyncio.sleep(self._backoff.next_s())

    async def note_visit(self, *, linked: bool | None) -> None:
        """Take note of a visit over this adapter; switch it off and on if it reaches nobody.

        A visit that has a link meanwhile, a long transfer say, shows that it reaches somebody.
        """
        reached = True if self._radio.linked else linked
        if self._links.visited(self._clock.monotonic_ms(), linked=reached):
            log.warning("links.none", adapter=self._radio.adapter)
            await self._power_cycle()

    async def _scan(self) -> Remedy:
        """Scan until the adapter is lost or silent; raise what kept the scan from beginning."""
        # Always by name: bleak's default adapter is picked from a set, at random per process.
        scanner = BleakScanner(
            self._on_detection,
            bluez={"adapter": self._radio.adapter, "filters": EVERY_ADVERTISEMENT},
        )
        remedy = Remedy.NONE
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await scanner.start()
            log.info("scan.started", adapter=self._radio.adapter)
            self.problem = None
            self._backoff.reset()
            self._watch.started(self._clock.monotonic_ms())
            self._busy_since_ms = None
            self.scanning = True
            remedy = await self._until_lost_or_silent()
        finally:
            self.scanning = False
            self._busy_since_ms = self._clock.monotonic_ms()
            stuck = await _stop(scanner)
        return Remedy.POWER_CYCLE if stuck else remedy

    async def _until_lost_or_silent(self) -> Remedy:
        while not self._radio.lost.is_set():
            now_ms = self._clock.monotonic_ms()
            if (remedy := self._watch.remedy(now_ms)) is not Remedy.NONE:
                log.info("scan.silent", adapter=self._radio.adapter, remedy=remedy.value)
                metrics.FAILURES.labels("scan-silent").inc()
                return remedy
            try:
                async with asyncio.timeout((self._watch.due_ms() - now_ms) / 1000):
                    await self._radio.lost.wait()
            except TimeoutError:
                continue
        return Remedy.NONE

    async def _power_cycle(self) -> None:
        """Switch the adapter off and on: sessions on it end, bonds stay."""
        log.warning("adapter.power_cycled", adapter=self._radio.adapter)
        metrics.FAILURES.labels("power-cycle").inc()
        try:
            await self._radio.power_cycle()
        except UnavailableError as error:
            self._complain(error.cause)

    def _complain(self, reason: str) -> None:
        metrics.FAILURES.labels("scan").inc()
        if self.problem is None:
            log.warning("scan.failed", adapter=self._radio.adapter, reason=reason)
        adapter = self._radio.adapter
        self.problem = f"Bluetooth: scanning on {adapter} does not start ({reason}); tried again"

    def _on_detection(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        # Not device.details: bleak keeps those of the first sighting, from before a pairing.
        _path, properties = advertisement.platform_data
        sighting = Sighting(device, advert(properties), self._radio)
        if sighting.heard:
            self._watch.heard(self._clock.monotonic_ms())
        self._sighted(sighting)


async def _stop(scanner: BleakScanner) -> bool:
    """Stop a scan, and tell whether bluetoothd is stuck in it (bluez issue 807)."""
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await scanner.stop()
    except BleakDBusError as error:
        return error.dbus_error == _IN_PROGRESS
    except _FAILURES:
        return False
    return False
