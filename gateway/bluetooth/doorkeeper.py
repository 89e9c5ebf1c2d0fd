"""The daemon's own answers to bluetoothd: nothing pairs here unless it is being paired on purpose.

Its agent is the default one as long as the daemon runs, so that a device that asks for security by
itself, or a spoofed one that wants a bond made anew, is refused and counted. bluetoothd forgets
agents when it restarts; this one comes back by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import structlog
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from gateway import metrics
from gateway.addresses import short
from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.admission.advert import is_bonded
from gateway.bluetooth.agent import register, request_default
from gateway.bluetooth.bluez import (
    ADAPTER_INTERFACE,
    BLUEZ,
    BUS,
    DEVICE_INTERFACE,
    SERVICES,
    call,
    objects,
    system_bus,
    to_bus,
)
from gateway.bluetooth.pairing import remove_bonds
from schemas.backoff import Backoff
from schemas.errors import UnavailableError

DEFAULT_AGAIN_S = 30.0
"""bluetoothd tells nobody that another agent has become the default one. As often it is looked for
bonds that are to go."""

log = structlog.get_logger(__name__)


class Doorkeeper:
    """Registers the agent, adopts what was paired before, and answers for the daemon."""

    def __init__(self, admissions: Admissions, rng: Random) -> None:
        """Begin with ``run``."""
        self._admissions = admissions
        self._backoff = Backoff(rng)
        self._expected: Counter[str] = Counter()
        self.registered = asyncio.Event()
        """Set while bluetoothd asks this agent."""
        self.open = asyncio.Event()
        """Set once what was paired before this record began is adopted: who is known is known."""
        if admissions.adopted:
            self.open.set()

    async def run(self) -> None:
        """Keep the agent registered for ever."""
        while True:
            try:
                async with system_bus() as bus:
                    await self._serve(bus)
            except UnavailableError as error:
                log.debug("agent.not_registered", reason=error.cause)
            finally:
                self.registered.clear()
            await asyncio.sleep(self._backoff.next_s())

    @contextmanager
    def expecting(self, address: str) -> Iterator[None]:
        """Let this device pair without display meanwhile: the daemon itself pairs it again."""
        self._expected[address] += 1
        try:
            yield
        finally:
            self._expected[address] -= 1

    # What bluetoothd asks.

    def allows(self, address: str) -> bool:
        """Allow only what the daemon itself is pairing; count everything else."""
        if self._expected[address] > 0:
            return True
        metrics.REFUSED.labels("pairing").inc()
        log.warning("pairing.refused", device=short(address))
        return False

    async def passkey(self, address: str) -> int | None:
        """Nobody is here to read a display."""
        log.info("pairing.needs_person", device=short(address))
        return None

    async def same(self, _address: str, _passkey: int) -> bool:
        """Nobody is here to compare."""
        return False

    def show(self, _address: str, _passkey: int) -> None:
        """Nobody is here to type."""

    # Inside.

    async def _serve(self, bus: MessageBus) -> None:
        """Be the default agent of one run of bluetoothd; return when it ends."""
        changed, plugged = asyncio.Event(), asyncio.Event()

        def on_message(message: Message) -> None:
            if message.message_type is not MessageType.SIGNAL:
                return
            if message.member == "NameOwnerChanged" and message.body[0] == BLUEZ:
                changed.set()
            elif message.member == "InterfacesAdded" and ADAPTER_INTERFACE in message.body[1]:
                plugged.set()

        bus.add_message_handler(on_message)
        for rule in (
            f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
            f"type='signal',sender='{BLUEZ}',member='InterfacesAdded'",
        ):
            await call(bus, to_bus("AddMatch", rule))
        if (await call(bus, to_bus("NameHasOwner", BLUEZ))).body[0]:
            await register(bus, self, default=True)
            self._backoff.reset()
            self.registered.set()
            log.info("agent.registered")
        gone = asyncio.ensure_future(bus.wait_for_disconnect())
        change = asyncio.ensure_future(changed.wait())
        try:
            while not gone.done() and not change.done():
                plugged.clear()
                if self.registered.is_set():
                    await request_default(bus)
                    if self._admissions.adopted or await self._adopt(bus):
                        self.open.set()
                    await self._remove_forgotten(bus)
                plug = asyncio.ensure_future(plugged.wait())
                watched = {gone, change, plug}
                await asyncio.wait(
                    watched, timeout=DEFAULT_AGAIN_S, return_when=asyncio.FIRST_COMPLETED
                )
                plug.cancel()
        finally:
            gone.cancel()
            change.cancel()

    async def _remove_forgotten(self, bus: MessageBus) -> None:
        """Remove the bonds that a person gave up while their adapter was away or switched off."""
        for address in self._admissions.bonds_to_go():
            try:
                if await remove_bonds(bus, address):
                    self._admissions.bond_may_stay(address)
                    log.info("bond.removed", device=short(address))
            except (DBusError, TimeoutError, UnavailableError) as error:
                reason = type(error).__name__  # each time: what ails the adapter is told elsewhere
                log.debug("bond.not_removed", device=short(address), reason=reason)

    async def _adopt(self, bus: MessageBus) -> bool:
        """Admit what was paired before there was a record of it; tell whether that is done.

        bluetoothd shows no bond before it has an adapter, which may take a while after its start.
        """
        shown = (await objects(bus)).values()
        if not any(ADAPTER_INTERFACE in interfaces for interfaces in shown):
            return False
        devices = [
            interfaces[DEVICE_INTERFACE] for interfaces in shown if DEVICE_INTERFACE in interfaces
        ]
        found = [
            Admission(
                address=str(device["Address"]).upper(),
                by=AdmittedBy.ADOPTION,
                name=str(device.get("Alias", "")),
            )
            for device in devices
            if is_bonded(device) and set(SERVICES) & set(device.get("UUIDs", []))
        ]
        self._admissions.adopt(found)
        log.info("devices.adopted", count=len(found))
        return True
