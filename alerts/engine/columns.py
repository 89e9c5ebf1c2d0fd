"""From records to columns: what the rules see of the readings of one vital."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from alerts.engine.identity import short_identity
from alerts.rules.units import accepted
from alerts.rules.values import HI, LO, Values
from schemas.kafka import StampedReading
from schemas.reading import Quantity
from schemas.vitals import Vital

Integers = npt.NDArray[np.int64]
Identities = npt.NDArray[np.uint64]
Booleans = npt.NDArray[np.bool_]

_BEYOND = {"positive-infinity": HI, "negative-infinity": LO}
_ABSENT = (math.nan, 0, 0)


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings of one vital in the order in which they are judged; times in UTC ms.

    ``entry``: the record's place in the batch; ``place``: the reading's place in its record;
    ``age_ms``: receipt minus the earliest instant that the time's quality allows;
    ``least_age_ms``: minus the latest.
    """

    entry: Integers
    place: Integers
    row: Integers
    measured_ms: Integers
    age_ms: Integers
    least_age_ms: Integers
    identity: Identities
    flagged: Booleans
    trusted: Booleans
    device_clock: Booleans
    values: Values
    sources: list[StampedReading]

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.sources)


@dataclass(slots=True)
class Gatherer:
    """Collects the readings of one vital; ``gated`` are the flags that weaken a match."""

    vital: Vital
    gated: frozenset[str]
    sources: list[StampedReading] = field(default_factory=list)
    places: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Entry, place in it, row of the patient, receipt stamp."""

    def add(self, place: tuple[int, int, int, int], stamped: StampedReading) -> None:
        """Take one reading."""
        self.places.append(place)
        self.sources.append(stamped)

    def columns(self) -> Columns:
        """Lay them out."""
        stamps = [stamped.stamp for stamped in self.sources]
        entry, place, row, received_ms = np.array(self.places, dtype=np.int64).reshape(-1, 4).T
        measured_ms = np.array([stamp.measured_at_ms for stamp in stamps], dtype=np.int64)
        earliest_ms = np.array(
            [
                stamp.earliest_ms if stamp.quality == "bounded" else stamp.measured_at_ms
                for stamp in stamps
            ],
            dtype=np.int64,
        )
        readings = [stamped.reading for stamped in self.sources]
        return Columns(
            entry=entry,
            place=place,
            row=row,
            measured_ms=measured_ms,
            age_ms=received_ms - earliest_ms,
            least_age_ms=received_ms - measured_ms,
            identity=np.array(
                [short_identity(reading.reading_id) for reading in readings], dtype=np.uint64
            ),
            flagged=np.array(
                [not self.gated.isdisjoint(reading.status or ()) for reading in readings],
                dtype=np.bool_,
            ),
            trusted=np.array([stamp.quality != "untrusted" for stamp in stamps], dtype=np.bool_),
            device_clock=np.array(
                [stamp.quality == "device-clock" for stamp in stamps], dtype=np.bool_
            ),
            values=values_of([reading.quantities for reading in readings], self.vital),
            sources=self.sources,
        )


def values_of(quantities: Sequence[dict[str, Quantity]], vital: Vital) -> Values:
    """Lay out the values of readings, as received; a unit never accepted counts as absent."""
    size = (len(vital.quantities), len(quantities))
    number, unit, beyond = np.empty(size), np.empty(size, np.int8), np.empty(size, np.int8)
    for index, quantity in enumerate(vital.quantities):
        codes = {name: code for code, name in enumerate(accepted(quantity))}
        cells = [_cell(received.get(quantity.name), codes) for received in quantities]
        number[index], unit[index], beyond[index] = zip(*cells, strict=True) if cells else _EMPTY
    return Values(number.T, unit.T, beyond.T)


_EMPTY = ((), (), ())


def _cell(received: Quantity | None, codes: dict[str, int]) -> tuple[float, int, int]:
    if received is None:
        return _ABSENT
    code = codes.get(received.unit)
    if code is None:
        return _ABSENT
    if received.value is None:
        return math.nan, code, _BEYOND.get(received.absent or "", 0)
    try:
        number = float(received.value)
    except ValueError:  # the bridge refuses these; a consumer is never stopped by one
        return _ABSENT
    return (number, code, 0) if math.isfinite(number) else _ABSENT
