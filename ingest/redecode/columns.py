"""What many payloads of one characteristic say, as columns: a vectorised ``Measurement``.

The columns hold numbers and codes; ``ingest.redecode.words`` makes words of them.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest.redecode.numbers import Booleans, Codes, Numbers
from ingest.redecode.payloads import Cursor, Integers, LongWords, Octets, Words
from schemas.reading import Outcome
from schemas.vitals import Vital

NONE = -1
"""In a column of numbers that are never negative: there is none."""
NO_OFFSET = -(1 << 31)
OUTCOMES: tuple[Outcome, ...] = ("measured", "failed", "control-solution", "demonstration")
MEASURED, FAILED, CONTROL_SOLUTION, DEMONSTRATION = range(4)

Codes16 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DateTimes:
    """A Date Time field of each payload, exactly as sent; zeros where ``sent`` is false."""

    sent: Booleans
    year: npt.NDArray[np.int32]
    month: Codes
    day: Codes
    hour: Codes
    minute: Codes
    second: Codes


@dataclass(frozen=True, slots=True)
class Columns:
    """Every array has shape (payloads,). Of a payload that is not ``complete`` nothing else counts.

    ``missing``: see ``Cursor``. ``outcome``: place in OUTCOMES. ``status``: the bits that a status
    field says, NONE without one. ``user_slot``, ``record_number``: NONE if there is none.
    ``offset_min``: NO_OFFSET if there is none. ``codes``: single codes by attribute, NONE if not
    sent. ``trailing``: how many bytes are left over.
    """

    vital: Vital
    fields: tuple[str, ...]
    missing: npt.NDArray[np.int8]
    quantities: dict[str, Numbers]
    outcome: Codes
    status: Codes16
    user_slot: Codes16
    record_number: Codes16
    recorded: DateTimes | None
    offset_min: Codes16
    fault: Booleans
    trailing: Integers
    codes: dict[str, Codes16] = field(default_factory=dict)

    @property
    def complete(self) -> Booleans:
        """Tell which payloads have every field that their flags announce."""
        complete: Booleans = self.missing == len(self.fields)
        return complete


def optional(values: Octets | Words | LongWords, sent: Booleans) -> Codes16:
    """Give values where they were sent, NONE elsewhere."""
    return none_where(values.astype(np.int32), ~sent)


def none_where(values: Codes16, where: Booleans) -> Codes16:
    """Give NONE, all of whose bits are set, at some places."""
    none: Codes16 = values | -where.astype(np.int32)
    return none


def date_times(cursor: Cursor, field_name: str, bit: int | None = None) -> DateTimes:
    """Read seven bytes, there where the bit is set."""
    at = cursor.take(7, field_name, bit)
    year = cursor.words_at(at).astype(np.int32)
    parts = [cursor.octets_at(at + place) for place in range(2, 7)]
    if bit is None:
        return DateTimes(np.ones(len(at), np.bool_), year, *parts)
    sent = cursor.sent(bit)
    times = sent.view(np.uint8)
    return DateTimes(sent, year * times, *(part * times for part in parts))
