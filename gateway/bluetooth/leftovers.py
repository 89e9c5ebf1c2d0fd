"""What a visit left in the journal's anteroom, because it ended before it knew from whom that was.

A daemon was killed, or the adapter was lost. Whose it is, the bond says, as with a device that says
no serial number: nobody else has its key (``gateway.admission.admission.refusal``). So it is not
left until the next visit, which may be days away, or never. One that was refused before has to say
who it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from gateway.addresses import short
from gateway.admission.admission import Refusal, refusal
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.harvest import Surroundings
from gateway.decoding.session_end import cut_off
from gateway.record import Record, SessionFacts
from schemas.errors import UnavailableError
from schemas.reading import Device

LOOK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class Leftovers:
    """Judges them, as long as the daemon runs."""

    def __init__(
        self, around: Surroundings, radios: Sequence[Bluez], is_busy: Callable[[str], bool]
    ) -> None:
        """Leave alone what ``is_busy``: a visit that runs knows more soon."""
        self._around = around
        self._radios = radios
        self._is_busy = is_busy
        self._unbonded: dict[str, int] = {}

    @property
    def problems(self) -> list[str]:
        """What waits for a person."""
        return [
            f"{address} sent {count} notifications before it said who it is, and its pairing is "
            f"gone: they wait until it is known; run `vitalwire gateway pair {address}`"
            for address, count in sorted(self._unbonded.items())
        ]

    async def run(self) -> None:
        """Look now and then, for ever; a disk that refuses is tried again."""
        while True:
            try:
                await self.look()
            except UnavailableError as error:
                log.warning("leftovers.not_judged", reason=error.cause)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Judge all once. Raises ``UnavailableError`` if the disk refuses."""
        unbonded: dict[str, int] = {}
        anteroom = self._around.journal.anteroom
        for address in dict.fromkeys(address for _, address in anteroom.sessions()):
            bonded = [await radio.is_bonded(address) for radio in self._radios]
            # Since now, perhaps; and what the disk has not taken yet may be a refusal.
            if self._is_busy(address) or not self._around.intake.works:
                continue
            if self._judge(address, bonded=any(bonded)) is Refusal.NOT_ENCRYPTED:
                unbonded[address] = anteroom.count(address)
        ready = all(radio.ready.is_set() for radio in self._radios)
        self._unbonded = unbonded if ready else {}

    def _judge(self, address: str, *, bonded: bool) -> Refusal | None:
        """Attribute what a device left, refuse it, or let it wait for its bond."""
        around = self._around
        admission = around.admissions.get(address)
        refused = refusal(admission, Device(address), bonded=bonded)
        if refused is None and around.journal.devices.is_doubted(address):
            refused = Refusal.SERIAL
        if refused is None:
            assert admission is not None
            device = Device(address, admission.model, admission.manufacturer, admission.serial)
            attribute(around, SessionFacts("", device, name=admission.name or None))
        elif refused is not Refusal.NOT_ENCRYPTED:
            for session_id, _ in around.journal.anteroom.sessions(address):
                around.intake.refuse(session_id, address)
            log.warning("leftovers.refused", device=short(address), reason=refused.value)
        return refused


def attribute(around: Surroundings, known: SessionFacts, *, but: str | None = None) -> None:
    """Make records of what earlier visits left of a device; ``but`` not of this visit.

    ``known``: what is known of the device now. Raises ``UnavailableError`` if the disk refuses.
    """
    journal, address = around.journal, known.device.address

    def told(facts: SessionFacts, records: list[Record]) -> SessionFacts:
        ended, timeline = cut_off(facts, known, records, journal.devices.timeline(address))
        journal.devices.keep_timeline(address, timeline)
        return ended

    for session_id, _ in journal.anteroom.sessions(address):
        if session_id != but:
            facts = journal.facts_of(session_id, address)
            records = around.intake.attribute(session_id, partial(told, facts))
            log.info("leftovers.attributed", device=short(address), count=len(records))
