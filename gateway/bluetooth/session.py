"""One visit to one device: carries out what ``gateway.visits.visit`` orders, and tells how it went.

Each wait is bounded, and the end of the link or of the adapter ends whatever was waiting. What an
order does at the link is in ``gateway.bluetooth.effects``.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace

import structlog

from gateway.admission.admission import repair_quirk
from gateway.bluetooth.acquaintance import Acquaintance
from gateway.bluetooth.effects import Effects
from gateway.bluetooth.harvest import Harvest, Surroundings
from gateway.bluetooth.link import DISCONNECT_TIMEOUT_S, Link, LinkFailed, NotBonded
from gateway.bluetooth.scanner import Sighting
from gateway.decoding.session_end import NO_MEMORY, Memory
from gateway.journal.known_devices import Battery
from gateway.record import SessionFacts
from gateway.visits.table import COMPLETE, Command, Event, State
from gateway.visits.visit import Order, Visit
from schemas.errors import UnavailableError

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
        link = Link(sighting.device, self._radio.adapter)
        self._effects = Effects(link, self._radio, acquaintance, self._harvest, around)

    @property
    def fruitful(self) -> bool:
        """Whether the device gave something that was not known before."""
        dialogue = self._effects.dialogue
        return self._harvest.captured > 0 and (dialogue is None or dialogue.gathered.fresh)

    @property
    def linked(self) -> bool | None:
        """Whether a link came about; None: that was not tried."""
        return self._visit.linked

    async def run(self) -> str:
        """Visit, and say how it went: ``COMPLETE``, or a reason for the metrics."""
        now_ms = self._around.clock.monotonic_ms
        order = self._visit.begin(now_ms())
        try:
            while order.command is not Command.REST:
                event = await self._carry_out(order)
                log.debug("visit.event", state=self._visit.state.value, happened=event.value)
                self._visit.quirk = self._acquaintance.quirk
                order = self._visit.handle(event, now_ms(), self._outcome)
                if self.linked:
                    self._radio.linked.add(self._harvest.facts.session_id)
                if order.command not in _WITH_TURN:
                    self._effects.yield_turn()
        except Exception:  # the records wait for this session's end, however it came
            self._end("bug")
            raise
        finally:
            self._effects.yield_turn()
            await self._effects.link.close()
            self._radio.linked.discard(self._harvest.facts.session_id)
        outcome = self._visit.outcome if self._harvest.all_durable else "journal"
        self._end(outcome)
        return outcome

    @property
    def _outcome(self) -> str | None:
        """Why the device was refused, or how its dialogue ended."""
        ended = self._effects.recognition.refused or self._effects.dialogue_outcome
        return None if ended is None else ended.value

    async def _carry_out(self, order: Order) -> Event:
        """Do what was ordered, but not longer than ordered, nor with what is gone."""
        effect = asyncio.ensure_future(self._effect(order))
        bluez_lost = asyncio.ensure_future(self._radio.lost.wait())
        link_lost = asyncio.ensure_future(self._effects.link.lost.wait())
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
            return await self._effects.of[order.command](order)
        except NotBonded as error:
            log.warning("session.failed", reason=error.cause)
            return Event.NOT_BONDED
        except LinkFailed as error:
            log.info("session.failed", reason=error.cause)
            # A fast cuff may have given everything before BlueZ answered to the subscription.
            gone = self._harvest.captured or self._effects.link.lost.is_set()
            return self._departure() if gone else Event.FAILED
        except UnavailableError as error:
            log.error("session.failed", reason=error.cause, way_out=error.way_out)
            self._around.intake.complain(error)
            return Event.DISK_REFUSES

    def _departure(self) -> Event:
        """Judge a link that the device dropped: a cuff does so when it has given everything.

        One that gave nothing broke off, unless its kind is known to leave when it has nothing.
        """
        self._effects.recognition.judge_by_its_bond()
        if (dialogue := self._effects.dialogue) is not None:
            complete = dialogue.complete
        else:
            quirk, drains = self._visit.quirk, self._visit.state is State.DRAINING
            leaves_early = drains and quirk is not None and quirk.leaves_early
            complete = self._harvest.captured > 0 or leaves_early
        return Event.LEFT if complete else Event.LINK_LOST

    def _end(self, outcome: str) -> None:
        """Write what the session told, and how far the meter was read."""
        devices, address = self._around.journal.devices, self._acquaintance.device.address
        try:
            if self._harvest.held_back:
                self._effects.recognition.judge_by_its_bond()
            dialogue = self._effects.dialogue
            memory = NO_MEMORY
            if dialogue is not None:
                memory = Memory(dialogue.gathered.newest, dialogue.gathered.known)
            memory = self._decide(memory, complete=outcome == COMPLETE)
            self._harvest.end(complete=outcome == COMPLETE, memory=memory)
            if (low := self._harvest.battery_low) is not None:
                self._acquaintance.battery_low = low
            if self._acquaintance.battery != Battery():
                devices.keep_battery(address, self._acquaintance.battery)
            reached = dialogue.reached if dialogue is not None else None
            if reached is not None and self._harvest.all_durable:
                devices.move_cursor(address, reached)
        except UnavailableError as error:
            log.error("session.not_kept", reason=error.cause, way_out=error.way_out)
            self._around.intake.complain(error)
        finally:
            if (waits := self._harvest.undecided) is not None:
                self._acquaintance.undecided.append(waits)
            else:
                self._around.told(self._harvest.facts.session_id)

    def _decide(self, memory: Memory, *, complete: bool) -> Memory:
        """Tell of earlier visits, which broke, what this one shows to have been their newest.

        Give ``memory`` without what is known from them: it comes again now, and leaves perhaps
        before them. Raises ``UnavailableError`` if the disk refuses.
        """
        waiting = self._acquaintance.undecided
        last = self._harvest.last_record(memory) if complete else None
        from_them = memory.known is not None and memory.known.record in {
            one.record for one in waiting
        }
        while complete and waiting:
            one = waiting[0]
            told = one.seq if one.record == last else None
            self._around.journal.keep_facts(replace(one.facts, newest=told, undecided=None))
            self._around.told(waiting.popleft().facts.session_id)
        return Memory(memory.last) if from_them else memory
