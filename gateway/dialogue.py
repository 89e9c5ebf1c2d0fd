"""How to empty a glucose meter through its Record Access Control Point: events in, commands out.

Sans-IO: the shell writes what ``Write`` says, tells every answer and record, and drops the link
when told that the dialogue is over. A meter that was never read is asked for everything; another
one for its records from the last known one on. That one comes again, and proves that this is still
the meter of the cursor: if it differs or is missing, the meter was erased, swapped or has counted
anew, and everything is asked for. "No records" is a normal outcome. The caller moves its cursor to
what ``reached`` gives, once the records are durable.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from schemas.gatt import racp
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.racp import Request, ResponseCode, ResponseValue

PROCEDURE_TIMEOUT_S = 30.0  # ST's BlueNRG collector; re-armed by each record
ATTEMPTS_MAX = 3
_DIGEST_DIGITS = 16

IN_PROGRESS_CODES = frozenset({0x80, 0xFE})  # nRF SDK's own and the common profile code
NOT_SUBSCRIBED_CODES = frozenset({0x81, 0xFD})
NOT_BONDED_CODES = frozenset({0x05, 0x08, 0x0C, 0x0F})

# To "from this number on": another meter, an erased one, or one that knows only "all".
_WORTH_ASKING_ALL = frozenset(
    {
        ResponseValue.SUCCESS,
        ResponseValue.NO_RECORDS_FOUND,
        ResponseValue.OPCODE_NOT_SUPPORTED,
        ResponseValue.INVALID_OPERATOR,
        ResponseValue.OPERATOR_NOT_SUPPORTED,
        ResponseValue.INVALID_OPERAND,
        ResponseValue.OPERAND_NOT_SUPPORTED,
    }
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a meter was read: the last record's sequence number and what it said."""

    last: int
    digest: str

    @classmethod
    def at(cls, sequence: int, payload: bytes) -> "Cursor":
        """Point to the record with these bytes."""
        return cls(sequence, hashlib.sha256(payload).hexdigest()[:_DIGEST_DIGITS])


class Outcome(Enum):
    """How a dialogue ended; the value is what metrics and logs call it."""

    COMPLETE = "complete"
    SILENT = "racp-timeout"
    NOT_BONDED = "not-bonded"
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

    ALL = "every record"
    NEWER = "the last known record and newer ones"
    ABORTED = "the end of a procedure that somebody left running"
    OVER = "nothing"


class Dialogue:
    """One synchronisation. Feed it events in the order in which they happen."""

    def __init__(self, cursor: Cursor | None) -> None:
        """Continue after ``cursor``; None asks for everything."""
        self._cursor = cursor
        self._step = Step.OVER
        self._request = racp.REPORT_ALL
        self._interrupted = Step.OVER
        self._newest: Cursor | None = None  # of the request that is running
        self._ascending = True
        self._recognised = False
        self._failed_writes = 0
        self._complete = False
        self._fresh = False

    @property
    def complete(self) -> bool:
        """Whether the meter said that it has given everything."""
        return self._complete

    @property
    def fresh(self) -> bool:
        """Whether a record came that is not the last known one."""
        return self._fresh

    @property
    def reached(self) -> Cursor | None:
        """The cursor that the records received so far allow; the old one if none does.

        Of a broken dialogue only records that came in ascending order count: the first one that is
        missing must be asked for again.
        """
        usable = self._complete or (self._ascending and self._recognised)
        return self._newest if self._newest is not None and usable else self._cursor

    def start(self) -> list[Command]:
        """Begin."""
        # 65535 is followed by 0: what came after the wrap is not "newer" to a meter.
        if self._cursor is None or self._cursor.last >= racp.SEQUENCE_MAX:
            return self._ask(Step.ALL, racp.REPORT_ALL)
        return self._ask(Step.NEWER, racp.at_least(self._cursor.last))

    def record(self, sequence: int, payload: bytes) -> None:
        """Note a measurement that arrived."""
        if self._newest is not None and sequence < self._newest.last:
            self._ascending = False
        self._newest = Cursor.at(sequence, payload)
        self._recognised = self._recognised or self._newest == self._cursor
        self._fresh = self._fresh or self._newest != self._cursor

    def answered(self, payload: bytes) -> list[Command]:
        """Take an indication of 0x2A52."""
        if self._step is Step.OVER:
            return []
        try:
            response = racp.decode_response(payload)
        except MalformedPayload:
            return self._finish(Outcome.REFUSED)
        if not isinstance(response, ResponseCode):
            return []
        if self._step is Step.ABORTED:
            return self._ask(self._interrupted, self._request)
        if response.request is not self._request.opcode:
            return []
        return self._ended(response.value)

    def write_failed(self, code: int) -> list[Command]:
        """Take the ATT error that refused a write; both families of codes are known."""
        if self._step is Step.OVER:
            return []
        self._failed_writes += 1
        if code in NOT_BONDED_CODES:
            return self._finish(Outcome.NOT_BONDED)
        if self._failed_writes >= ATTEMPTS_MAX or self._step is Step.ABORTED:
            return self._finish(Outcome.REFUSED)
        if code in IN_PROGRESS_CODES:
            self._interrupted, self._step = self._step, Step.ABORTED
            return [Write(racp.encode_request(racp.ABORT))]
        if code in NOT_SUBSCRIBED_CODES:
            return [Subscribe(), Write(racp.encode_request(self._request))]
        return self._finish(Outcome.REFUSED)

    def timed_out(self) -> list[Command]:
        """Neither a record nor an answer came for ``PROCEDURE_TIMEOUT_S``."""
        return [] if self._step is Step.OVER else self._finish(Outcome.SILENT)

    def _ended(self, value: ResponseValue) -> list[Command]:
        """React to the end of the running request."""
        if self._step is Step.NEWER:
            wrapped = self._newest is not None and self._newest.last >= racp.SEQUENCE_MAX
            delivered = value is ResponseValue.SUCCESS and self._recognised and not wrapped
            if not delivered and value in _WORTH_ASKING_ALL:
                return self._ask(Step.ALL, racp.REPORT_ALL)
        if value in (ResponseValue.SUCCESS, ResponseValue.NO_RECORDS_FOUND):
            return self._finish(Outcome.COMPLETE)
        return self._finish(Outcome.REFUSED)

    def _ask(self, step: Step, request: Request) -> list[Command]:
        self._step, self._request = step, request
        self._newest, self._ascending = None, True
        self._recognised = step is Step.ALL  # nothing to compare with: whatever comes is new
        return [Write(racp.encode_request(request))]

    def _finish(self, outcome: Outcome) -> list[Command]:
        self._complete = outcome is Outcome.COMPLETE
        self._step = Step.OVER
        return [Finished(outcome)]
