"""Blood Pressure Measurement (0x2A35), many at once; twin of ``schemas.gatt.blood_pressure``."""

from typing import NamedTuple

import numpy as np

from ingest.redecode.columns import (
    FAILED,
    MEASURED,
    NO_OFFSET,
    NONE,
    Codes16,
    Columns,
    DateTimes,
    date_times,
    none_where,
    optional,
)
from ingest.redecode.numbers import (
    ERROR,
    NOT_SENT,
    UNKNOWN,
    Numbers,
    absent_where,
    believable,
    chosen,
    implausible,
    sfloat,
)
from ingest.redecode.payloads import Cursor, Integers, Payloads, Words
from schemas.gatt.blood_pressure import USER_UNKNOWN
from schemas.gatt.quirks import QUIRKS
from schemas.vitals import BLOOD_PRESSURE, Quantity

_KPA, _TIMESTAMP, _PULSE, _USER, _STATUS = range(5)
_BIG_ENDIAN_TAIL = np.array([*(quirk.big_endian_tail for quirk in QUIRKS), False])
"""By the place of a quirk; NONE finds the last one."""


class Pressures(NamedTuple):
    """The three pressures of each payload, in the unit that its flags say."""

    systolic: Numbers
    diastolic: Numbers
    mean: Numbers


def decode(payloads: Payloads, quirks: Codes16 | None = None) -> Columns:
    """Decode by the flags; a tail that is laid out in its maker's own way is believed by its quirk.

    ``quirks``: of each payload the place of its device's quirk in ``QUIRKS``, NONE without one.
    """
    cursor = Cursor(payloads)
    pressures = pressures_of(cursor)
    recorded = date_times(cursor, "the timestamp", _TIMESTAMP)
    pulse_word = cursor.uint16("the pulse", _PULSE)
    pulse_sent = cursor.sent(_PULSE)
    user = optional(cursor.uint8("the user", _USER), cursor.sent(_USER))
    status = optional(cursor.uint16("the status", _STATUS), cursor.sent(_STATUS))
    trailing = cursor.rest()
    codes: dict[str, Codes16] = {}
    if quirks is not None and (rows := _big_endian_tails(cursor, trailing, quirks)).size:
        ends = cursor.ends()[rows]
        pulse_word[rows] = _big_endian(cursor, ends - 5)
        user[rows] = cursor.octets_at(ends - 3)
        status[rows] = _big_endian(cursor, ends - 2)
        trailing[rows] = 0
        codes["quirk"] = np.full(len(payloads), NONE, np.int32)
        codes["quirk"][rows] = quirks[rows]
    pulse = pulse_of(pulse_word)
    absurd = implausible(pulse, definition_of("pulse"))
    other_tail = absurd & pulse_sent & (trailing != 0)
    pulse = absent_where(pulse, absurd, ERROR)
    pulse = absent_where(pulse, ~pulse_sent, NOT_SENT)
    return columns_of(
        cursor,
        pressures,
        absent_where(pulse, other_tail, UNKNOWN),
        user=none_where(user, other_tail),
        status=none_where(status, other_tail),
        recorded=recorded,
        offset_min=np.full(len(payloads), NO_OFFSET, np.int32),
        trailing=trailing,
        codes=codes,
    )


def _big_endian_tails(cursor: Cursor, trailing: Integers, quirks: Codes16) -> Integers:
    """Find the rows whose tails have Beurer's shape, one byte more than announced, on such a cuff.

    Pulse and status are announced and the user is not, yet there is room for one.
    """
    announced = cursor.sent(_PULSE) & cursor.sent(_STATUS) & ~cursor.sent(_USER)
    return np.flatnonzero(announced & (trailing == 1) & _BIG_ENDIAN_TAIL.take(quirks))


def _big_endian(cursor: Cursor, at: Integers) -> Words:
    word = cursor.words_at(at)
    return word << np.uint16(8) | word >> np.uint16(8)


def pressures_of(cursor: Cursor) -> Pressures:
    """Read the three pressures, which come first in every layout."""
    unit = cursor.flags & np.uint8(1 << _KPA)
    systolic = sfloat(cursor.uint16("the systolic pressure"), unit)
    diastolic = sfloat(cursor.uint16("the diastolic pressure"), unit)
    mean = sfloat(cursor.uint16("the mean pressure"), unit)
    none = mean.present & (mean.mantissa == 0)  # a mean that no patient has is an error
    return Pressures(
        systolic, diastolic, absent_where(believable(mean, definition_of("mean")), none, NOT_SENT)
    )


def pulse_of(words: Words) -> Numbers:
    """Take words for rates in beats a minute."""
    return sfloat(words, np.zeros(len(words), np.uint8))


def columns_of(  # noqa: PLR0913  (a column each)
    cursor: Cursor,
    pressures: Pressures,
    pulse: Numbers,
    *,
    user: Codes16,
    status: Codes16,
    recorded: DateTimes,
    offset_min: Codes16,
    trailing: Integers,
    codes: dict[str, Codes16] | None = None,
) -> Columns:
    """Say what a blood pressure's columns are; it failed if neither pressure says anything."""
    failed = pressures.systolic.says_nothing & pressures.diastolic.says_nothing
    return Columns(
        vital=BLOOD_PRESSURE,
        fields=tuple(cursor.fields),
        missing=cursor.missing(),
        quantities={**pressures._asdict(), "pulse": pulse},
        outcome=chosen(failed, np.uint8(FAILED), np.uint8(MEASURED)),
        status=status,
        user_slot=none_where(user, user == USER_UNKNOWN),
        record_number=np.full(len(failed), NONE, np.int32),
        recorded=recorded,
        offset_min=offset_min,
        fault=np.zeros(len(failed), np.bool_),
        trailing=trailing,
        codes=codes or {},
    )


def definition_of(name: str) -> Quantity:
    """Find a quantity of blood pressure."""
    definition = BLOOD_PRESSURE.quantity(name)
    assert definition is not None
    return definition
