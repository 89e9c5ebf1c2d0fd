"""Ground truth: what a device measured, and what somebody outside has certainly received."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

from schemas.clock import Clock
from simulators.peripherals.clock import utc

__all__ = ["Entry", "Happened", "Ledger"]

Happened: TypeAlias = Literal["measured", "handed over"]


class Entry(Struct, frozen=True):
    """One payload of a device; `characteristic` as four hex digits, `payload` as hex."""

    device: str
    characteristic: str
    payload: str
    at: datetime


class Ledger:
    """The two lists of one device, both only growing.

    A payload is handed over when the device itself has proof: the confirmation of its indication,
    or of the indication that closed the transfer it was part of. One whose proof was lost with the
    link may have arrived all the same; the device sends it again.
    """

    def __init__(self, device: str, clock: Clock) -> None:
        """Write entries of `device`, stamped by the true time."""
        self._device = device
        self._clock = clock
        self.watch: Callable[[Happened, Entry], None] = _nobody_watches
        self.taken: list[Entry] = []
        self.handed_over: list[Entry] = []

    def take(self, characteristic: int, payload: bytes) -> None:
        """Write down that this was measured."""
        entry = self._entry(characteristic, payload)
        self.taken.append(entry)
        self.watch("measured", entry)

    def hand_over(self, characteristic: int, payload: bytes) -> None:
        """Write down that this was received."""
        entry = self._entry(characteristic, payload)
        self.handed_over.append(entry)
        self.watch("handed over", entry)

    def _entry(self, characteristic: int, payload: bytes) -> Entry:
        return Entry(self._device, f"{characteristic:04x}", payload.hex(), utc(self._clock))


def _nobody_watches(_happened: Happened, _entry: Entry) -> None:
    """Hear nothing."""
