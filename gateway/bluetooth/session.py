"""One visit to one device: carries out what ``gateway.visit`` orders.

The order matters. The clock is read first: with it a reading's time can be trusted at once. Then
the subscriptions: a cuff answers them with its burst and drops the link; a meter is asked. Each
wait is bounded, and the end of the link or of the adapter ends whatever was waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import msgspec
import structlog

from gateway import metrics
from gateway.admission import Admission, Refusal, quirk_as_admitted, refusal, repair_quirk
from gateway.bluetooth import leftovers
from gateway.bluetooth.acquaintance import Acquaintance, get_acquainted
from gateway.bluetooth.harvest import Harvest, Surroundings
from gateway.bluetooth.link import DISCONNECT_TIMEOUT_S, Link, LinkFailed, NotBonded, Vanished
from gateway.bluetooth.meter import MEMORIES, MeterVisit
from gateway.bluetooth.repair import forget, heard_unbonded, pair
from gateway.bluetooth.scanner import Sighting
from gateway.bluetooth.session_clock import set_wrong_clock, sight_clock
from gateway.bluetooth.subscriptions import MEASUREMENTS, may_be_early, pushed, subscribe
from gateway.dialogue import Dialogue, Outcome
from gateway.record import SessionFacts
from gateway.visit import COMPLETE, Command, Event, Order, State, Visit
from schemas.errors import UnavailableError
from schemas.gatt import uuids
from schemas.gatt.racp import FilterType

DISK_PATIENCE_S = 10.0  # with a device that has not even finished

_WITH_TURN = frozenset({Command.CONNECT, Command.BOND_ANEW})
_WITHOUT_LINK = _WITH_TURN | {Command.AWAIT_TURN, Command.DISCONNECT}

log = structlog.get_logger(__name__)


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
        facts = SessionFacts(
            session_id,
            acquaintance.device,
            features=dict(acquaintance.features),
            name=acquaintance.name,
        )
        self._harvest = Harvest(facts, around)
        self._dialogue: Dialogue | None = None
        self._outcome: str | None = None  # of the dialogue, or a refusal
        self._has_turn = False
        self._bonded = False  # bluetoothd said so within this session
        self._believed = False
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
        return self._harvest.captured > 0 and (self._dialogue is None or self._dialogue.fresh)

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
        outcome = self._visit.outcome if self._harvest.all_durable else "journal"
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
            gone = self._harvest.captured or self._link.lost.is_set()
            return self._departure() if gone else Event.FAILED
        except UnavailableError as error:
            log.error("session.failed", reason=error.cause, way_out=error.way_out)
            return Event.DISK_REFUSES

    def _departure(self) -> Event:
        """Judge a link that the device dropped: a cuff does so when it has given everything.

        One that gave nothing broke off, unless its kind is known to leave when it has nothing.
        """
        self._believe_its_bond()
        if self._dialogue is not None:
            complete = self._dialogue.complete
        else:
            quirk, drains = self._visit.quirk, self._visit.state is State.DRAINING
            leaves_early = drains and quirk is not None and quirk.leaves_early
            complete = self._harvest.captured > 0 or leaves_early
        return Event.LEFT if complete else Event.LINK_LOST

    def _believe_its_bond(self) -> None:
        """Judge one that left before it said its serial number by its bond, as one that says none.

        What the disk refuses now ``Leftovers`` judges, and what bluetoothd did not answer.
        """
        early = self._bonded and not self._believed and self._outcome is None
        if early and not self._is_refused():
            with suppress(UnavailableError):
                self._believe()

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
        known.device = msgspec.structs.replace(known.device, serial=None)  # it must say it anew
        with self._around.doorkeeper.expecting(known.device.address):
            sighting = await heard_unbonded(known, self._radio)
            self._link = Link(sighting.device, self._radio.adapter)
            await pair(self._link)
            left_s = deadline_s - asyncio.get_running_loop().time()
            await self._link.open(MEASUREMENTS, left_s)
        return Event.BONDED_ANEW

    async def _read(self, _order: Order) -> Event:
        """Ask who it is, and begin to listen before it answers if its kind lets us.

        A bonded device may remember an earlier subscription and send as soon as it is connected.
        """
        known, admissions = self._acquaintance, self._around.admissions
        admission = admissions.get(known.device.address)
        early = admission is not None and not self._bonded_anew and self._is_known(admission)
        if early:
            self._harvest.hold_back()
        asked_bond = asyncio.create_task(self._ask_bond())
        try:
            await get_acquainted(
                self._link,
                known,
                self._around.clock,
                self._harvest.note_clock,
                self._listen if early else _listen_later,
            )
            await asked_bond
        finally:
            asked_bond.cancel()
        self._visit.quirk = known.quirk
        if self._is_refused():
            return Event.REFUSED
        admissions.learn(known.device)
        self._believe()
        return Event.ACQUAINTED

    def _is_refused(self) -> bool:
        """Judge who this is, by what it has said so far."""
        known = self._acquaintance
        refused = refusal(
            self._around.admissions.get(known.device.address),
            known.device,
            bonded=self._bonded,
            repaired=self._bonded_anew,
        )
        if refused is not None:
            log.warning("session.refused", reason=refused.value)
            self._outcome = refused.value
            known.doubted = True
            self._harvest.refuse()
        return refused is not None

    def _is_known(self, admission: Admission) -> bool:
        """Tell whether it was read before, and of a kind that may be subscribed to early."""
        known = self._acquaintance
        doubted = known.doubted or self._around.journal.devices.is_doubted(known.device.address)
        if doubted or (admission.model is None and not known.asked):
            return False  # it keeps better what we might have to refuse
        return may_be_early(quirk_as_admitted(admission)) and may_be_early(known.quirk)

    async def _ask_bond(self) -> None:
        self._bonded = await self._radio.is_bonded(self._acquaintance.device.address)

    async def _listen(self) -> None:
        await subscribe(self._link, self._acquaintance.quirk, self._harvest.capture)

    def _believe(self) -> None:
        """It is the device that a person paired: its records count, by what it said of itself.

        Raises ``UnavailableError`` if the disk refuses.
        """
        known, facts = self._acquaintance, self._harvest.facts
        facts = replace(facts, device=known.device, name=known.name, features=dict(known.features))
        leftovers.attribute(self._around, facts, but=facts.session_id)
        moves = sight_clock(known.device.address, facts.clock, self._around)
        self._harvest.facts = replace(facts, moves=moves)
        self._harvest.believe()
        self._believed, known.doubted = True, False

    async def _subscribe(self, _order: Order) -> Event:
        await self._listen()
        return Event.SUBSCRIBED

    async def _sync(self, _order: Order) -> Event:
        """Ask a device that keeps numbered records for what is new."""
        memory = next((memory for memory in MEMORIES if self._link.has(memory.records)), None)
        if memory is not None and self._link.has(uuids.RECORD_ACCESS_CONTROL_POINT):
            cursor = self._around.journal.devices.cursor(self._acquaintance.device.address)
            quirk = self._acquaintance.quirk
            filter_type = FilterType.SEQUENCE if quirk is None else quirk.sequence_filter
            self._dialogue = Dialogue(cursor, filter_type)
            outcome = await MeterVisit(
                self._link, self._dialogue, self._harvest.capture, memory
            ).run()
            if outcome is Outcome.NOT_BONDED:
                return Event.NOT_BONDED
            self._outcome = outcome.value
        return Event.SYNCED

    async def _drain(self, _order: Order) -> Event:
        """Wait until it has said nothing for a while, and until all of it is on the disk."""
        if pushed(self._link):
            await self._harvest.silence()
        await self._harvest.on_disk()
        return Event.DRAINED

    async def _set_clock(self, _order: Order) -> Event:
        reached = self._dialogue.reached if self._dialogue is not None else None
        last_number = reached.last if reached is not None and reached.digest else None
        await set_wrong_clock(
            self._link, self._acquaintance.quirk, self._harvest, last_number, self._around
        )
        return Event.CLOCK_SET

    async def _disconnect(self, _order: Order) -> Event:
        with suppress(TimeoutError):
            async with asyncio.timeout(DISK_PATIENCE_S):
                await self._harvest.on_disk()
        quirk = self._visit.quirk
        if quirk is None or not quirk.subscribe_to_everything:  # that is what it calls paired
            await self._link.unsubscribe()
        await self._link.close()
        if self._bonded_anew and self._outcome == Refusal.SERIAL.value:
            with suppress(LinkFailed):  # a bond with somebody else: refused all the same
                await forget(self._radio, self._acquaintance.device.address)
        return Event.CLOSED

    def _end(self, outcome: str) -> None:
        """Write what the session told, and how far the meter was read."""
        devices, address = self._around.journal.devices, self._acquaintance.device.address
        try:
            if self._harvest.held_back:
                self._believe_its_bond()
            self._harvest.end(complete=outcome == COMPLETE)
            if (low := self._harvest.battery_low) is not None:
                self._acquaintance.battery_low = low
            reached = self._dialogue.reached if self._dialogue is not None else None
            if reached is not None and self._harvest.all_durable:
                devices.move_cursor(address, reached)
        except UnavailableError as error:
            log.error("session.not_kept", reason=error.cause, way_out=error.way_out)
        finally:
            self._around.told(self._harvest.facts.session_id)


async def _listen_later() -> None:
    """Do nothing: the subscriptions have a step of their own."""
