"""All devices of the home: from a sighting to a session, as ``gateway.dialling`` decides."""

import asyncio
import secrets
from collections.abc import Callable
from random import Random

import structlog
from bleak.backends.device import BLEDevice

from gateway import metrics
from gateway.addresses import short
from gateway.admission import Refusal, Standing, explain, standing
from gateway.bluetooth.acquaintance import Acquaintance
from gateway.bluetooth.scanner import Scanner, Sighting
from gateway.bluetooth.session import Session, Surroundings
from gateway.dialling import Dialling, Ending, Verdict
from gateway.visit import COMPLETE, NOT_BONDED, UNFINISHED
from schemas.reading import Device
from schemas.wire import DeviceState

STOP_TIMEOUT_S = 2.0
_REFUSALS = {refusal.value for refusal in Refusal}

log = structlog.get_logger(__name__)


class Devices:
    """Scans for life and visits each known device that has something."""

    def __init__(self, around: Surroundings, dialling: Dialling, rng: Random) -> None:
        """Begin with ``run``."""
        self._around = around
        self._dialling = dialling
        self._scanner = Scanner(around.bluez, self._sighted, rng)
        self._acquaintances: dict[str, Acquaintance] = {}
        self._unbonded: set[str] = set()
        self._refused: dict[str, Refusal] = {}
        self._visits: set[asyncio.Task[None]] = set()
        self.may_dial: Callable[[], bool] = lambda: True
        """A device that keeps its readings keeps them better than a disk that is full."""
        self.visited: Callable[[], None] = lambda: None
        """Called after each session."""

    @property
    def problems(self) -> list[str]:
        """What is wrong with Bluetooth, and what a person can do."""
        forgotten = [
            f"{address} has forgotten this gateway; run `vitalwire gateway pair {address}`"
            for address in sorted(self._unbonded)
        ]
        unreachable = [
            f"{address} was heard but not read, {failures} times in a row; bring it nearer, "
            f"or run `vitalwire gateway pair {address}`"
            for address, failures in self._dialling.unreachable().items()
            if address not in self._unbonded and address not in self._refused
        ]
        refused = [
            explain(refusal, address)
            for address, refusal in sorted(self._refused.items())
            if refusal is not Refusal.NOT_ADMITTED or self._around.admissions.get(address) is None
        ]
        faults = (self._around.bluez.problem, self._scanner.problem)
        return [fault for fault in faults if fault is not None] + refused + forgotten + unreachable

    def states(self) -> list[DeviceState]:
        """Describe the known devices that were heard in this run."""
        now_ms = self._around.clock.monotonic_ms()
        return [
            DeviceState(
                address=address,
                model=known.device.model,
                last_seen_s=(now_ms - known.seen_ms) // 1000,
                battery_percent=known.battery_percent,
            )
            for address, known in sorted(self._acquaintances.items())
        ]

    async def run(self) -> None:
        """Scan until cancelled, then end the visits."""
        try:
            await self._around.doorkeeper.open.wait()
            await self._scanner.run()
        finally:
            for visit in self._visits:
                visit.cancel()
            if self._visits:
                await asyncio.wait(self._visits, timeout=STOP_TIMEOUT_S)

    def _sighted(self, sighting: Sighting) -> None:
        """Judge a sighting; bleak tells many of them for one device."""
        address, now_ms = sighting.address, self._around.clock.monotonic_ms()
        place = standing(self._around.admissions.get(address), bonded=sighting.paired)
        self._note_standing(address, place)
        verdict = self._dialling.sighted(
            address, now_ms, paired=place is Standing.ADMITTED, heard=sighting.heard
        )
        if verdict is Verdict.STRANGER:
            metrics.REFUSED_UNPAIRED.inc()
            log.info("device.refused", device=short(address), reason=verdict.value)
        if verdict in (Verdict.STRANGER, Verdict.STRANGER_AGAIN, Verdict.NOT_ADVERTISING):
            return
        known = self._acquaintances.setdefault(address, Acquaintance(Device(address), now_ms))
        known.seen_ms = now_ms
        known.name = sighting.device.name or known.name
        if verdict is Verdict.DIAL and self.may_dial():
            self._dialling.began(address)
            visit = asyncio.create_task(self._visit(sighting.device, known))
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)

    async def _visit(self, found: BLEDevice, known: Acquaintance) -> None:
        session_id = secrets.token_hex(8)
        address = known.device.address
        structlog.contextvars.bind_contextvars(device=short(address), session=session_id)
        outcome, ending = "cancelled", Ending.FAILED
        session = Session(session_id, found, known, self._around)
        try:
            outcome = await session.run()
            if outcome == COMPLETE:
                ending = Ending.FRUITFUL if session.fruitful else Ending.IN_VAIN
            elif outcome in UNFINISHED:
                ending = Ending.UNFINISHED
        except Exception:
            # A visit must never take the daemon with it: nobody there can start it again.
            outcome = "bug"
            log.exception("session.bug")
        finally:
            self._dialling.ended(address, self._around.clock.monotonic_ms(), ending)
            metrics.SESSIONS.labels(outcome).inc()
            log.info("session.ended", outcome=outcome)
            if outcome == NOT_BONDED:
                self._unbonded.add(address)
            elif outcome == COMPLETE:
                self._unbonded.discard(address)
            self._note_refusal(address, outcome)
            self.visited()

    def _note_standing(self, address: str, place: Standing) -> None:
        """Keep what is shown of a device in line with what people did to it meanwhile."""
        if place is Standing.OUTSIDER:
            self._refused[address] = Refusal.NOT_ADMITTED
        elif place is Standing.STRANGER:
            self._refused.pop(address, None)
            self._unbonded.discard(address)

    def _note_refusal(self, address: str, outcome: str) -> None:
        """Show a refusal until the device was read, or a person has ended it."""
        if outcome in _REFUSALS:
            self._refused[address] = Refusal(outcome)
            metrics.REFUSED.labels(outcome.removeprefix("refused-")).inc()
        elif outcome == COMPLETE:
            self._refused.pop(address, None)
