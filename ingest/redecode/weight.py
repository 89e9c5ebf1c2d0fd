"""Weight Measurement (0x2A9D), many at once; twin of ``schemas.gatt.weight``."""

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
from ingest.redecode.numbers import ERROR, NOT_SENT, absent_where, believable, steps
from ingest.redecode.payloads import Cursor, Payloads
from schemas.gatt.weight import USER_UNKNOWN
from schemas.vitals import WEIGHT

_IMPERIAL, _TIMESTAMP, _USER, _BODY = range(4)
_UNSUCCESSFUL = 0xFFFF
# By system of units, SI first: 0.005 kg or 0.01 lb; 0.1 kg/m2; 0.001 m or 0.1 in.
_WEIGHT_SIZE, _WEIGHT_EXPONENT = np.array([5, 1], np.int32), np.array([-3, -2], np.int8)
_MASS_INDEX_EXPONENT = np.array([-1, -1], np.int8)
_HEIGHT_EXPONENT = np.array([-3, -1], np.int8)
_ONE = np.ones(1, np.int32)


def decode(payloads: Payloads, _quirks: Codes16 | None = None) -> Columns:
    """Decode by the flags."""
    cursor = Cursor(payloads)
    system = cursor.sent(_IMPERIAL).view(np.uint8)
    word = cursor.uint16("the weight")
    recorded = date_times(cursor, "the timestamp", _TIMESTAMP)
    user = optional(cursor.uint8("the user", _USER), cursor.sent(_USER))
    mass_index_word = cursor.uint16("the body mass index", _BODY)
    height_word = cursor.uint16("the height", _BODY)
    weight = steps(word, _WEIGHT_SIZE.take(system), _WEIGHT_EXPONENT.take(system), system)
    failed = word == _UNSUCCESSFUL
    mass_index = steps(
        mass_index_word, _ONE, _MASS_INDEX_EXPONENT.take(system), np.zeros_like(system)
    )
    height = steps(height_word, _ONE, _HEIGHT_EXPONENT.take(system), system)
    not_sent = ~cursor.sent(_BODY)
    beside = {
        definition.name: absent_where(believable(numbers, definition), not_sent, NOT_SENT)
        for definition, numbers in zip(WEIGHT.quantities[1:], (mass_index, height), strict=True)
    }
    size = len(system)
    return Columns(
        vital=WEIGHT,
        fields=tuple(cursor.fields),
        missing=cursor.missing(),
        quantities={"weight": absent_where(weight, failed, ERROR), **beside},
        outcome=np.where(failed, np.uint8(FAILED), np.uint8(MEASURED)),
        status=np.full(size, NONE, np.int32),
        user_slot=np.where(user == USER_UNKNOWN, NONE, user),
        record_number=np.full(size, NONE, np.int32),
        recorded=recorded,
        offset_min=np.full(size, NO_OFFSET, np.int32),
        fault=np.zeros(size, np.bool_),
        trailing=cursor.rest(),
    )
