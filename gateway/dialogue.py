"""How to empty a glucose meter through its Record Access Control Point: events in, commands out.

Sans-IO: the shell writes what ``Write`` says, tells every answer and record, and drops the link
when told that the dialogue is over. The order: count; all records if there is no cursor, else those
after it; and all again when the meter is evidently not the one of the cursor (its records were
erased, it was swapped, its numbers wrapped). "No records" is a normal outcome. The caller moves its
cursor only to what ``reached`` gives, and only once the records are durable.
"""

from dataclasses import dataclass
from enum import Enum

from schemas.gatt import racp
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.racp import CountResponse, Request, ResponseCode, ResponseValue

PROCEDURE_TIMEOUT_S = 30.0  # ST's BlueNRG collector; re-armed by each record
ATTEMPTS_MAX = 3

IN_PROGRESS_CODES = frozenset({0x80, 0xFE})  # nRF SDK's own and the common profile code
NOT_SUBSCRIBED_CODES = frozenset({0x81, 0xFD})
NOT_BONDED_CODES = frozenset({0x05, 0x08, 0x0C, 0x0F})

_NOT_UNDERSTOOD = frozenset(
    {
        ResponseValue.OPCODE_NOT_SUPPORTED,
        ResponseValue.INVALID_OPERATOR,
        ResponseValue.OPERATOR_NOT_SUPPORTED,
        ResponseValue.INVALID_OPERAND,
        ResponseValue.OPERAND_NOT_SUPPORTED,
    }
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a meter was read: its last sequence number, and how many records it had then."""

    last: int
    count: int | None = None


class Outcome(Enum):
    """How a dialogue ended; the value is what metrics and logs call it."""

    COMPLETE = "complete"
    SILENT = "racp-timeout"
    NOT_BONDED = "not-bonded"
    NOT_SUBSCRIBED = "not-subscribed"
    REFUSED = "racp-refused"


@dataclass(frozen=True, slots=True)
class Write:
    """Write these bytes to 0x2A52, with response."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe to the record characteristics and to 0x2A52 again: the meter forgot it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more to ask."""

    outcome: Outcome


Command = Write | Subscribe | Finished


class Step(Enum):
    """What the dialogue is waiting for."""

    COUNT = "count"
    RECORDS = "records"
    NEWER = "newer"
    LAST = "last"
    ABORT = "abort"
    OVER = "over"


class Dialogue:
    """One synchronisation. Feed it events in the order in which they happen."""

    def __init__(self, cursor: Cursor | None) -> None:
        """Continue after ``cursor``; None asks for everything."""
        self._cursor = cursor
        self._count: int | None = None
        self._step = Step.COUNT
        self._request = racp.COUNT_ALL
        self._interrupted = Step.COUNT  # by an abort
        self._sequences: list[int] = []  # of the request that is running
        self._ascending = True
        self._last_in_meter: int | None = None
        self._failed_writes = 0
        self._complete = False

    @property
    def over(self) -> bool:
        """Whether ``Finished`` was given."""
        return self._step is Step.OVER

    @property
    def complete(self) -> bool:
        """Whether the meter said that it has given everything."""
        return self._complete

    @property
    def reached(self) -> Cursor | None:
        """The cursor that the records received so far allow; the old one if none does.

        After a broken dialogue only records that came in ascending order count: the first one that
        is missing must be asked for again.
        """
        if self._sequences and (self._complete or self._ascending):
            last = self._sequences[-1] if self._ascending else max(self._sequences)
            return Cursor(last, self._count)
        if self._complete and self._cursor is not None:
            return Cursor(self._cursor.last, self._count)
        return self._cursor

    def start(self) -> list[Command]:
        """Begin."""
        return self._ask(Step.COUNT, racp.COUNT_ALL)

    def record(self, sequence: int) -> None:
        """Note that a measurement with this sequence number arrived."""
        if self._step is Step.LAST:
            self._last_in_meter = sequence
            return
        if self._sequences and sequence < self._sequences[-1]:
            self._ascending = False
        self._sequences.append(sequence)

    def answered(self, payload: bytes) -> list[Command]:
        """Take an indication of 0x2A52."""
        if self.over:
            return []
        try:
            response = racp.decode_response(payload)
        except MalformedPayload:
            return self._finish(Outcome.REFUSED)
        if isinstance(response, CountResponse):
            return self._counted(response.count) if self._step is Step.COUNT else []
        if self._step is Step.ABORT:
            self._step = self._interrupted
            return [Write(racp.encode_request(self._request))]
        return self._ended(response) if response.request is self._request.opcode else []

    def write_failed(self, code: int) -> list[Command]:
        """Take the ATT error that refused a write; both families of codes are known."""
        if self.over:
            return []
        self._failed_writes += 1
        if code in NOT_BONDED_CODES:
            return self._finish(Outcome.NOT_BONDED)
        if self._failed_writes >= ATTEMPTS_MAX or self._step is Step.ABORT:
            return self._finish(Outcome.REFUSED)
        if code in IN_PROGRESS_CODES:
            self._interrupted, self._step = self._step, Step.ABORT
            return [Write(racp.encode_request(racp.ABORT))]
        if code in NOT_SUBSCRIBED_CODES:
            return [Subscribe(), Write(racp.encode_request(self._request))]
        return self._finish(Outcome.REFUSED)

    def timed_out(self) -> list[Command]:
        """Neither a record nor an answer came for ``PROCEDURE_TIMEOUT_S``."""
        return [] if self.over else self._finish(Outcome.SILENT)

    def _counted(self, count: int) -> list[Command]:
        self._count = count
        if count == 0:
            return self._finish(Outcome.COMPLETE)
        if self._cursor is None or _shrank(self._cursor, count):
            return self._ask(Step.RECORDS, racp.REPORT_ALL)
        return self._ask_newer(self._cursor)

    def _ended(self, response: ResponseCode) -> list[Command]:
        """React to the end of the running request."""
        if response.value in _NOT_UNDERSTOOD:
            return self._not_understood()
        if response.value is ResponseValue.SUCCESS:
            return self._delivered()
        if response.value is ResponseValue.NO_RECORDS_FOUND:
            return self._nothing_found()
        return self._finish(Outcome.REFUSED)

    def _not_understood(self) -> list[Command]:
        """Ask in a plainer way: not every meter knows every operator."""
        if self._step is Step.COUNT and self._cursor is not None:
            return self._ask_newer(self._cursor)
        if self._step in (Step.COUNT, Step.NEWER):
            return self._ask(Step.RECORDS, racp.REPORT_ALL)
        return self._finish(Outcome.COMPLETE if self._step is Step.LAST else Outcome.REFUSED)

    def _delivered(self) -> list[Command]:
        if self._step is Step.LAST:
            assert self._cursor is not None
            if self._last_in_meter != self._cursor.last:  # another meter, or an erased one
                return self._ask(Step.RECORDS, racp.REPORT_ALL)
        return self._finish(Outcome.COMPLETE)

    def _nothing_found(self) -> list[Command]:
        if self._step is not Step.NEWER or self._count is None:
            return self._finish(Outcome.COMPLETE)
        assert self._cursor is not None
        if self._cursor.count is not None and self._count > self._cursor.count:
            # It has more than it had, but none above the cursor: it counts anew.
            return self._ask(Step.RECORDS, racp.REPORT_ALL)
        return self._ask(Step.LAST, racp.REPORT_LAST)

    def _ask_newer(self, cursor: Cursor) -> list[Command]:
        if cursor.last >= racp.SEQUENCE_MAX:  # the next one wraps to 0; 65536 cannot be asked for
            return self._ask(Step.RECORDS, racp.REPORT_ALL)
        return self._ask(Step.NEWER, racp.at_least(cursor.last + 1))

    def _ask(self, step: Step, request: Request) -> list[Command]:
        self._step, self._request = step, request
        self._sequences, self._ascending = [], True
        self._last_in_meter = None
        return [Write(racp.encode_request(request))]

    def _finish(self, outcome: Outcome) -> list[Command]:
        self._complete = outcome is Outcome.COMPLETE
        self._step = Step.OVER
        return [Finished(outcome)]


def _shrank(cursor: Cursor, count: int) -> bool:
    """Tell whether records vanished since the cursor: erased, or another meter."""
    return cursor.count is not None and count < cursor.count
