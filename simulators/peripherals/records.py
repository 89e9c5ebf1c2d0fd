"""A meter's memory and what a request over RACP selects from it. Pure."""

from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from schemas.gatt.racp import FilterType, Opcode, Operator, Request, ResponseValue

__all__ = ["Record", "RecordStore", "select"]

# Like a real one: when the memory is full the oldest record is overwritten.
MEMORY_RECORDS = 1000
SEQUENCES = 0x10000

_BY_SEQUENCE = (Operator.AT_MOST, Operator.AT_LEAST, Operator.RANGE)


class Record(Struct, frozen=True):
    """A stored measurement and its context, as they go over the air."""

    sequence: int
    measurement: bytes
    context: bytes | None = None
    continued: tuple[bytes, ...] = ()
    """What of the measurement does not fit into its first notification."""


class RecordStore:
    """Records in the order of measuring; their numbers wrap after 65535."""

    def __init__(self, first_sequence: int) -> None:
        """Give the first record this number."""
        self._records: deque[Record] = deque(maxlen=MEMORY_RECORDS)
        self.next_sequence = first_sequence

    def add(
        self, measurement: bytes, context: bytes | None, continued: tuple[bytes, ...] = ()
    ) -> Record:
        """Store under the next number."""
        record = Record(self.next_sequence, measurement, context, continued)
        self._records.append(record)
        self.next_sequence = (self.next_sequence + 1) % SEQUENCES
        return record

    def erase(self, erasable: Callable[[Record], bool]) -> None:
        """Forget such records; their numbers are not given again."""
        kept = [record for record in self._records if not erasable(record)]
        self._records.clear()
        self._records.extend(kept)

    def all(self) -> tuple[Record, ...]:
        """Return every record, the oldest first."""
        return tuple(self._records)


def select(request: Request, records: Sequence[Record]) -> tuple[Record, ...] | ResponseValue:
    """Return the records a report or a count is about, or why there is no answer."""
    if request.opcode not in (Opcode.REPORT_RECORDS, Opcode.REPORT_COUNT):
        return ResponseValue.OPCODE_NOT_SUPPORTED
    if request.operator in _BY_SEQUENCE:
        return _by_sequence(request, records)
    if request.operand:
        return ResponseValue.INVALID_OPERAND
    match request.operator:
        case Operator.ALL:
            return tuple(records)
        case Operator.FIRST:
            return tuple(records[:1])
        case Operator.LAST:
            return tuple(records[-1:])
        case Operator.NULL:
            return ResponseValue.INVALID_OPERATOR
        case _:
            return ResponseValue.OPERATOR_NOT_SUPPORTED


def _by_sequence(request: Request, records: Sequence[Record]) -> tuple[Record, ...] | ResponseValue:
    if not request.operand:
        return ResponseValue.INVALID_OPERAND
    if request.operand[0] != FilterType.SEQUENCE:
        return ResponseValue.OPERAND_NOT_SUPPORTED
    sequences = request.sequences
    if sequences is None:
        return ResponseValue.INVALID_OPERAND
    return tuple(record for record in records if record.sequence in sequences)
