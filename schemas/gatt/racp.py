"""Record Access Control Point (0x2A52): how a collector asks a meter for stored records.

Requests are written with response: opcode, operator, operand. Answers come as indications: either
the number of records or the outcome of a request. The records themselves arrive on their own
characteristics between the two. "No records found" is a normal outcome, not a failure.
"""

from typing import TypeAlias

from msgspec import Struct

from schemas.gatt.codes import Code
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.octets import Octets

SEQUENCE_MAX = 0xFFFF


class Opcode(Code):
    """The first byte of requests and of answers."""

    REPORT_RECORDS = 1
    DELETE_RECORDS = 2
    ABORT = 3
    REPORT_COUNT = 4
    COUNT_RESPONSE = 5
    RESPONSE_CODE = 6


class Operator(Code):
    """Which records, together with the operand."""

    NULL = 0
    ALL = 1
    AT_MOST = 2
    AT_LEAST = 3
    RANGE = 4
    FIRST = 5
    LAST = 6


class FilterType(Code):
    """What the operand's values are; 4 is Omron's own and carries a sequence number."""

    SEQUENCE = 1
    USER_FACING_TIME = 2
    OMRON_SEQUENCE = 4


class ResponseValue(Code):
    """How a request ended."""

    SUCCESS = 1
    OPCODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS_FOUND = 6
    ABORT_UNSUCCESSFUL = 7
    PROCEDURE_NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


_SEQUENCE_FILTERS = {FilterType.SEQUENCE, FilterType.OMRON_SEQUENCE}
_SEQUENCE_OPERAND_SIZE = {
    Operator.AT_MOST: 3,
    Operator.AT_LEAST: 3,
    Operator.RANGE: 5,
}


class Request(Struct, frozen=True):
    """A request; ``operand`` is the filter type and its values, as bytes."""

    opcode: Opcode
    operator: Operator = Operator.NULL
    operand: bytes = b""

    @property
    def sequences(self) -> range | None:
        """The sequence numbers asked for, or None if the operand is not a sensible such filter.

        Answers both "may I serve this?" and "does this record match?" for the operators that
        filter by sequence; the others (all, first, last) have no operand.
        """
        size = _SEQUENCE_OPERAND_SIZE.get(self.operator)
        if len(self.operand) != size or self.operand[0] not in _SEQUENCE_FILTERS:
            return None
        first = int.from_bytes(self.operand[1:3], "little")
        if self.operator is Operator.AT_MOST:
            return range(first + 1)
        if self.operator is Operator.AT_LEAST:
            return range(first, SEQUENCE_MAX + 1)
        last = int.from_bytes(self.operand[3:5], "little")
        return range(first, last + 1) if first <= last else None


class CountResponse(Struct, frozen=True):
    """The answer to a request for the number of records."""

    count: int


class ResponseCode(Struct, frozen=True):
    """The closing answer to any other request."""

    request: Opcode
    value: ResponseValue


Response: TypeAlias = CountResponse | ResponseCode

REPORT_ALL = Request(Opcode.REPORT_RECORDS, Operator.ALL)
REPORT_FIRST = Request(Opcode.REPORT_RECORDS, Operator.FIRST)
REPORT_LAST = Request(Opcode.REPORT_RECORDS, Operator.LAST)
COUNT_ALL = Request(Opcode.REPORT_COUNT, Operator.ALL)
ABORT = Request(Opcode.ABORT)


def at_least(
    sequence: int,
    opcode: Opcode = Opcode.REPORT_RECORDS,
    filter_type: FilterType = FilterType.SEQUENCE,
) -> Request:
    """Ask for the records with this sequence number or a higher one."""
    operand = bytes((filter_type,)) + sequence.to_bytes(2, "little")
    return Request(opcode, Operator.AT_LEAST, operand)


def at_most(sequence: int, opcode: Opcode = Opcode.REPORT_RECORDS) -> Request:
    """Ask for the records with this sequence number or a lower one."""
    return Request(opcode, Operator.AT_MOST, _by_sequence(sequence))


def between(first: int, last: int, opcode: Opcode = Opcode.REPORT_RECORDS) -> Request:
    """Ask for the records from ``first`` to ``last``, both included."""
    return Request(opcode, Operator.RANGE, _by_sequence(first, last))


def decode_request(payload: bytes) -> Request:
    """Decode what a collector wrote. Raises ``MalformedPayload`` below 2 bytes.

    An operand that makes no sense is the meter's to answer, so it is kept as it is.
    """
    octets = Octets(payload, "record access request")
    return Request(
        opcode=Opcode(octets.uint8("the opcode")),
        operator=Operator(octets.uint8("the operator")),
        operand=octets.rest(),
    )


def encode_request(request: Request) -> bytes:
    """Encode what a collector writes."""
    return bytes((request.opcode, request.operator)) + request.operand


def decode_response(payload: bytes) -> Response:
    """Decode what a meter indicated. Raises ``MalformedPayload`` if it is neither kind of answer.

    Counts of 1, 2 and 4 bytes exist among real meters.
    """
    octets = Octets(payload, "record access response")
    opcode = Opcode(octets.uint8("the opcode"))
    octets.uint8("the operator")
    if opcode is Opcode.COUNT_RESPONSE:
        count = octets.rest()
        if len(count) not in (1, 2, 4):
            message = f"record access response: a count takes 1, 2 or 4 bytes, not {len(count)}"
            raise MalformedPayload(message)
        return CountResponse(int.from_bytes(count, "little"))
    if opcode is Opcode.RESPONSE_CODE:
        return ResponseCode(
            request=Opcode(octets.uint8("the opcode answered")),
            value=ResponseValue(octets.uint8("the response value")),
        )
    message = f"record access response: opcode {opcode.value} is no answer"
    raise MalformedPayload(message)


def encode_response(response: Response) -> bytes:
    """Encode what a meter indicates; a count in 2 bytes, or in 4 if it needs them."""
    if isinstance(response, CountResponse):
        count = response.count.to_bytes(2 if response.count <= SEQUENCE_MAX else 4, "little")
        return bytes((Opcode.COUNT_RESPONSE, Operator.NULL)) + count
    return bytes((Opcode.RESPONSE_CODE, Operator.NULL, response.request, response.value))


def _by_sequence(*sequences: int) -> bytes:
    return bytes((FilterType.SEQUENCE,)) + b"".join(
        sequence.to_bytes(2, "little") for sequence in sequences
    )
