"""Readings and episodes as columns: a row each, as stored readings are exported for a back-test."""

from collections.abc import Iterable, Sequence

from schemas.kafka import PatientReadings, ReadingsRecord
from schemas.reading import BEYOND, Quantity
from schemas.vitals import BLOOD_PRESSURE, GLUCOSE
from simulators.cohort.episodes import Episode

_QUANTITIES = [
    quantity.name for vital in (BLOOD_PRESSURE, GLUCOSE) for quantity in vital.quantities
]

Columns = dict[str, list[object]]


def reading_columns(records: Iterable[ReadingsRecord]) -> Columns:
    """Lay out every reading of a log in its order, as a back-test reads them; times in UTC ms."""
    columns: Columns = {name: [] for name in (*_ALWAYS, *_QUANTITIES, "unit", "status")}
    for record in records:
        if not isinstance(record, PatientReadings):
            continue
        for stamped in record.readings:
            reading, stamp = stamped.reading, stamped.stamp
            row = (
                record.patient_id,
                reading.reading_id,
                reading.vital,
                stamp.measured_at_ms,
                stamp.received_at_ms,
                stamp.earliest_ms,
                stamp.quality,
                reading.outcome,
                reading.session_id,
            )
            for name, value in zip(_ALWAYS, row, strict=True):
                columns[name].append(value)
            for name in _QUANTITIES:
                columns[name].append(_text(reading.quantities.get(name)))
            main = reading.quantities.get("glucose") or reading.quantities.get("systolic")
            columns["unit"].append(main and main.unit)
            status = reading.status
            columns["status"].append(None if status is None else " ".join(status))
    return columns


def episode_columns(episodes: Sequence[Episode]) -> Columns:
    """Lay out the truth; ``peak`` as text."""
    return {
        "patient_id": [one.patient_id for one in episodes],
        "problem": [one.problem for one in episodes],
        "grade": [one.grade for one in episodes],
        "onset_ms": [one.onset_ms for one in episodes],
        "end_ms": [one.end_ms for one in episodes],
        "peak": [
            " ".join(f"{name}={value}" for name, value in one.peak.items()) for one in episodes
        ],
    }


_ALWAYS = (
    "patient_id", "reading_id", "vital", "measured_at", "received_at", "earliest_at",
    "time_quality", "outcome", "session_id",
)  # fmt: skip


def _text(quantity: Quantity | None) -> str | None:
    if quantity is None:
        return None
    return quantity.value if quantity.absent is None else BEYOND.get(quantity.absent)
