"""What one session brings: on the disk first, a record once it is known from whom it came."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random

from gateway import metrics
from gateway.admission.admissions import Admissions
from gateway.bluetooth.doorkeeper import Doorkeeper
from gateway.decoding.session_end import (
    NO_MEMORY,
    Memory,
    Undecided,
    battery_low,
    coincidence,
    newest,
    newest_so_far,
    record_at,
    undecided,
)
from gateway.journal.intake import Intake
from gateway.journal.journal import Journal
from gateway.record import DeviceClock, SessionFacts
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.reading import Coincidence

FIRST_RECORD_TIMEOUT_S = 30.0
SILENCE_S = 2.0  # a cuff that has sent its burst and keeps the link has nothing more
DURABLE_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every session of this gateway uses.

    ``told`` hears that a session will tell nothing more.
    """

    journal: Journal
    clock: Clock
    rng: Random
    intake: Intake
    told: Callable[[str], None]
    admissions: Admissions
    doorkeeper: Doorkeeper


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
        self.undecided: Undecided | None = None
        """What a later visit is to tell of this one, known at the end."""
        self.held_back = 0
        """Notifications of which it is not known yet from whom they came."""
        self._known = True
        self._refused = False
        self._fresh: tuple[Coincidence, ...] | None = None
        self._arrived = asyncio.Event()

    def capture(self, number: int, payload: bytes, *, newest: bool = False) -> None:
        """Take a notification from bleak: the journal comes before everything else.

        ``newest``: the device calls it its last record, and it was not known before.
        """
        if self._refused:
            metrics.REFUSED_NOTIFICATIONS.inc()
            return
        facts, characteristic = self.facts, f"{number:04x}"
        if self._known:
            record = self._around.intake.capture(
                facts.session_id, facts.device.address, characteristic, payload, newest=newest
            )
            durable = record is not None
            self.captured += 1
            self._arrived.set()
        else:
            durable = self._around.intake.hold_back(facts, characteristic, payload)
            self.held_back += 1
        self.all_durable = self.all_durable and durable

    def came_before(self, payload: bytes) -> bool:
        """Tell whether the device gave this glucose measurement before; no, if the disk fails."""
        devices = self._around.journal.devices
        with suppress(UnavailableError):
            return devices.has_given(self.facts.device.address, payload)
        return False

    def note_clock(self, clock: DeviceClock) -> None:
        """Take the device's clock; raise ``UnavailableError`` if the disk refuses.

        Should the daemon die before it is known from whom the records are, they need their time.
        """
        self.facts = replace(self.facts, clock=clock)
        if self.held_back:
            self._around.journal.keep_facts(self.facts)

    def hold_back(self) -> None:
        """Let what comes be no record before it is known who gives it: until ``believe``."""
        self._known = False

    def believe(self) -> None:
        """Make records of what was held back, and from now on of everything at once.

        Keeps ``facts`` too. Raises ``UnavailableError`` if the disk refuses; nothing has changed
        then.
        """
        records = self._around.intake.attribute(self.facts.session_id, lambda _: self.facts)
        self._known, self.held_back = True, 0
        self.captured += len(records)
        if records:
            self._arrived.set()

    def refuse(self) -> None:
        """Drop what was held back, and whatever may still come."""
        self._refused, self.held_back = True, 0
        self._around.intake.refuse(self.facts.session_id, self.facts.device.address)

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
        while not self._around.intake.works:  # noqa: ASYNC110  (the daemon tries the disk each second)
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

    def end(self, *, complete: bool, memory: Memory = NO_MEMORY) -> None:
        """Write what the session told; raise ``UnavailableError`` if the disk refuses."""
        journal, facts = self._around.journal, self.facts
        if not self.captured:
            if not self.held_back:
                journal.drop_facts(facts.session_id)
            return
        records = journal.records_of(facts.session_id)
        told = newest(records, memory) if complete else newest_so_far(records, memory)
        self.battery_low = battery_low(records, memory)
        fresh = () if facts.clock is not None else self.freshness()
        self.facts = replace(facts, ended=True, newest=told, coincidences=fresh)
        if not complete and (waits := undecided(self.facts, records, memory)) is not None:
            self.undecided, self.facts = waits, waits.facts
        journal.keep_facts(self.facts, whole=complete and newest(records) is not None)

    def last_record(self, memory: Memory) -> tuple[int, str] | None:
        """Give the newest record of a visit that was read to its end, known before or not."""
        records = self._around.journal.records_of(self.facts.session_id)
        return record_at(records, newest(records, Memory(memory.last)))
