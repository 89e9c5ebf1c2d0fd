"""Temperature Measurement (0x2A1C), many at once; twin of ``schemas.gatt.thermometer``."""

import numpy as np

from ingest.redecode.columns import (
    FAILED,
    MEASURED,
    NO_OFFSET,
    NONE,
    Codes16,
    Columns,
    date_times,
    optional,
)
from ingest.redecode.numbers import float32
from ingest.redecode.payloads import Cursor, Payloads
from schemas.vitals import BODY_TEMPERATURE

_FAHRENHEIT, _TIMESTAMP, _PLACE = range(3)


def decode(payloads: Payloads, _quirks: Codes16 | None = None) -> Columns:
    """Decode by the flags."""
    cursor = Cursor(payloads)
    unit = cursor.sent(_FAHRENHEIT).view(np.uint8)
    temperature = float32(cursor.uint32("the temperature"), unit)
    recorded = date_times(cursor, "the timestamp", _TIMESTAMP)
    place = optional(cursor.uint8("the type", _PLACE), cursor.sent(_PLACE))
    size = len(unit)
    return Columns(
        vital=BODY_TEMPERATURE,
        fields=tuple(cursor.fields),
        missing=cursor.missing(),
        quantities={"temperature": temperature},
        outcome=np.where(temperature.says_nothing, np.uint8(FAILED), np.uint8(MEASURED)),
        status=np.full(size, NONE, np.int32),
        user_slot=np.full(size, NONE, np.int32),
        record_number=np.full(size, NONE, np.int32),
        recorded=recorded,
        offset_min=np.full(size, NO_OFFSET, np.int32),
        fault=np.zeros(size, np.bool_),
        trailing=cursor.rest(),
        codes={"place": place},
    )
