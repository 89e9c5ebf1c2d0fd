"""PLX Spot-Check (0x2A5E), many at once; twin of ``schemas.gatt.oximeter``."""

import numpy as np

from ingest.redecode.columns import (
    DEMONSTRATION,
    FAILED,
    MEASURED,
    NO_OFFSET,
    NONE,
    Codes16,
    Columns,
    date_times,
    optional,
)
from ingest.redecode.numbers import NOT_SENT, Codes, Numbers, absent_where, believable, sfloat
from ingest.redecode.payloads import Cursor, Payloads
from schemas.gatt.measurement.oximeter import SPOILT, TEST_DATA
from schemas.vitals import OXIMETRY

_TIMESTAMP, _MEASUREMENT_STATUS, _SENSOR_STATUS, _PULSE_AMPLITUDE, _CLOCK_NOT_SET = range(5)


def decode(payloads: Payloads, _quirks: Codes16 | None = None) -> Columns:
    """Decode by the flags. ``codes`` has the bits of the second status, ``sensor_status``."""
    cursor = Cursor(payloads)
    unit = np.zeros_like(cursor.flags)
    spo2 = sfloat(cursor.uint16("the saturation"), unit)
    pulse_rate = sfloat(cursor.uint16("the pulse rate"), unit)
    recorded = date_times(cursor, "the timestamp", _TIMESTAMP)
    status_word = cursor.uint16("the measurement status", _MEASUREMENT_STATUS)
    status = optional(status_word, cursor.sent(_MEASUREMENT_STATUS))
    sensor_word = cursor.uint24("the device and sensor status", _SENSOR_STATUS)
    sensor_status = optional(sensor_word, cursor.sent(_SENSOR_STATUS))
    amplitude = sfloat(cursor.uint16("the pulse amplitude index", _PULSE_AMPLITUDE), unit)
    amplitude = absent_where(amplitude, ~cursor.sent(_PULSE_AMPLITUDE), NOT_SENT)
    size = len(unit)
    return Columns(
        vital=OXIMETRY,
        fields=tuple(cursor.fields),
        missing=cursor.missing(),
        quantities={
            definition.name: believable(numbers, definition) if definition.aside else numbers
            for definition, numbers in zip(
                OXIMETRY.quantities, (spo2, pulse_rate, amplitude), strict=True
            )
        },
        outcome=_outcome(spo2, np.where(status == NONE, 0, status)),
        status=status,
        user_slot=np.full(size, NONE, np.int32),
        record_number=np.full(size, NONE, np.int32),
        recorded=recorded,
        offset_min=np.full(size, NO_OFFSET, np.int32),
        fault=cursor.sent(_CLOCK_NOT_SET),
        trailing=cursor.rest(),
        codes={"sensor_status": sensor_status},
    )


def _outcome(spo2: Numbers, status: Codes16) -> Codes:
    spoilt = (status & SPOILT != 0) | spo2.says_nothing
    outcome = np.where(spoilt, np.uint8(FAILED), np.uint8(MEASURED))
    return np.where(status & TEST_DATA != 0, np.uint8(DEMONSTRATION), outcome)
