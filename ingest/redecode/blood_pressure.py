"""Blood Pressure Measurement (0x2A35), many at once; twin of ``schemas.gatt.blood_pressure``."""

import numpy as np

from ingest.redecode.columns import (
    FAILED,
    MEASURED,
    NO_OFFSET,
    NONE,
    Columns,
    date_times,
    optional,
)
from ingest.redecode.numbers import (
    ERROR,
    NOT_A_NUMBER,
    NOT_SENT,
    UNKNOWN,
    Booleans,
    Numbers,
    absent_where,
    canonical,
    sfloat,
)
from ingest.redecode.payloads import Cursor, Payloads
from schemas.gatt.blood_pressure import USER_UNKNOWN
from schemas.vitals import BLOOD_PRESSURE

_KPA, _TIMESTAMP, _PULSE, _USER, _STATUS = range(5)


def decode(payloads: Payloads) -> Columns:
    """Decode by the flags; a tail that is laid out in its maker's own way is not believed."""
    cursor = Cursor(payloads)
    unit = cursor.flags & np.uint8(1 << _KPA)
    systolic = sfloat(cursor.uint16("the systolic pressure"), unit)
    diastolic = sfloat(cursor.uint16("the diastolic pressure"), unit)
    mean = sfloat(cursor.uint16("the mean pressure"), unit)
    recorded = date_times(cursor, "the timestamp", _TIMESTAMP)
    pulse = sfloat(cursor.uint16("the pulse", _PULSE), np.zeros_like(unit))
    pulse_sent = cursor.sent(_PULSE)
    user = optional(cursor.uint8("the user", _USER), cursor.sent(_USER))
    status = optional(cursor.uint16("the status", _STATUS), cursor.sent(_STATUS))
    trailing = cursor.rest()
    absurd = _implausible("pulse", pulse)
    other_tail = absurd & pulse_sent & (trailing != 0)
    pulse = absent_where(pulse, absurd, ERROR)
    pulse = absent_where(pulse, ~pulse_sent, NOT_SENT)
    failed = (systolic.absent != 0) & (diastolic.absent != 0)
    return Columns(
        vital=BLOOD_PRESSURE,
        fields=tuple(cursor.fields),
        missing=cursor.missing(),
        quantities={
            "systolic": systolic,
            "diastolic": diastolic,
            "mean": _mean(mean),
            "pulse": absent_where(pulse, other_tail, UNKNOWN),
        },
        outcome=np.where(failed, np.uint8(FAILED), np.uint8(MEASURED)),
        status=np.where(other_tail, NONE, status),
        user_slot=np.where(other_tail | (user == USER_UNKNOWN), NONE, user),
        record_number=np.full(len(unit), NONE, np.int32),
        recorded=recorded,
        offset_min=np.full(len(unit), NO_OFFSET, np.int32),
        fault=np.zeros(len(unit), np.bool_),
        trailing=trailing,
    )


def _mean(mean: Numbers) -> Numbers:
    """Take 0 and not-a-number for none; a mean that no patient has is an error."""
    none = (mean.absent == NOT_A_NUMBER) | (mean.present & (mean.mantissa == 0))
    return absent_where(absent_where(mean, _implausible("mean", mean), ERROR), none, NOT_SENT)


def _implausible(name: str, sent: Numbers) -> Booleans:
    definition = BLOOD_PRESSURE.quantity(name)
    assert definition is not None
    low, high = definition.plausible
    value = canonical(sent, definition)
    return (value < float(low)) | (value > float(high))
