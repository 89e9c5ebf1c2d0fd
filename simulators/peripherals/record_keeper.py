"""A device that keeps numbered records and hands them over by the record access control point.

It advertises for a while after a measurement. A record counts as handed over when it was notified
in a procedure whose closing indication was confirmed.
"""

import asyncio
from abc import abstractmethod
from dataclasses import dataclass
from typing import TypeAlias

from bumble import att, gatt
from bumble.device import Connection

from schemas.gatt import racp, uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.racp import (
    CountResponse,
    Opcode,
    Operator,
    Request,
    Response,
    ResponseCode,
    ResponseValue,
)
from simulators.peripherals import attributes
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.faults import DropLink, Stall
from simulators.peripherals.habits import Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.peripheral import Peripheral
from simulators.peripherals.records import Record, RecordStore, select

__all__ = ["NORDIC_ERRORS", "KeeperBehaviour", "RacpErrors", "RecordKeeper"]

Payload: TypeAlias = tuple[int, bytes]
"""The characteristic's assigned number, and the bytes."""


@dataclass(frozen=True)
class RacpErrors:
    """The ATT codes of refused requests; two families are in the field."""

    in_progress: int = 0xFE
    cccd_not_configured: int = 0xFD


NORDIC_ERRORS = RacpErrors(in_progress=0x80, cccd_not_configured=0x81)


@dataclass(frozen=True)
class KeeperBehaviour:
    """In what such devices differ as to their records."""

    first_sequence: int = 1
    advertise_s: float = 120.0
    errors: RacpErrors = RacpErrors()
    erases_after_transfer: bool = False
    """It keeps a record only until it has been handed over."""
    sends_twice: bool = False
    """Each record comes twice within a transfer: github.com/NightscoutFoundation/xDrip#138."""
    contexts_last: bool = False
    """Contexts come behind all measurements of a transfer, not each behind its own."""
    shows_no_last: bool = False
    """It knows no request for its last record."""
    leaves_when_empty: bool = False
    """It drops the link as soon as nothing waits any more."""


class RecordKeeper(Peripheral):
    """What such devices share; each kind adds how it writes a record."""

    record_number: int
    context_number: int | None = None
    feature_number: int

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        keeping: KeeperBehaviour,
        habits: Habits,
    ) -> None:
        """Begin with an empty memory."""
        super().__init__(identity, clock, ledger, habits)
        self._keeping = keeping
        self._store = RecordStore(keeping.first_sequence)
        self._handed_over: set[Payload] = set()
        self._advertising_window: asyncio.TimerHandle | None = None
        self._serving: Connection | None = None  # whose procedure runs
        self._aborted = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many measurements and contexts wait to be handed over."""
        return sum(
            len({number for number, _ in {*self._payloads(record)} - self._handed_over})
            for record in self._store.all()
        )

    def take_payload(
        self, measurement: bytes, context: bytes | None = None, continued: tuple[bytes, ...] = ()
    ) -> Record:
        """Store exactly these bytes, whatever they mean; return the record."""
        record = self._store.add(measurement, context, continued)
        for payload in self._payloads(record):
            self.ledger.take(*payload)
        self.announce()
        return record

    def announce(self) -> None:
        """Advertise for a while if something waits, as after a press of the transfer button."""
        self._end_window()
        loop = asyncio.get_running_loop()
        self._advertising_window = loop.call_later(self._keeping.advertise_s, self._end_window)
        self._refresh_advertising()

    async def stop(self) -> None:
        """Switch it off."""
        self._end_window()
        await super().stop()

    def _end_window(self) -> None:
        if self._advertising_window is not None:
            self._advertising_window.cancel()
        self._advertising_window = None
        self._refresh_advertising()

    def _has_something(self) -> bool:
        return self._advertising_window is not None and self.pending > 0

    @abstractmethod
    def feature(self) -> bytes:
        """Return what it can notice, as its feature characteristic says it."""

    def _further(self) -> list[Characteristic]:
        """Build what its service has beside its records."""
        return []

    def _own_service(self) -> gatt.Service:
        numbers = (self.record_number, self.context_number)
        self._pushed = {
            number: self._push_on(attributes.notified(number))
            for number in numbers
            if number is not None
        }
        self._control_point = self._push_on(
            attributes.indicated(uuids.RECORD_ACCESS_CONTROL_POINT, self._requested)
        )
        feature = attributes.readable(self.feature_number, self.feature, encrypted=True)
        own = [*self._pushed.values(), feature, self._control_point, *self._further()]
        return attributes.service(self.service_number, [*own, *self._clock_services.own])

    def _payloads(self, record: Record) -> list[Payload]:
        """Return what goes over the air for a record, by characteristic."""
        measurement = (record.measurement, *record.continued)
        payloads = [(self.record_number, payload) for payload in measurement]
        if record.context is not None and self.context_number is not None:
            payloads.append((self.context_number, record.context))
        return payloads

    # The record access control point.

    def _requested(self, connection: Connection, payload: bytes) -> None:
        """Accept a request, or refuse it with an ATT error; the answer comes as an indication."""
        needed = (self._control_point, self._pushed[self.record_number])
        subscribed = all(self._link.wants(connection, characteristic) for characteristic in needed)
        if not (subscribed and self._may_hand_over()):
            raise att.ATT_Error(self._keeping.errors.cccd_not_configured)
        try:
            request = racp.decode_request(payload)
        except MalformedPayload as error:
            raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR) from error
        if self._serving is None:
            self._serving = connection
            self._aborted.clear()
            self._tasks.spawn(self._perform(connection, request))
        elif request.opcode is Opcode.ABORT:
            self._aborted.set()  # what runs answers it
        else:
            raise att.ATT_Error(self._keeping.errors.in_progress)

    def _disconnected(self, reason: int) -> None:
        self._serving = None
        self._aborted.set()
        super()._disconnected(reason)

    async def _perform(self, connection: Connection, request: Request) -> None:
        if request.opcode is Opcode.ABORT:
            nothing_to_abort = ResponseCode(Opcode.ABORT, ResponseValue.ABORT_UNSUCCESSFUL)
            await self._close(connection, nothing_to_abort)
            return
        selected = select(request, self._store.all())
        if request.operator is Operator.LAST and self._keeping.shows_no_last:
            selected = ResponseValue.OPERATOR_NOT_SUPPORTED
        if isinstance(selected, ResponseValue):
            await self._close(connection, ResponseCode(request.opcode, selected))
        elif request.opcode is Opcode.REPORT_COUNT:
            await self._close(connection, CountResponse(len(selected)))
        elif not selected:
            nothing = ResponseCode(request.opcode, ResponseValue.NO_RECORDS_FOUND)
            await self._close(connection, nothing)
        else:
            await self._report(connection, selected, whole=request.operator is not Operator.LAST)

    async def _report(
        self, connection: Connection, records: tuple[Record, ...], *, whole: bool
    ) -> None:
        """Hand records over; faults wait for a transfer, of which the last record alone is none."""
        drop = self._faults.take(DropLink) if whole else None
        goes_without_a_word = drop is not None and drop.after == len(records)
        stall = self._faults.take(Stall) if whole else None
        if drop is None and self._habits.drops_link_after is not None:
            drop = DropLink(self._habits.drops_link_after)
        sent: list[Payload] = []
        for number, record in enumerate(records):
            if drop is not None and number == drop.after:
                await self._send(connection, record, drop.notifications)
                await self._link.drop(connection)
                return
            if stall is not None and number == stall.after:
                await self._aborted.wait()
            if self._aborted.is_set():
                await self._close(connection, ResponseCode(Opcode.ABORT, ResponseValue.SUCCESS))
                return
            without_context = self._keeping.contexts_last and record.context is not None
            for _ in range(2 if self._keeping.sends_twice else 1):
                sent += await self._send(connection, record, -1 if without_context else None)
        if stall is not None and stall.after == len(records):
            await self._aborted.wait()
            return
        if self._keeping.contexts_last:
            sent += await self._send_contexts(connection, records)
        if goes_without_a_word:
            await self._link.drop(connection)
        else:
            await self._end_transfer(connection, sent)

    async def _end_transfer(self, connection: Connection, sent: list[Payload]) -> None:
        """Say that this was all."""
        done = ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.SUCCESS)
        if not await self._close(connection, done):
            return
        self._note_handed_over(sent)
        if self._keeping.leaves_when_empty and not self.pending:
            await self._link.drop(connection)

    async def _send(
        self, connection: Connection, record: Record, most: int | None = None
    ) -> list[Payload]:
        """Notify what the peer subscribed to, `most` at most; return what went out."""
        sent = []
        for number, payload in self._payloads(record)[:most]:
            if await self._link.notify(connection, self._pushed[number], payload):
                sent.append((number, payload))
        return sent

    async def _send_contexts(
        self, connection: Connection, records: tuple[Record, ...]
    ) -> list[Payload]:
        """Notify what came behind nothing yet; return what went out."""
        payloads = [payload for record in records for payload in self._payloads(record)]
        contexts = [payload for payload in payloads if payload[0] == self.context_number]
        return [
            (number, payload)
            for number, payload in contexts
            if await self._link.notify(connection, self._pushed[number], payload)
        ]

    async def _close(self, connection: Connection, response: Response) -> bool:
        """End the procedure; True if the peer confirmed. It may ask again as soon as it did."""
        if self._serving is connection:
            self._serving = None
        return await self._link.indicate(
            connection, self._control_point, racp.encode_response(response)
        )

    def _note_handed_over(self, sent: list[Payload]) -> None:
        """Write down what was received for the first time."""
        for payload in sent:
            if payload not in self._handed_over:
                self._handed_over.add(payload)
                self.ledger.hand_over(*payload)
        if self._keeping.erases_after_transfer:
            self._store.erase(lambda record: self._handed_over.issuperset(self._payloads(record)))
