"""One visit to one device: carries out what ``gateway.visit`` orders.

The order matters. The clock is read first: with it a reading's time can be trusted at once. Then
the subscriptions: a cuff answers them with its burst and drops the link; a meter is asked. Each
wait is bounded, and the end of the link or of the adapter ends whatever was waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from zoneinfo import ZoneInfo

import structlog

from gateway import metrics, wall
from gateway.admission import Refusal, refusal, repair_quirk
from gateway.admissions import Admissions
from gateway.bluetooth.acquaintance import Acquaintance, get_acquainted
from gateway.bluetooth.device_clock import set_clock, way_of
from gateway.bluetooth.doorkeeper import Doorkeeper
from gateway.bluetooth.link import DISCONNECT_TIMEOUT_S, Link, LinkFailed, NotBonded, Vanished
from gateway.bluetooth.meter import MEMORIES, MeterVisit
from gateway.bluetooth.repair import forget, heard_unbonded, pair
from gateway.bluetooth.scanner import Sighting
from gateway.bluetooth.subscriptions import MEASUREMENTS, pushed, subscribe
from gateway.dialogue import Dialogue, Outcome
from gateway.journal import Journal
from gateway.record import Record, SessionFacts
from gateway.session_end import coincidence, newest
from gateway.timeline import guessed_lag_ms, right_time, setting
from gateway.visit import COMPLETE, Command, Event, Order, State, Visit
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.gatt import uuids
from schemas.gatt.racp import FilterType
from schemas.reading import Coincidence

FIRST_RECORD_TIMEOUT_S = 30.0
SILENCE_S = 2.0  # a cuff that has sent its burst and keeps the link has nothing more
DURABLE_POLL_S = 0.1
DISK_PATIENCE_S = 10.0  # with a device that has not even finished

_WITH_TURN = frozenset({Command.CONNECT, Command.BOND_ANEW})
_WITHOUT_LINK = _WITH_TURN | {Command.AWAIT_TURN, Command.DISCONNECT}

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


class Session:
    """A visit; ``run`` it once."""

    def __init__(
        self, session_id: str, sighting: Sighting, acquaintance: Acquaintance, around: Surroundings
    ) -> None:
        """Prepare to visit what the live scan has sighted, over the adapter that sighted it."""
        self._around = around
        self._acquaintance = acquaintance
        self._radio = sighting.radio
        self._link = Link(sighting.device, self._radio.adapter)
        admission = around.admissions.get(acquaintance.device.address)
        self._visit = Visit(
            around.rng,
            acquaintance.quirk,
            bonded=sighting.paired,
            may_bond_anew=repair_quirk(admission) is not None,
        )
        self._facts = SessionFacts(session_id, acquaintance.device)
        self._dialogue: Dialogue | None = None
        self._fresh: tuple[Coincidence, ...] | None = None
        self._outcome: str | None = None  # of the dialogue, or a refusal
        self._arrived = asyncio.Event()
        self._captured = 0
        self._all_durable = True
        self._has_turn = False
        self._bonded_anew = False
        self._effects: dict[Command, Callable[[Order], Awaitable[Event]]] = {
            Command.AWAIT_TURN: self._await_turn,
            Command.CONNECT: self._connect,
            Command.BOND: self._bond,
            Command.BOND_ANEW: self._bond_anew,
            Command.READ: self._read,
            Command.SUBSCRIBE: self._subscribe,
            Command.SYNC: self._sync,
            Command.DRAIN: self._drain,
            Command.SET_CLOCK: self._set_clock,
            Command.DISCONNECT: self._disconnect,
        }

    @property
    def fruitful(self) -> bool:
        """Whether the device gave something that was not known before."""
        return self._captured > 0 and (self._dialogue is None or self._dialogue.fresh)

    async def run(self) -> str:
        """Visit, and say how it went: ``COMPLETE``, or a reason for the metrics."""
        now_ms = self._around.clock.monotonic_ms
        order = self._visit.begin(now_ms())
        try:
            while order.command is not Command.REST:
                event = await self._carry_out(order)
                log.debug("visit.event", state=self._visit.state.value, happened=event.value)
                order = self._visit.handle(event, now_ms(), self._outcome)
                if order.command not in _WITH_TURN:
                    self._yield_turn()
        except Exception:  # the records wait for this session's end, however it came
            self._end("bug")
            raise
        finally:
            self._yield_turn()
            await self._link.close()
        outcome = self._visit.outcome if self._all_durable else "journal"
        self._end(outcome)
        return outcome

    async def _carry_out(self, order: Order) -> Event:
        """Do what was ordered, but not longer than ordered, nor with what is gone."""
        effect = asyncio.ensure_future(self._effect(order))
        bluez_lost = asyncio.ensure_future(self._radio.lost.wait())
        link_lost = asyncio.ensure_future(self._link.lost.wait())
        watched = {effect, bluez_lost}
        if order.command not in _WITHOUT_LINK:
            watched.add(link_lost)
        try:
            longest_s = order.after_s + order.within_s
            await asyncio.wait(watched, timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
            if bluez_lost.done():
                return Event.ADAPTER_LOST
            if link_lost in watched and link_lost.done():
                return self._departure()
            return effect.result() if effect.done() else Event.DEADLINE
        finally:
            for task in (effect, bluez_lost, link_lost):
                task.cancel()
            # bleak says goodbye to bluetoothd before it lets itself be cancelled.
            with suppress(TimeoutError):
                async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
                    await asyncio.gather(effect, bluez_lost, link_lost, return_exceptions=True)

    async def _effect(self, order: Order) -> Event:
        """Turn what goes wrong with any command into an event."""
        await asyncio.sleep(order.after_s)
        try:
            return await self._effects[order.command](order)
        except NotBonded as error:
            log.warning("session.failed", reason=error.cause)
            return Event.NOT_BONDED
        except LinkFailed as error:
            log.info("session.failed", reason=error.cause)
            # A fast cuff may have given everything before BlueZ answered to the subscription.
            gone = self._captured or self._link.lost.is_set()
            return self._departure() if gone else Event.FAILED
        except UnavailableError as error:
            log.error("session.failed", reason=error.cause, way_out=error.way_out)
            return Event.DISK_REFUSES

    def _departure(self) -> Event:
        """Judge a link that the device dropped: a cuff does so when it has given everything.

        One that gave nothing broke off, unless its kind is known to leave when it has nothing.
        """
        if self._dialogue is not None:
            complete = self._dialogue.complete
        else:
            quirk, drains = self._visit.quirk, self._visit.state is State.DRAINING
            leaves_early = drains and quirk is not None and quirk.leaves_early
            complete = self._captured > 0 or leaves_early
        return Event.LEFT if complete else Event.LINK_LOST

    # One effect per command.

    async def _await_turn(self, _order: Order) -> Event:
        await self._radio.connecting.acquire()
        self._has_turn = True
        return Event.TURN

    def _yield_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._radio.connecting.release()

    async def _connect(self, order: Order) -> Event:
        try:
            await self._link.open(MEASUREMENTS, order.within_s)
        except Vanished as error:
            log.info("session.failed", reason=error.cause)
            return Event.VANISHED
        except LinkFailed as error:
            log.info("connect.failed", reason=error.cause)
            return Event.LINK_REFUSED if self._link.lost.is_set() else Event.CONNECT_FAILED
        return Event.LINK_UP

    async def _bond(self, _order: Order) -> Event:
        """Only paired devices are visited: BlueZ encrypts with the bond before it tells a link."""
        return Event.BONDED

    async def _bond_anew(self, order: Order) -> Event:
        """Pair without a person; whether it is the same device, its serial number tells then."""
        known, deadline_s = self._acquaintance, asyncio.get_running_loop().time() + order.within_s
        log.warning("bond.anew")
        metrics.BONDED_ANEW.inc()
        self._bonded_anew = True
        known.asked = False
        with self._around.doorkeeper.expecting(known.device.address):
            sighting = await heard_unbonded(known, self._radio)
            self._link = Link(sighting.device, self._radio.adapter)
            await pair(self._link)
            left_s = deadline_s - asyncio.get_running_loop().time()
            await self._link.open(MEASUREMENTS, left_s)
        return Event.BONDED_ANEW

    async def _read(self, _order: Order) -> Event:
        self._facts = await get_acquainted(
            self._link, self._acquaintance, self._around.clock, self._facts.session_id
        )
        self._visit.quirk = self._acquaintance.quirk
        if (refused := await self._refusal()) is not None:
            log.warning("session.refused", reason=refused.value)
            self._outcome = refused.value
            return Event.REFUSED
        self._note_clock()
        self._around.journal.keep_facts(self._facts)
        return Event.ACQUAINTED

    def _note_clock(self) -> None:
        """Find out whether the device's clock was moved since the last visit."""
        devices, address = self._around.journal.devices, self._facts.device.address
        timeline = devices.timeline(address)
        if self._facts.clock is not None:
            timeline = timeline.sight(self._facts.clock, wall.read(self._around.clock))
            devices.keep_timeline(address, timeline)
        self._facts = replace(self._facts, moves=timeline.moves)

    async def _refusal(self) -> Refusal | None:
        """Judge who this is before any record is asked for; what it says first is remembered."""
        admissions, device = self._around.admissions, self._facts.device
        bonded = await self._radio.is_bonded(device.address)
        refused = refusal(
            admissions.get(device.address), device, bonded=bonded, repaired=self._bonded_anew
        )
        if refused is None:
            admissions.learn(device)
        return refused

    async def _subscribe(self, _order: Order) -> Event:
        await subscribe(self._link, self._visit.quirk, self._capture)
        return Event.SUBSCRIBED

    async def _sync(self, _order: Order) -> Event:
        """Ask a device that keeps numbered records for what is new."""
        memory = next((memory for memory in MEMORIES if self._link.has(memory.records)), None)
        if memory is not None and self._link.has(uuids.RECORD_ACCESS_CONTROL_POINT):
            cursor = self._around.journal.devices.cursor(self._facts.device.address)
            quirk = self._acquaintance.quirk
            filter_type = FilterType.SEQUENCE if quirk is None else quirk.sequence_filter
            self._dialogue = Dialogue(cursor, filter_type)
            outcome = await MeterVisit(self._link, self._dialogue, self._capture, memory).run()
            if outcome is Outcome.NOT_BONDED:
                return Event.NOT_BONDED
            self._outcome = outcome.value
        return Event.SYNCED

    async def _drain(self, _order: Order) -> Event:
        """Wait until it has said nothing for a while, and until all of it is on the disk."""
        if pushed(self._link):
            await self._await_silence()
        await self._on_disk()
        return Event.DRAINED

    async def _await_silence(self) -> None:
        while True:
            patience_s = SILENCE_S if self._captured else FIRST_RECORD_TIMEOUT_S
            self._arrived.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._arrived.wait()
            except TimeoutError:
                return

    async def _set_clock(self, _order: Order) -> Event:
        """Set a clock that is wrong. Everything is durable by now; what comes later is told how."""
        known, quirk = self._facts, self._acquaintance.quirk
        moment, zone = wall.read(self._around.clock), self._around.zone_of(known.device.address)
        reached = self._dialogue.reached if self._dialogue is not None else None
        last_number = reached.last if reached is not None and reached.digest else None
        devices, address = self._around.journal.devices, known.device.address
        with suppress(UnavailableError):  # then the next visit finds a clock that somebody moved
            if known.clock is not None:
                right = setting(known.clock, way_of(quirk), moment, zone)
                if right is not None and await set_clock(self._link, quirk, right):
                    shows = right.replace(tzinfo=None)
                    timeline = devices.timeline(address)
                    devices.keep_timeline(
                        address, timeline.set_to(shows, known.clock, moment, last_number)
                    )
                    self._note_set()
            elif self._captured and last_number is not None and zone is not None:
                records = self._around.journal.records_of(known.session_id)
                self._fresh = self._freshness(records)
                lag_ms = guessed_lag_ms(self._fresh, way_of(quirk), moment, zone)
                right = right_time(moment, zone)
                if lag_ms is not None and right and await set_clock(self._link, quirk, right):
                    timeline = devices.timeline(address)
                    devices.keep_timeline(address, timeline.set_blindly(lag_ms, last_number))
                    self._note_set()
        return Event.CLOCK_SET

    def _note_set(self) -> None:
        metrics.CLOCKS_SET.inc()
        log.info("clock.set")

    async def _on_disk(self) -> None:
        """Wait until everything that was captured is on the disk."""
        while not self._around.durable():  # noqa: ASYNC110  (the daemon tries the disk each second)
            await asyncio.sleep(DURABLE_POLL_S)

    async def _disconnect(self, _order: Order) -> Event:
        with suppress(TimeoutError):
            async with asyncio.timeout(DISK_PATIENCE_S):
                await self._on_disk()
        quirk = self._visit.quirk
        if quirk is None or not quirk.subscribe_to_everything:  # that is what it calls paired
            await self._link.unsubscribe()
        await self._link.close()
        if self._bonded_anew and self._outcome == Refusal.SERIAL.value:
            with suppress(LinkFailed):  # a bond with somebody else: refused all the same
                await forget(self._radio, self._facts.device.address)
        return Event.CLOSED

    def _capture(self, number: int, payload: bytes) -> None:
        """Take a notification from bleak: the journal comes before everything else."""
        device = self._facts.device
        record = self._around.capture(
            self._facts.session_id, device.address, f"{number:04x}", payload
        )
        self._all_durable = self._all_durable and record is not None
        self._captured += 1
        self._arrived.set()

    def _end(self, outcome: str) -> None:
        """Write what the session told, and how far the meter was read."""
        journal, session_id = self._around.journal, self._facts.session_id
        try:
            if self._captured:
                records = journal.records_of(session_id)
                told = newest(records) if outcome == COMPLETE else None
                if self._facts.clock is None and self._fresh is None:
                    self._fresh = self._freshness(records)
                fresh = self._fresh or ()
                journal.keep_facts(
                    replace(self._facts, ended=True, newest=told, coincidences=fresh)
                )
            else:
                journal.drop_facts(session_id)
            reached = self._dialogue.reached if self._dialogue is not None else None
            if reached is not None and self._all_durable:
                journal.devices.move_cursor(self._facts.device.address, reached)
        except UnavailableError as error:
            log.error("session.not_kept", reason=error.cause, way_out=error.way_out)
        self._around.told(session_id)

    def _freshness(self, records: list[Record]) -> tuple[Coincidence, ...]:
        """Keep what the stamps tell of a clock that could not be read."""
        devices, address = self._around.journal.devices, self._facts.device.address
        timeline = devices.timeline(address)
        if (found := coincidence(records)) is not None:
            timeline = timeline.met(found)
            devices.keep_timeline(address, timeline)
        return timeline.coincidences
