"""What a visit's orders do at the link: one method for each command of ``gateway.visits.table``.

The order matters. The clock is read first: with it a reading's time can be trusted at once. Then
the subscriptions: a cuff answers them with its burst and drops the link; a meter is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import structlog

from gateway import metrics
from gateway.admission.admission import Refusal
from gateway.bluetooth.acquaintance import Acquaintance, get_acquainted
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.harvest import Harvest, Surroundings
from gateway.bluetooth.link import Link, LinkFailed, Vanished
from gateway.bluetooth.meter import MEMORIES, MeterVisit
from gateway.bluetooth.recognition import Recognition
from gateway.bluetooth.repair import forget, heard_unbonded, pair
from gateway.bluetooth.session_clock import set_wrong_clock
from gateway.bluetooth.subscriptions import READABLE, pushed, subscribe
from gateway.record_access.dialogue import Dialogue, Outcome
from gateway.visits.table import Command, Event
from gateway.visits.visit import Order
from schemas.gatt import uuids
from schemas.gatt.racp import FilterType

DISK_PATIENCE_S = 10.0  # with a device that has not even finished

log = structlog.get_logger(__name__)


class Effects:
    """Of one visit, over one adapter; ``link`` and ``dialogue`` are what they have made so far."""

    def __init__(
        self, link: Link, radio: Bluez, known: Acquaintance, harvest: Harvest, around: Surroundings
    ) -> None:
        """Do nothing yet."""
        self.link = link
        self.dialogue: Dialogue | None = None
        self.dialogue_outcome: Outcome | None = None
        self.recognition = Recognition(known, harvest, around)
        self._radio = radio
        self._known = known
        self._harvest = harvest
        self._around = around
        self._has_turn = False
        self.of: dict[Command, Callable[[Order], Awaitable[Event]]] = {
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

    def yield_turn(self) -> None:
        """Let another device of this adapter connect."""
        if self._has_turn:
            self._has_turn = False
            self._radio.connecting.release()

    # One for each command.

    async def _await_turn(self, _order: Order) -> Event:
        await self._radio.connecting.acquire()
        self._has_turn = True
        return Event.TURN

    async def _connect(self, order: Order) -> Event:
        try:
            await self.link.open(READABLE, order.within_s)
        except Vanished as error:
            log.info("session.failed", reason=error.cause)
            return Event.VANISHED
        except LinkFailed as error:
            log.info("connect.failed", reason=error.cause)
            return Event.LINK_REFUSED if self.link.lost.is_set() else Event.CONNECT_FAILED
        return Event.LINK_UP

    async def _bond(self, _order: Order) -> Event:
        """Only paired devices are visited: BlueZ encrypts with the bond before it tells a link."""
        return Event.BONDED

    async def _bond_anew(self, order: Order) -> Event:
        """Pair without a person; whether it is the same device, its serial number tells then."""
        known, deadline_s = self._known, asyncio.get_running_loop().time() + order.within_s
        log.warning("bond.anew")
        metrics.BONDED_ANEW.inc()
        self.recognition.bonded_anew = True
        known.asked = False
        known.device = msgspec.structs.replace(known.device, serial=None)  # it must say it anew
        with self._around.doorkeeper.expecting(known.device.address):
            sighting = await heard_unbonded(known, self._radio)
            self.link = Link(sighting.device, self._radio.adapter)
            await pair(self.link)
            left_s = deadline_s - asyncio.get_running_loop().time()
            await self.link.open(READABLE, left_s)
        return Event.BONDED_ANEW

    async def _read(self, _order: Order) -> Event:
        """Ask who it is, and begin to listen before it answers if its kind lets us.

        A bonded device may remember an earlier subscription and send as soon as it is connected.
        """
        early = self.recognition.may_listen_early()
        if early:
            self._harvest.hold_back()
        asked_bond = asyncio.create_task(self.recognition.ask_bond(self._radio))
        try:
            await get_acquainted(
                self.link,
                self._known,
                self._around.clock,
                self._harvest.note_clock,
                self._listen if early else _listen_later,
            )
            await asked_bond
        finally:
            asked_bond.cancel()
        return Event.ACQUAINTED if self.recognition.judge() else Event.REFUSED

    async def _listen(self) -> None:
        await subscribe(self.link, self._known.quirk, self._harvest.capture)

    async def _subscribe(self, _order: Order) -> Event:
        await self._listen()
        return Event.SUBSCRIBED

    async def _sync(self, _order: Order) -> Event:
        """Ask a device that keeps numbered records for what is new."""
        memory = next((memory for memory in MEMORIES if self.link.has(memory.records)), None)
        if memory is not None and self.link.has(uuids.RECORD_ACCESS_CONTROL_POINT):
            cursor = self._around.journal.devices.cursor(self._known.device.address)
            quirk = self._known.quirk
            filter_type = FilterType.SEQUENCE if quirk is None else quirk.sequence_filter
            self.dialogue = Dialogue(cursor, filter_type)
            harvest = self._harvest
            outcome = await MeterVisit(
                self.link, self.dialogue, harvest.capture, memory, harvest.came_before
            ).run()
            if outcome is Outcome.NOT_BONDED:
                return Event.NOT_BONDED
            self.dialogue_outcome = outcome
        return Event.SYNCED

    async def _drain(self, _order: Order) -> Event:
        """Wait until it has said nothing for a while, and until all of it is on the disk."""
        if pushed(self.link):
            await self._harvest.silence()
        await self._harvest.on_disk()
        return Event.DRAINED

    async def _set_clock(self, _order: Order) -> Event:
        reached = self.dialogue.reached if self.dialogue is not None else None
        last_number = reached.last if reached is not None and reached.digest else None
        await set_wrong_clock(
            self.link, self._known.quirk, self._harvest, last_number, self._around
        )
        return Event.CLOCK_SET

    async def _disconnect(self, _order: Order) -> Event:
        with suppress(TimeoutError):
            async with asyncio.timeout(DISK_PATIENCE_S):
                await self._harvest.on_disk()
        quirk = self._known.quirk
        if quirk is None or not quirk.subscribe_to_everything:  # that is what it calls paired
            await self.link.unsubscribe()
        await self.link.close()
        if self.recognition.bonded_anew and self.recognition.refused is Refusal.SERIAL:
            with suppress(LinkFailed):  # a bond with somebody else: refused all the same
                await forget(self._radio, self._known.device.address)
        return Event.CLOSED


async def _listen_later() -> None:
    """Do nothing: the subscriptions have a step of their own."""
