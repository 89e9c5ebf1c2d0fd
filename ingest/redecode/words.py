"""From codes to words: the status and attributes of many payloads, each distinct pair written once.

Not here: what needs the bytes themselves, bytes left over and a number beside HI or LO.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.redecode.columns import NONE, Columns
from ingest.redecode.numbers import Booleans
from schemas import vitals
from schemas.gatt import blood_pressure, glucose, glucose_context
from schemas.gatt.codes import Bits, Code
from schemas.gatt.quirks import QUIRKS

_STATUS: dict[str, type[Bits]] = {
    vitals.BLOOD_PRESSURE.name: blood_pressure.Status,
    vitals.GLUCOSE.name: glucose.Status,
}
_CODES: dict[str, type[Code]] = {
    "sample_type": glucose.SampleType,
    "sample_location": glucose.SampleLocation,
    "meal": glucose_context.Meal,
    "carbohydrate_kind": glucose_context.CarbohydrateKind,
    "tester": glucose_context.Tester,
    "health": glucose_context.Health,
    "medication_kind": glucose_context.MedicationKind,
}
_TRUE_IF_SET = frozenset({"context_follows"})
_REPORTED = "reported"


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
    bits = int(columns.status[row])
    sent = {name: int(codes[row]) for name, codes in columns.codes.items()}
    attributes = {
        name: _word(name, code)
        for name, code in sent.items()
        if code != NONE and name != _REPORTED and (code or name not in _TRUE_IF_SET)
    }
    if bits == NONE:
        return Words(None, attributes)
    return Words(list(_STATUS[columns.vital.name](bits).labels), attributes)


def _word(name: str, code: int) -> str:
    if name in _TRUE_IF_SET:
        return "true"
    return QUIRKS[code].title if name == "quirk" else _CODES[name](code).label
