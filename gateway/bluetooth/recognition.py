"""From whom a visit's records are: its bond, then its serial number, held against the admission.

Until that is known, what the device sends stays in the journal's anteroom (``Harvest.hold_back``).
"""

from contextlib import suppress
from dataclasses import replace

import structlog

from gateway.admission.admission import Admission, Refusal, quirk_as_admitted, refusal
from gateway.bluetooth import leftovers
from gateway.bluetooth.acquaintance import Acquaintance
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.harvest import Harvest, Surroundings
from gateway.bluetooth.session_clock import sight_clock
from gateway.bluetooth.subscriptions import may_be_early
from schemas.errors import UnavailableError

log = structlog.get_logger(__name__)


class Recognition:
    """Of one visit; ``refused`` is why its device is not the admitted one, if it is not."""

    def __init__(self, known: Acquaintance, harvest: Harvest, around: Surroundings) -> None:
        """Begin with a device of which only the address is known."""
        self._known = known
        self._harvest = harvest
        self._around = around
        self._bonded = False  # bluetoothd said so within this visit
        self._believed = False
        self.bonded_anew = False
        """The bond was made within this visit, and no person stood by."""
        self.refused: Refusal | None = None

    async def ask_bond(self, radio: Bluez) -> None:
        """Ask bluetoothd whether it holds a bond with the device."""
        self._bonded = await radio.is_bonded(self._known.device.address)

    def may_listen_early(self) -> bool:
        """Tell whether it may be listened to before it has said who it is.

        It was read before, and is of a kind that bears it. Raises ``UnavailableError`` if the disk
        cannot be read.
        """
        admission = self._admission
        if admission is None or self.bonded_anew:
            return False
        known = self._known
        doubted = known.doubted or self._around.journal.devices.is_doubted(known.device.address)
        if doubted or (admission.model is None and not known.asked):
            return False  # it keeps better what we might have to refuse
        return may_be_early(quirk_as_admitted(admission)) and may_be_early(known.quirk)

    def judge(self) -> bool:
        """Believe it or refuse it, by what it has said so far; tell whether it is believed.

        Raises ``UnavailableError`` if the disk refuses.
        """
        if self._is_refused():
            return False
        self._around.admissions.learn(self._known.device)
        self._believe()
        return True

    def judge_by_its_bond(self) -> None:
        """Judge one that left before it said its serial number as one that says none.

        What the disk refuses now ``Leftovers`` judges, and what bluetoothd did not answer.
        """
        open_yet = self._bonded and not self._believed and self.refused is None
        if open_yet and not self._is_refused():
            with suppress(UnavailableError):
                self._believe()

    @property
    def _admission(self) -> Admission | None:
        return self._around.admissions.get(self._known.device.address)

    def _is_refused(self) -> bool:
        known = self._known
        self.refused = refusal(
            self._admission, known.device, bonded=self._bonded, repaired=self.bonded_anew
        )
        if self.refused is not None:
            log.warning("session.refused", reason=self.refused.value)
            known.doubted = True
            self._harvest.refuse()
        return self.refused is not None

    def _believe(self) -> None:
        """It is the device that a person paired: its records count, by what it said of itself."""
        known, around = self._known, self._around
        facts = replace(
            self._harvest.facts,
            device=known.device,
            name=known.name,
            features=dict(known.features),
        )
        leftovers.attribute(around, facts, but=facts.session_id)
        moves = sight_clock(known.device.address, facts.clock, around)
        self._harvest.facts = replace(facts, moves=moves)
        self._harvest.believe()
        self._believed, known.doubted = True, False
