"""All devices of the home: from a sighting to a session, as ``gateway.visits.dialling`` decides."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import structlog

from gateway import metrics
from gateway.addresses import short
from gateway.admission.admission import (
    Admission,
    Refusal,
    Standing,
    explain,
    repair_quirk,
    standing,
)
from gateway.admission.live import LiveDevice, LiveStranger
from gateway.admission.strangers import Strangers
from gateway.bluetooth.acquaintance import Acquaintance
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.harvest import Surroundings
from gateway.bluetooth.leftovers import Leftovers
from gateway.bluetooth.scanner import Scanner, Sighting
from gateway.bluetooth.session import Session
from gateway.bluetooth.undecided import taken_up
from gateway.decoding.session_end import Undecided
from gateway.journal.known_devices import Battery
from gateway.visits.dialling import Dialling, Ending, Verdict
from gateway.visits.table import BONDED_ELSEWHERE, COMPLETE, NOT_BONDED, UNFINISHED
from schemas.errors import UnavailableError
from schemas.reading import Device
from schemas.wire import DeviceState

STOP_TIMEOUT_S = 2.0
_REFUSALS = {refusal.value for refusal in Refusal}

log = structlog.get_logger(__name__)


class Devices:
    """Scans for life and visits each known device that has something."""

    def __init__(
        self, radios: Sequence[Bluez], around: Surroundings, dialling: Dialling, rng: Random
    ) -> None:
        """Use these adapters, each with a scanner of its own; begin with ``run``."""
        self._radios = radios
        self._around = around
        self._dialling = dialling
        self._scanners = {
            radio.adapter: Scanner(radio, around.clock, self._sighted, rng) for radio in radios
        }
        for radio in radios:
            radio.removed = self._removed
        self._leftovers = Leftovers(around, radios, dialling.is_busy)
        self._acquaintances: dict[str, Acquaintance] = {}
        self._batteries: dict[str, Battery] = {}  # of devices not met in this run
        self._undecided: Mapping[str, list[Undecided]] = {}  # visits of earlier runs
        with suppress(UnavailableError):
            self._batteries = around.journal.devices.batteries()
        self._unbonded: set[str] = set()
        self._keyless: set[str] = set()
        self._refused: dict[str, Refusal] = {}
        self._strangers = Strangers()
        self._bonded_over: dict[str, str] = {}  # the adapter, of devices heard in this run
        self._tasks: set[asyncio.Task[None]] = set()
        self.visited: Callable[[], None] = lambda: None
        """Called after each session."""

    @property
    def problems(self) -> list[str]:
        """What is wrong with Bluetooth, and what a person can do."""
        admitted = {admission.address for admission in self._around.admissions.all()}
        unpaired = set(self._around.admissions.bonds_to_go())  # and its bond goes by itself
        forgotten = [
            f"{address} has forgotten this gateway; run `vitalwire gateway pair {address}`"
            for address in sorted(self._unbonded & admitted)
        ]
        unreachable = [
            # With the bond goes what bluetoothd remembers of its services, which a new firmware may
            # have laid out anew (bleak's troubleshooting: "remove device").
            f"{address} was heard but not read, {failures} times in a row; bring it nearer, or run "
            f"`vitalwire gateway pair {address}`; if that does not help, run "
            f"`vitalwire gateway unpair {address}` before it"
            for address, failures in self._dialling.unreachable().items()
            if address in admitted - self._unbonded and address not in self._refused
        ]
        refused = [
            explain(refusal, address)
            for address, refusal in sorted(self._refused.items())
            if (refusal is Refusal.NOT_ADMITTED) is (address not in admitted)
            and address not in unpaired
        ]
        keyless = [
            # With another adapter, say: bonds belong to the adapter's address.
            f"{address} was paired here, and this machine has lost its pairing; run "
            f"`vitalwire gateway pair {address}` beside it"
            for address in sorted(self._keyless & admitted)
        ]
        faults = [radio.problem for radio in self._radios]
        faults += [scanner.problem for scanner in self._scanners.values()]
        # Several adapters have one bluetoothd: what they all say is said once.
        told = dict.fromkeys(fault for fault in faults if fault is not None)
        return [*told, *refused, *forgotten, *keyless, *unreachable, *self._leftovers.problems]

    @property
    def wedged(self) -> bool:
        """Whether a scanner hangs in what has a limit: only a new process helps."""
        return any(scanner.wedged for scanner in self._scanners.values())

    def states(self) -> list[DeviceState]:
        """Describe the known devices that were heard in this run, and others' batteries."""
        now_ms = self._around.clock.monotonic_ms()
        met = [
            DeviceState(
                address=address,
                model=known.device.model,
                last_seen_s=(now_ms - known.seen_ms) // 1000,
                battery_percent=known.battery.percent,
                battery_low=known.battery.low,
            )
            for address, known in sorted(self._acquaintances.items())
        ]
        remembered = [
            DeviceState(
                address=admission.address,
                model=admission.model,
                battery_percent=battery.percent,
                battery_low=battery.low,
            )
            for admission, battery in self._remembered()
        ]
        return met + remembered

    def live(self) -> tuple[list[LiveDevice], list[LiveStranger]]:
        """Describe, for people at the gateway, what is known and what is near."""
        now_ms = self._around.clock.monotonic_ms()
        known = [
            LiveDevice(
                address=address,
                last_seen_s=(now_ms - known.seen_ms) // 1000,
                battery_percent=known.battery.percent,
                battery_low=known.battery.low,
                failures=self._dialling.failures(address),
            )
            for address, known in sorted(self._acquaintances.items())
        ]
        known += [
            LiveDevice(
                address=admission.address,
                battery_percent=battery.percent,
                battery_low=battery.low,
            )
            for admission, battery in self._remembered()
        ]
        strangers = [
            stranger
            for stranger in self._strangers.recent(now_ms)
            if self._around.admissions.get(stranger.advert.address) is None
        ]  # what one adapter is bonded with is a stranger to another
        return known, strangers

    def take_up(self) -> list[Undecided]:
        """Go on with, and give, visits of earlier runs of which the next may tell the newest.

        Raises ``UnavailableError`` if the disk refuses.
        """
        self._undecided = taken_up(self._around.journal)
        return [visit for visits in self._undecided.values() for visit in visits]

    async def run(self) -> None:
        """Watch the adapters and scan until cancelled, then end the visits."""
        try:
            async with asyncio.TaskGroup() as parts:
                for radio in self._radios:
                    parts.create_task(radio.run())
                await self._around.doorkeeper.open.wait()
                parts.create_task(self._leftovers.run())
                for scanner in self._scanners.values():
                    parts.create_task(scanner.run())
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT_S)

    def _remembered(self) -> list[tuple[Admission, Battery]]:
        """Give the admitted devices that were not met in this run, with their batteries."""
        return [
            (admission, self._batteries[admission.address])
            for admission in self._around.admissions.all()
            if admission.address in self._batteries
        ]

    def _sighted(self, sighting: Sighting) -> None:
        """Judge a sighting; bleak tells many of them for one device."""
        address, now_ms = sighting.address, self._around.clock.monotonic_ms()
        adapter = sighting.radio.adapter
        admission = self._around.admissions.get(address)
        if admission is None and not sighting.advert.ours:
            return  # a neighbour's lamp, or a keyboard that is paired here
        place = standing(admission, bonded=sighting.paired)
        if sighting.paired:
            self._bonded_over[address] = adapter
            self._keyless.discard(address)
        # One that drops its bonds may have lost ours within an earlier visit.
        repairable = (
            not sighting.paired
            and repair_quirk(admission) is not None
            and self._bonded_over.get(address, adapter) == adapter
        )
        if place is not Standing.STRANGER or not (repairable or len(self._radios) > 1):
            self._note_standing(address, place)
        verdict = self._dialling.sighted(
            address,
            now_ms,
            paired=place is Standing.ADMITTED or repairable,
            heard=sighting.heard,
            adapter=adapter,
        )
        if verdict is Verdict.STRANGER:
            self._start(self._refuse(sighting))
        if place is Standing.STRANGER and sighting.heard:
            self._strangers.heard(sighting.advert, now_ms)
        if verdict in (Verdict.STRANGER, Verdict.STRANGER_AGAIN, Verdict.NOT_ADVERTISING):
            return
        if address not in self._acquaintances:
            battery = self._batteries.pop(address, Battery())
            self._acquaintances[address] = Acquaintance(
                Device(address),
                now_ms,
                battery_percent=battery.percent,
                battery_low=battery.low,
            )
            self._acquaintances[address].undecided.extend(self._undecided.get(address, ()))
        known = self._acquaintances[address]
        known.seen_ms, known.sighting = now_ms, sighting
        known.name = sighting.device.name or known.name
        # A device that keeps its readings keeps them better than a disk that is full.
        if verdict is Verdict.DIAL and self._around.intake.works:
            self._dialling.began(address, adapter)
            self._start(self._visit(sighting, known))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refuse(self, sighting: Sighting) -> None:
        """Count a stranger, unless another adapter holds its bond and will visit it."""
        if await self._is_bonded_elsewhere(sighting):
            return
        self._note_standing(sighting.address, Standing.STRANGER)
        if self._around.admissions.get(sighting.address) is not None:
            self._keyless.add(sighting.address)
        metrics.REFUSED_UNPAIRED.inc()
        log.info("device.refused", device=short(sighting.address), reason=Verdict.STRANGER.value)

    async def _is_bonded_elsewhere(self, sighting: Sighting) -> bool:
        for radio in self._radios:
            if radio is not sighting.radio and await radio.is_bonded(sighting.address):
                self._bonded_over[sighting.address] = radio.adapter
                return True
        return False

    async def _visit(self, sighting: Sighting, known: Acquaintance) -> None:
        session_id = secrets.token_hex(8)
        address = known.device.address
        structlog.contextvars.bind_contextvars(device=short(address), session=session_id)
        outcome, ending = "cancelled", Ending.FAILED
        session = Session(session_id, sighting, known, self._around)
        try:
            if not sighting.paired and await self._is_bonded_elsewhere(sighting):
                outcome = BONDED_ELSEWHERE
            else:
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
        await self._scanners[sighting.radio.adapter].note_visit(linked=session.linked)

    def _removed(self, address: str) -> None:
        """End what was shown of a pairing that is gone, of a device that may never be heard again.

        All of an adapter's devices are removed with it: what else is shown of them stays.
        """
        if self._refused.get(address) is Refusal.NOT_ADMITTED:
            del self._refused[address]

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
