"""The home's daemon: puts the parts together, runs them, and stops them in order.

A missing adapter or broker may come later, so it waits and says so in its health report and on
``/readyz``.
"""

import asyncio
import importlib.metadata
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import structlog

from gateway import metrics
from gateway.addresses import without_addresses
from gateway.admission.admissions import Admissions, broken_admissions
from gateway.admission.live import Live
from gateway.bedside import words
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.devices import Devices
from gateway.bluetooth.doorkeeper import Doorkeeper
from gateway.bluetooth.harvest import Surroundings
from gateway.clocks import wall
from gateway.decoding.session_end import must_wait
from gateway.journal.file import broken_journals
from gateway.journal.intake import Intake
from gateway.journal.journal import Journal
from gateway.record import Record
from gateway.sending.configuration import Configuration
from gateway.sending.publisher import Listener, Publisher
from gateway.sending.sender import Sender
from gateway.service_manager import ServiceManager
from gateway.visits.dialling import Dialling
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.servers import MqttServer
from schemas.wire import Health, StreamState

HEARTBEAT_S = 15.0
WATCH_S = 1.0
OBSERVE_WALL_EVERY = 40  # heartbeats: each is a write to the SD card
PRUNE_EVERY = 240  # heartbeats
SPACE_NEEDED_BELOW_BYTES = 64 * 1024 * 1024
RENEW_EVERY_MS = 60_000  # at most: each broken journal stays on the disk

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person chose on the command line. ``rest_s``: leave a device alone after a visit.

    ``zone``: the home's, where displays of devices are to show its time.
    """

    gateway_id: str
    state: Path
    adapters: tuple[str, ...]
    mqtt: MqttServer
    monitor_port: int = 0
    rest_s: float = 5.0
    zone: ZoneInfo | None = None


class Daemon:
    """The parts of a running gateway and what they tell each other."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        admissions: Admissions,
        clock: Clock,
        rng: Random,
    ) -> None:
        """Put the parts together; nothing runs yet."""
        self._settings = settings
        self.journal = journal
        self._clock = clock
        self._software = f"vitalwire {importlib.metadata.version('vitalwire')}"
        self._reported = ["starting"]
        self._streams: dict[str, StreamState] = {}
        self._began_ms = clock.monotonic_ms()
        self._sender = Sender(settings.gateway_id, journal, clock, rng)
        self._configuration = Configuration(journal, admissions.clocks, self._sender.held_again)
        listener = Listener(
            connected=self._connected,
            disconnected=self._sender.disconnected,
            acknowledged=self._sender.acknowledged,
            received=self._sender.received,
            configured=self._configuration.received,
        )
        self._publisher = Publisher(settings.mqtt, settings.gateway_id, listener, rng)
        self.intake = Intake(journal, clock, self._kept)
        self._doorkeeper = Doorkeeper(admissions, rng)
        around = Surroundings(
            journal=journal,
            clock=clock,
            rng=rng,
            intake=self.intake,
            told=self._sender.session_told,
            admissions=admissions,
            doorkeeper=self._doorkeeper,
        )
        radios = [Bluez(adapter, rng) for adapter in settings.adapters]
        self._devices = Devices(radios, around, Dialling(int(settings.rest_s * 1000), rng), rng)
        self._devices.visited = self._report
        self._take_up()
        if journal.set_aside is not None:
            log.error("journal.set_aside", file=str(journal.set_aside))

    async def live_until(self, stop: asyncio.Event, manager: ServiceManager) -> None:
        """Run all parts until ``stop`` is set, or the journal must be begun anew.

        A part that fails is a bug and ends the daemon.
        """
        parts = {
            asyncio.create_task(part)
            for part in (
                self._doorkeeper.run(),
                self._devices.run(),
                self._publisher.run(),
                self._sender.run(self._publisher),
                self._beat(),
                self._watch(),
                self._salvage(),
                self._attend(manager),
            )
        }
        stopping = asyncio.create_task(stop.wait())
        log.info("gateway.started", stream=self.journal.stream)
        manager.ready()
        done, _ = await asyncio.wait({stopping, *parts}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            manager.stopping()
        for task in (stopping, *parts):
            task.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        log.info("gateway.stopped")
        for part in done - {stopping}:
            part.result()

    @property
    def must_renew(self) -> bool:
        """Whether the journal was damaged while it was open: nothing mends it but a new one.

        At once if all of it is on the disk again: what is written meanwhile is not.
        """
        file = self.journal.file
        waited = self._clock.monotonic_ms() - self._began_ms >= RENEW_EVERY_MS
        return file.damage is not None and (waited or file.written_again)

    def readiness(self) -> str | None:
        """Say why the daemon does not do all of its work; None if it does.

        Asked by the monitor's thread: it gets what the event loop last found.
        """
        return "; ".join(self._reported) or None

    def live(self) -> Live:
        """Describe the daemon to people at the gateway; call it in the event loop."""
        devices, strangers = self._devices.live()
        return Live(
            gateway_id=self._settings.gateway_id,
            software=self._software,
            connected=self._publisher.problem is None,
            adapters=self._settings.adapters,
            problems=self._problems(),
            stuck=self._sender.stuck,
            refused=metrics.refused(),
            devices=devices,
            strangers=strangers,
        )

    def _problems(self) -> list[str]:
        faults = (self.intake.problem, self._sender.problem, self._publisher.problem)
        problems = [fault for fault in faults if fault is not None]
        if (damage := self.journal.file.damage) is not None:
            problems.append(f"{damage.rstrip('.')}; wait a minute: a new one begins")
        problems += [  # until somebody has saved its readings, however many starts ago it broke
            words.set_aside(str(file), self.journal.salvage.told.get(file.name))
            for file in broken_journals(self._settings.state)
        ]
        if damaged := self.journal.damaged.count:
            problems.append(words.damaged_rows(damaged))
        problems += [
            "the record of paired devices was broken and a new one began; look whether each device "
            f"is still read; the old one is {file}"
            for file in broken_admissions(self._settings.state)
        ]
        if stuck := self._sender.stuck:
            said = "1 reading was" if stuck == 1 else f"{stuck} readings were"
            problems.append(
                f"{said} sent three times without a receipt; tell your contact at the clinic: "
                "nothing is lost, all is kept here"
            )
        return problems + self._devices.problems

    def _kept(self, record: Record) -> None:
        """Send a record that has just become durable, now or when its session has ended."""
        try:
            for row in self.journal.sendable(record):
                self._sender.take(row, row.session_id if self._must_wait(row.seq) else None)
        except Exception:  # the record is safe, and loaded like all that is held
            log.exception("record.not_judged", seq=record.seq)
            self._sender.held_again()

    def _take_up(self) -> None:
        """Let what is undated of an earlier run's visits wait, if the next may tell the newest."""
        try:
            for visit in self._devices.take_up():
                session_id = visit.facts.session_id
                rows = [row.seq for row in self.journal.records_of(session_id)]
                self._sender.wait(session_id, filter(self._must_wait, rows))
        except Exception:  # all of it is safe, and loaded like all that is held
            log.exception("visits.not_taken_up")

    def _must_wait(self, seq: int) -> bool:
        entries = self.journal.entries(range(seq, seq + 1))
        return any(must_wait(entry, self._settings.gateway_id) for entry in entries)

    def _connected(self) -> None:
        self._report()
        self._sender.connected()

    async def _beat(self) -> None:
        beats = 0
        while True:
            if beats % OBSERVE_WALL_EVERY == 0:
                self.intake.observe_wall()
            self._is_durable(thoroughly=True)
            self._prune(regularly=beats % PRUNE_EVERY == 0)
            self._report()
            beats += 1
            await asyncio.sleep(HEARTBEAT_S)

    async def _watch(self) -> None:
        """Try a disk that refused again, and report at once what went wrong or came right."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._is_durable(thoroughly=not self.intake.works) and not self.intake.works:
                self._prune(regularly=False)
                self.intake.retry()
            if self.must_renew:
                return
            if self._problems() != self._reported:
                self._report()

    def _is_durable(self, *, thoroughly: bool) -> bool:
        """Look whether what is written to the journal stays: if not, no device is asked for more.

        Without it nobody knew before the next reading came, which its device then forgets.
        """
        try:
            self.journal.file.look(thoroughly=thoroughly)
        except UnavailableError as error:
            self.intake.complain(error)
            return False
        return True

    async def _salvage(self) -> None:
        """Bring in what can still be read in journals that were set aside, while the disk works."""

        def may() -> bool:
            return self.intake.works and self.journal.file.damage is None

        await self.journal.salvage.run(self._settings.state, may, self._sender.held_again)

    async def _attend(self, manager: ServiceManager) -> None:
        """Tell systemd that the daemon works while it does: else it starts another process.

        The journal is written by this very loop: a disk that hangs stops it and what it tells.
        """
        while True:
            if not self._devices.wedged:
                manager.alive()
            manager.status(without_addresses("; ".join(self._reported)) or "all is well")
            await asyncio.sleep(manager.period_s or WATCH_S)

    def _prune(self, *, regularly: bool) -> None:
        """Delete what the server has had for long; all that it has, if space is needed."""
        try:
            space_needed = shutil.disk_usage(self._settings.state).free < SPACE_NEEDED_BELOW_BYTES
            if regularly:
                self.journal.damaged.look()
                mended = self.journal.mend_segments()
                if self.journal.custody.hold_unproven() or mended:
                    self._sender.held_again()
            if regularly or space_needed:
                now = wall.read(self._clock).wall_ms
                while self.journal.custody.prune(now, space_needed=space_needed):
                    log.info("journal.pruned", space_needed=space_needed)
        except OSError as error:
            log.warning("journal.not_pruned", reason=str(error))
        except UnavailableError as error:
            self.journal.file.note(error)
            log.warning("journal.not_pruned", reason=error.cause)

    def _report(self) -> None:
        """Publish the health report; what a broken disk does not give is as it was before."""
        try:
            self._streams = self.journal.states()
        except UnavailableError as error:
            self.journal.file.note(error)
            log.warning("journal.not_counted", reason=error.cause)
        self._reported = self._problems()
        held = sum(state.held for state in self._streams.values())
        metrics.HELD.set(held)
        metrics.STUCK.set(self._sender.stuck)
        self._publisher.publish_health(
            Health(
                state="online",
                boot_id=self._clock.boot_id,
                sent_monotonic_ms=self._clock.monotonic_ms(),
                streams=self._streams,
                devices=self._devices.states(),
                counters=metrics.totals() | {"held": held, "stuck": self._sender.stuck},
                problems=self._reported,
                software=self._software,
            )
        )
