"""A device that sends by itself what it has: cuffs, scales, thermometers, oximeters.

On subscription it sends everything unsent as a burst of indications, oldest first, each after the
confirmation of the one before, and then drops the link. What was not confirmed is sent again next
time, with the same bytes.
"""

import asyncio
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass

from bumble import gatt
from bumble.device import Connection

from schemas.gatt import omron_advertisement
from schemas.gatt.omron_advertisement import Advertisement, Flags, Memory
from simulators.peripherals import attributes
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.faults import DropLink, LoseConfirmation, Stall
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits, Keeps
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.peripheral import Peripheral

__all__ = ["BurstSender"]

# Like a real one: when the memory is full the oldest measurement is overwritten.
MEMORY_RECORDS = 250
_INDICATE = b"\x02\x00"  # as a subscription is written


@dataclass(slots=True, eq=False)
class _Kept:
    """A measurement in the memory; `number` counts those of its user, from 1."""

    payload: bytes
    user: int | None
    number: int
    handed_over: bool = False


class BurstSender(Peripheral):
    """What such devices share; each kind adds its measurement."""

    measurement_number: int
    feature_number: int
    users: tuple[int, ...] = ()

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        habits: Habits = AS_THE_STANDARD_SAYS,
    ) -> None:
        """Begin with an empty memory."""
        super().__init__(identity, clock, ledger, habits)
        self._memory: deque[_Kept] = deque(maxlen=MEMORY_RECORDS)
        self._taken_by: dict[int | None, int] = {}
        self._sending: Connection | None = None  # to whom a burst is under way
        self._remembers = False  # that its host has subscribed, and not ended it

    @property
    def pending(self) -> int:
        """How many measurements wait to be handed over."""
        return sum(not kept.handed_over for kept in self._memory)

    def take_payload(self, payload: bytes, user: int | None = None) -> bytes:
        """Measure exactly these bytes, whatever they mean; return them."""
        number = self._taken_by[user] = self._taken_by.get(user, 0) + 1
        self._memory.append(_Kept(payload, user, number))
        self.ledger.take(self.measurement_number, payload)
        self._refresh_advertising()
        return payload

    @abstractmethod
    def feature(self) -> bytes:
        """Return what it can notice, as its feature characteristic says it."""

    def _has_something(self) -> bool:
        return self.pending > 0

    def _maker_data(self) -> bytes:
        if not self._habits.advertises_unread:
            return b""
        said = Advertisement(
            flags=Flags.PAIRING_MODE if self.bonds.pairing_mode else Flags(0),
            users=tuple(self._memory_of(user) for user in self.users or (None,)),
        )
        company = omron_advertisement.COMPANY.to_bytes(2, "little")
        return company + omron_advertisement.encode(said)

    def _memory_of(self, user: int | None) -> Memory:
        records = sum(kept.user == user for kept in self._memory)
        return Memory(self._taken_by.get(user, 0), records)

    def _own_service(self) -> gatt.Service:
        self._measurement = self._push_on(attributes.indicated(self.measurement_number))
        feature = attributes.readable(self.feature_number, self.feature, encrypted=True)
        own = [self._measurement, feature, *self._clock_services.own]
        return attributes.service(self.service_number, own)

    def _on_subscription(
        self,
        characteristic: attributes.Characteristic,
        connection: Connection,
        notify: bool,  # noqa: FBT001 - bumble's
        indicate: bool,  # noqa: FBT001 - bumble's
    ) -> None:
        if characteristic is self._measurement:
            self._remembers = indicate and self._habits.resumes_after_s is not None
        super()._on_subscription(characteristic, connection, notify, indicate)

    def _connected(self, connection: Connection) -> None:
        super()._connected(connection)
        connection.on("connection_encryption_change", lambda: self._encrypted(connection))

    def _encrypted(self, connection: Connection) -> None:
        if (pause_s := self._habits.resumes_after_s) is not None:
            asyncio.get_running_loop().call_later(pause_s, self._resume, connection)

    def _resume(self, connection: Connection) -> None:
        """Behave as if the peer had just subscribed, if it once had."""
        if self._remembers and connection is self._link.connection:
            subscribed = self._device.gatt_server.subscribers.setdefault(connection, {})
            subscribed[self._measurement.handle] = _INDICATE
            self._subscribed(connection)

    def _subscribed(self, connection: Connection) -> None:
        wanted = self._link.wants(connection, self._measurement) and self._may_hand_over()
        if wanted and self._memory and self._sending is not connection:
            self._sending = connection
            self._tasks.spawn(self._hand_over(connection))

    async def _hand_over(self, connection: Connection) -> None:
        """Send the burst, then drop the link."""
        drop, stall = self._faults.take(DropLink), self._faults.take(Stall)
        last = self._habits.drops_link_after if drop is None else drop.after
        sent: list[_Kept] = []
        while (kept := self._next(sent)) is not None and len(sent) != last:
            if stall is not None and len(sent) == stall.after:
                return  # until the peer loses patience, or the idle timeout
            confirmed = await self._link.indicate(connection, self._measurement, kept.payload)
            if not confirmed or self._faults.take(LoseConfirmation) is not None:
                break
            sent.append(kept)
            self._note_confirmed(kept)
        else:
            if kept is None and self._habits.keeps is Keeps.UNTIL_ALL_CONFIRMED:
                self._memory.clear()
        await self._link.drop(connection)

    def _next(self, sent: list[_Kept]) -> _Kept | None:
        """Return the oldest in the memory that this burst has not sent."""
        return next((kept for kept in self._memory if kept not in sent), None)

    def _note_confirmed(self, kept: _Kept) -> None:
        """Only now: until here it may have to be sent again."""
        if not kept.handed_over:
            kept.handed_over = True
            self.ledger.hand_over(self.measurement_number, kept.payload)
        if self._habits.keeps is Keeps.UNTIL_CONFIRMED and kept in self._memory:
            self._memory.remove(kept)
