"""What one session brings: on the disk first, believed once it is known from whom it came."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from zoneinfo import ZoneInfo

import structlog

from gateway import metrics
from gateway.admissions import Admissions
from gateway.bluetooth.doorkeeper import Doorkeeper
from gateway.journal import Journal
from gateway.record import Record, SessionFacts
from gateway.session_end import battery_low, coincidence, newest
from schemas.clock import Clock
from schemas.reading import Coincidence

FIRST_RECORD_TIMEOUT_S = 30.0
SILENCE_S = 2.0  # a cuff that has sent its burst and keeps the link has nothing more
DURABLE_POLL_S = 0.1
HELD_BACK_MAX = 1000  # no cuff remembers more

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every session of this gateway uses.

    ``capture`` takes session, address, characteristic and payload; it gives the record if it is
    durable. ``durable`` tells whether everything captured so far is. ``told`` hears that a session
    will tell nothing more.
    """

    journal: Journal
    clock: Clock
    rng: Random
    capture: Callable[[str, str, str, bytes], Record | None]
    durable: Callable[[], bool]
    told: Callable[[str], None]
    admissions: Admissions
    doorkeeper: Doorkeeper
    zone_of: Callable[[str], ZoneInfo | None] = lambda _address: None
    """In which zone the display of a device is to show the time; None: nobody said."""


class Harvest:
    """The records of one session; ``facts`` is what the session has learnt beside them."""

    def __init__(self, facts: SessionFacts, around: Surroundings) -> None:
        """Begin with none."""
        self._around = around
        self.facts = facts
        self.captured = 0
        self.all_durable = True
        self.battery_low: bool | None = None
        """What the newest record said, known at the end; None: nothing."""
        self._held_back: list[tuple[int, bytes]] | None = None
        self._fresh: tuple[Coincidence, ...] | None = None
        self._arrived = asyncio.Event()

    def capture(self, number: int, payload: bytes) -> None:
        """Take a notification from bleak: the journal comes before everything else."""
        if self._held_back is None:
            self._keep(number, payload)
        elif len(self._held_back) < HELD_BACK_MAX:
            self._held_back.append((number, payload))
        else:
            metrics.FAILURES.labels("notification-lost").inc()
            log.error("notification.lost", reason="too much came before it was known from whom")

    def hold_back(self) -> None:
        """Keep what comes in memory until it is known who gives it: see ``believe``."""
        self._held_back = []

    def believe(self) -> None:
        """Keep what was held back, and from now on everything at once."""
        held_back, self._held_back = self._held_back, None
        for number, payload in held_back or ():
            self._keep(number, payload)

    async def silence(self) -> None:
        """Wait until nothing has come for a while."""
        while True:
            patience_s = SILENCE_S if self.captured else FIRST_RECORD_TIMEOUT_S
            self._arrived.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._arrived.wait()
            except TimeoutError:
                return

    async def on_disk(self) -> None:
        """Wait until everything that was captured is on the disk."""
        while not self._around.durable():  # noqa: ASYNC110  (the daemon tries the disk each second)
            await asyncio.sleep(DURABLE_POLL_S)

    def freshness(self) -> tuple[Coincidence, ...]:
        """Keep, once, what the stamps tell of a clock that could not be read."""
        if self._fresh is None:
            devices, address = self._around.journal.devices, self.facts.device.address
            timeline = devices.timeline(address)
            records = self._around.journal.records_of(self.facts.session_id)
            if (found := coincidence(records)) is not None:
                timeline = timeline.met(found)
                devices.keep_timeline(address, timeline)
            self._fresh = timeline.coincidences
        return self._fresh

    def end(self, *, complete: bool) -> None:
        """Write what the session told; raise ``UnavailableError`` if the disk refuses."""
        journal, facts = self._around.journal, self.facts
        if not self.captured:
            journal.drop_facts(facts.session_id)
            return
        records = journal.records_of(facts.session_id)
        told = newest(records) if complete else None
        self.battery_low = battery_low(records)
        fresh = () if facts.clock is not None else self.freshness()
        journal.keep_facts(replace(facts, ended=True, newest=told, coincidences=fresh))

    def _keep(self, number: int, payload: bytes) -> None:
        facts = self.facts
        record = self._around.capture(
            facts.session_id, facts.device.address, f"{number:04x}", payload
        )
        self.all_durable = self.all_durable and record is not None
        self.captured += 1
        self._arrived.set()
