"""Enhanced Blood Pressure Measurement (0x2B34), many at once.

The twin of ``schemas.gatt.enhanced_blood_pressure``.
"""

import numpy as np
import numpy.typing as npt

from ingest.redecode.blood_pressure import columns_of, definition_of, pressures_of, pulse_of
from ingest.redecode.columns import NO_OFFSET, Codes16, Columns, DateTimes, optional
from ingest.redecode.numbers import NOT_SENT, Booleans, absent_where, believable
from ingest.redecode.payloads import Cursor, Payloads

_TIMESTAMP, _PULSE, _USER, _STATUS, _USER_FACING_TIME, _EPOCH_2000 = range(1, 7)
_EPOCHS_S = np.array(["1900-01-01", "2000-01-01"], "datetime64[s]").astype(np.int64)
_MINUTE_S = 60


def decode(payloads: Payloads, _quirks: Codes16 | None = None) -> Columns:
    """Decode by the flags. The record's time is the timestamp, or else what the user saw."""
    cursor = Cursor(payloads)
    pressures = pressures_of(cursor)
    recorded_s = cursor.uint32("the timestamp", _TIMESTAMP).astype(np.int64)
    pulse = pulse_of(cursor.uint16("the pulse", _PULSE))
    pulse = absent_where(believable(pulse, definition_of("pulse")), ~cursor.sent(_PULSE), NOT_SENT)
    user = optional(cursor.uint8("the user", _USER), cursor.sent(_USER))
    status = optional(cursor.uint16("the status", _STATUS), cursor.sent(_STATUS))
    shown_s = cursor.uint32("the user-facing time", _USER_FACING_TIME).astype(np.int64)
    stamped, shown = cursor.sent(_TIMESTAMP), cursor.sent(_USER_FACING_TIME)
    epoch_s = _EPOCHS_S.take(cursor.sent(_EPOCH_2000).view(np.uint8))
    minutes, seconds = np.divmod(shown_s - recorded_s, _MINUTE_S)
    whole = stamped & shown & (seconds == 0)
    return columns_of(
        cursor,
        pressures,
        pulse,
        user=user,
        status=status,
        recorded=_moments(epoch_s + np.where(stamped, recorded_s, shown_s), stamped | shown),
        offset_min=np.where(whole, minutes, NO_OFFSET).astype(np.int32),
        trailing=cursor.rest(),
    )


def _moments(seconds: npt.NDArray[np.int64], sent: Booleans) -> DateTimes:
    """Write seconds since 1970 as dates and times."""
    moment = np.where(sent, seconds, 0).astype("datetime64[s]")
    year, month, day, hour, minute = (moment.astype(f"datetime64[{unit}]") for unit in "YMDhm")
    parts = (
        1970 + year.astype(np.int32),
        1 + (month - year.astype(month.dtype)).astype(np.int64),
        1 + (day - month.astype(day.dtype)).astype(np.int64),
        (hour - day.astype(hour.dtype)).astype(np.int64),
        (minute - hour.astype(minute.dtype)).astype(np.int64),
        (moment - minute.astype(moment.dtype)).astype(np.int64),
    )
    return DateTimes(sent, parts[0] * sent, *((part * sent).astype(np.uint8) for part in parts[1:]))
