"""Whether a meter's memory is still the one that a cursor was made for: reasons to ask for all.

Before its records are asked for, count and last record may say that it is not; after "the last
known record and newer ones", what came may.
"""

from enum import Enum

from gateway.record_access.cursor import Cursor, Harvest
from schemas.gatt import racp
from schemas.gatt.racp import ResponseValue

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


class Anew(Enum):
    """Why everything was asked for; the value is what metrics and logs call it."""

    NEVER_READ = "never-read"
    LAST_FELL = "last-before-cursor"
    LAST_DIFFERS = "last-differs"
    COUNT_FELL = "count-fell"
    NOT_RECOGNISED = "known-record-gone"
    NUMBERS_END = "numbers-end"
    MISSING = "fewer-than-counted"
    UNPROVEN = "nobody-counted"

    @property
    def new_epoch(self) -> bool:
        """Whether the meter's memory is not the one that the cursor was made for."""
        return self in _NEW_EPOCH


_NEW_EPOCH = {Anew.LAST_FELL, Anew.LAST_DIFFERS, Anew.COUNT_FELL, Anew.NOT_RECOGNISED}


def before_asking(cursor: Cursor | None, last: Cursor | None, count: int | None) -> Anew | None:
    """Find what the last record and the count say against the cursor; None for what is unknown."""
    if cursor is None:
        return Anew.NEVER_READ
    # What came after the wrap is not "newer" to a meter.
    if cursor.last >= racp.SEQUENCE_MAX:
        return Anew.NUMBERS_END
    if last is not None and last.last < cursor.last:
        return Anew.LAST_FELL
    if last is not None and last.last == cursor.last and last.digest != cursor.digest:
        return Anew.LAST_DIFFERS
    if count is not None and cursor.complete and count < (cursor.held or 0):
        return Anew.COUNT_FELL
    return None


def after_answer(
    cursor: Cursor, count: int | None, harvest: Harvest, value: ResponseValue
) -> Anew | None:
    """Find what is wrong with the answer to "the last known record and newer ones"."""
    if value not in _WORTH_ASKING_ALL:
        return None
    if value is not ResponseValue.SUCCESS or not harvest.recognised:
        return Anew.NOT_RECOGNISED
    if any(number >= racp.SEQUENCE_MAX for number, _ in harvest.distinct):
        return Anew.NUMBERS_END
    if count is None or cursor.held is None:
        return None if cursor.complete else Anew.UNPROVEN
    newer = len(harvest.distinct) - 1
    return Anew.MISSING if newer < count - cursor.held else None
