"""Which stored rows certainly say what the vectorised decoder says now. No I/O.

Whatever is not certain (words that need the bytes, a text that is no date, anything that differs)
is left to the exact decoder: the answer here only saves it the others.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.redecode.columns import NO_OFFSET, NONE, OUTCOMES, Columns, DateTimes
from ingest.redecode.derived import Layout, kept_status, merged
from ingest.redecode.numbers import ABSENCES, Booleans, Numbers, canonical, units_of
from ingest.redecode.words import need_bytes, words

Rows = Sequence[tuple[Any, ...]]

_TEXT = len("2026-03-14T07:05:09")
_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_WEIGHTS = 10 ** np.arange(len(_DIGITS) - 1, -1, -1)
_FOUR_DIGITS, _TWO_DIGITS = 9_999, 99
_UNKNOWN_CODE = -2


def unchanged(layout: Layout, rows: Rows, scales: Rows, decoded: Columns) -> Booleans:
    """Tell which rows say what was decoded.

    ``rows``: in the layout's columns; ``scales``: for each quantity of the vital the decimal places
    of what was received. With them, the unit and the canonical value, which follows from what was
    received, tell it apart from any other that a device can send.
    """
    stored = dict(zip(layout.columns, zip(*rows, strict=True), strict=True))
    equal = decoded.complete & ~need_bytes(decoded)
    first = layout.vital.quantities[0]
    equal &= _codes(stored["unit_received"], units_of(first)) == decoded.quantities[first.name].unit
    equal &= _codes(stored["outcome"], OUTCOMES) == decoded.outcome
    for definition, places in zip(layout.vital.quantities, zip(*scales, strict=True), strict=True):
        numbers = decoded.quantities[definition.name]
        value = np.array(stored[definition.name], np.float64)
        now = canonical(numbers, definition)
        equal &= (value == now) | (np.isnan(value) & np.isnan(now))
        equal &= _codes(stored[f"{definition.name}_absent"], ABSENCES) == numbers.absent
        equal &= _numbers(places, NONE) == _places(numbers)
    for name, column in (
        ("user_slot", decoded.user_slot),
        ("record_number", decoded.record_number),
    ):
        equal &= _numbers(stored[name], NONE) == column
    if "device_time" in layout.derived:
        equal &= _same_time(stored, decoded)
    return equal & _same_words(stored, decoded, equal)


def _codes(texts: Sequence[str | None], names: Sequence[str | None]) -> npt.NDArray[np.int64]:
    places = {name: place for place, name in enumerate(names)}
    return np.array([places.get(text, _UNKNOWN_CODE) for text in texts], np.int64)


def _numbers(values: Sequence[int | None], none: int) -> npt.NDArray[np.int64]:
    return np.array([none if value is None else value for value in values], np.int64)


def _places(numbers: Numbers) -> npt.NDArray[np.int64]:
    """Give the decimal places that a received number is written with, NONE where there is none."""
    places = np.maximum(-numbers.exponent.astype(np.int64), 0)
    return np.where(numbers.present, places, NONE)


def _same_time(stored: dict[str, Any], decoded: Columns) -> Booleans:
    """Compare what the device's clock said; a stamp of zeros is stored as none."""
    offsets = _numbers(stored["device_offset_min"], NO_OFFSET)
    key = np.array(NONE) if decoded.recorded is None else _time_keys(decoded.recorded)
    offset = np.where(key == NONE, NO_OFFSET, decoded.offset_min)
    equal: Booleans = (_text_keys(stored["device_time"]) == key) & (offsets == offset)
    return equal


def _time_keys(moment: DateTimes) -> npt.NDArray[np.int64]:
    """Write each moment as one number, NONE for zeros; one that has no such text is no key."""
    key, long = moment.year.astype(np.int64), moment.year > _FOUR_DIGITS
    for part in (moment.month, moment.day, moment.hour, moment.minute, moment.second):
        key = key * 100 + part
        long |= part > _TWO_DIGITS
    return np.where(long, _UNKNOWN_CODE, np.where(key == 0, NONE, key))


def _text_keys(texts: Sequence[str | None]) -> npt.NDArray[np.int64]:
    letters = np.array([text or "" for text in texts], f"U{_TEXT + 1}")
    codes = letters.view(np.uint32).reshape(len(texts), _TEXT + 1).astype(np.int64)
    digits = codes[:, _DIGITS] - ord("0")
    sound = ((digits >= 0) & (digits <= 9)).all(axis=1) & (codes[:, _TEXT] == 0)
    empty = codes[:, 0] == 0
    return np.where(empty, NONE, np.where(sound, digits @ _WEIGHTS, _UNKNOWN_CODE - 1))


def _same_words(stored: dict[str, Any], decoded: Columns, asked: Booleans) -> Booleans:
    """Compare status and attributes of the rows that are still asked about."""
    written, places = words(decoded)
    same = np.zeros(len(asked), np.bool_)
    statuses, attributes = stored["status"], stored["attributes"]
    for row in np.flatnonzero(asked).tolist():
        now, said = written[places[row]], attributes[row]
        status = kept_status(statuses[row], now.status)
        same_attributes = said == now.attributes or said == merged(said, now.attributes)
        same[row] = same_attributes and statuses[row] == status
    return same
