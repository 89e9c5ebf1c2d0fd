"""From codes to words: the status and attributes of many payloads, each distinct pair written once.

Not here: what needs the bytes themselves, bytes left over and a number beside HI or LO.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.redecode.columns import NONE, Columns
from ingest.redecode.numbers import Booleans
from schemas import vitals
from schemas.gatt import blood_pressure, glucose, glucose_context, oximeter, thermometer
from schemas.gatt.codes import Bits, Code
from schemas.gatt.quirks import QUIRKS

_STATUS: dict[str, type[Bits]] = {
    vitals.BLOOD_PRESSURE.name: blood_pressure.Status,
    vitals.GLUCOSE.name: glucose.Status,
    vitals.OXIMETRY.name: oximeter.MeasurementStatus,
}
_CODES: dict[str, type[Code]] = {
    "sample_type": glucose.SampleType,
    "sample_location": glucose.SampleLocation,
    "meal": glucose_context.Meal,
    "carbohydrate_kind": glucose_context.CarbohydrateKind,
    "tester": glucose_context.Tester,
    "health": glucose_context.Health,
    "medication_kind": glucose_context.MedicationKind,
    "place": thermometer.TemperatureType,
}
_TRUE_IF_SET = frozenset({"context_follows"})
_REPORTED = "reported"
_SENSOR_STATUS = "sensor_status"
"""The second status field of an oximeter; both make one list."""
_NO_WORDS = frozenset({_REPORTED, _SENSOR_STATUS})


class Words(NamedTuple):
    """What a measurement says in words; see ``schemas.gatt.measurement.Measurement``."""

    status: list[str] | None
    attributes: dict[str, str]


def need_bytes(columns: Columns) -> Booleans:
    """Tell which payloads have words that no code tells."""
    needy: Booleans = columns.trailing > 0
    reported = columns.codes.get(_REPORTED)
    return needy if reported is None else needy | (reported != 0)


def words(columns: Columns) -> tuple[list[Words], npt.NDArray[np.intp]]:
    """Give the distinct words, and of each payload the place of its words among them."""
    key = columns.status.astype(np.int64) + 1
    for codes in columns.codes.values():
        key = key * (int(codes.max(initial=NONE)) - NONE + 1) + (codes - NONE)
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return [_words(columns, int(row)) for row in first], place


def _words(columns: Columns, row: int) -> Words:
    fields = (
        (int(columns.status[row]), _STATUS.get(columns.vital.name)),
        (int(columns.codes[_SENSOR_STATUS][row]), oximeter.SensorStatus)
        if _SENSOR_STATUS in columns.codes
        else (NONE, None),
    )
    sent = {name: int(codes[row]) for name, codes in columns.codes.items()}
    attributes = {
        name: _word(name, code)
        for name, code in sent.items()
        if code != NONE and name not in _NO_WORDS and (code or name not in _TRUE_IF_SET)
    }
    noticed = [kind(bits).noticed for bits, kind in fields if kind is not None and bits != NONE]
    status = [label for labels in noticed for label in labels] if noticed else None
    return Words(status, attributes)


def _word(name: str, code: int) -> str:
    if name in _TRUE_IF_SET:
        return "true"
    return QUIRKS[code].title if name == "quirk" else _CODES[name](code).label
