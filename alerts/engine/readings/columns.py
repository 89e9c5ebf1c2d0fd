"""From records to columns: what the rules see of the readings of one vital."""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from alerts.engine.readings.identity import Identities, identities, name_of
from alerts.rules.flags import known_flags, silent_flags
from alerts.rules.values import CLEAR, NOT_ASSESSED, SET, SIDES, Requirement, Values
from schemas.kafka import StampedReading
from schemas.reading import Quantity
from schemas.units import accepted
from schemas.vitals import Vital

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
_T = TypeVar("_T", bound=np.generic)
_Key = TypeVar("_Key", bound=Hashable)

_ABSENT = (math.nan, 0, 0)
ASSESSED = 1 << 62
"""In a set of flags: the device said which it had noticed; see ``flags_of``."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings of one vital in the order in which they are judged; times in UTC ms.

    ``entry``: the record's place in the batch; ``place``: the reading's place in its record;
    ``age_ms``: receipt minus the earliest instant that the time's quality allows;
    ``least_age_ms``: minus the latest. ``high`` and ``low``: the reading_id. ``judged``:
    measured since the care plan began; else it only feeds a baseline. ``eligible``: enters windows.
    ``flags``: see ``flags_of``; ``met``: one for each requirement of the rules.
    """

    entry: Integers
    place: Integers
    row: Integers
    measured_ms: Integers
    age_ms: Integers
    least_age_ms: Integers
    seq: Integers
    high: Identities
    low: Identities
    flagged: Booleans
    trusted: Booleans
    device_clock: Booleans
    judged: Booleans
    eligible: Booleans
    flags: Integers
    met: Integers
    values: Values
    sources: Sequence[StampedReading]

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.row)

    def name(self, position: int) -> str:
        """Give a reading_id."""
        return name_of(int(self.high[position]), int(self.low[position]))

    @property
    def identity(self) -> Identities:
        """Name each reading in the table of recent ones; 0 means empty there."""
        return np.maximum(self.low, np.uint64(1))


@dataclass(slots=True)
class Gatherer:
    """Collects the readings of one vital; ``gated`` are the flags that weaken a match."""

    vital: Vital
    gated: frozenset[str]
    requirements: tuple[Requirement, ...] = ()
    sources: list[StampedReading] = field(default_factory=list)
    places: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Entry, place in it, row of the patient, receipt stamp."""
    alone: list[bool] = field(default_factory=list)
    judged: list[bool] = field(default_factory=list)

    def add(
        self,
        place: tuple[int, int, int, int],
        stamped: StampedReading,
        *,
        alone: bool,
        judged: bool,
    ) -> None:
        """Take one reading; ``alone``: no other one of its session is known."""
        self.places.append(place)
        self.sources.append(stamped)
        self.alone.append(alone)
        self.judged.append(judged)

    def columns(self) -> Columns:
        """Lay them out."""
        stamps = [stamped.stamp for stamped in self.sources]
        readings = [stamped.reading for stamped in self.sources]
        entry, place, row, received_ms = np.array(self.places, dtype=np.int64).reshape(-1, 4).T
        measured_ms = _integers([stamp.measured_at_ms for stamp in stamps])
        earliest_ms = _integers(
            [
                stamp.earliest_ms if stamp.quality == "bounded" else stamp.measured_at_ms
                for stamp in stamps
            ]
        )
        high, low = identities([reading.reading_id for reading in readings])
        flagged = _booleans(
            [
                bool(reading.status) and not self.gated.isdisjoint(reading.status or ())
                for reading in readings
            ]
        )
        device_clock = _booleans([stamp.quality == "device-clock" for stamp in stamps])
        receipt = _booleans([stamp.quality == "receipt" for stamp in stamps])
        values = values_of([reading.quantities for reading in readings], self.vital)
        said = (~np.isnan(values.number) | (values.beyond != 0)).any(axis=1)
        timed = device_clock | (receipt & _booleans(self.alone))
        bits = {name: 1 << number for number, name in enumerate(known_flags(self.vital.name))}
        return Columns(
            entry=entry,
            place=place,
            row=row,
            measured_ms=measured_ms,
            age_ms=received_ms - earliest_ms,
            least_age_ms=received_ms - measured_ms,
            seq=_integers([reading.seq for reading in readings]),
            high=high,
            low=low,
            flagged=flagged,
            trusted=_booleans([stamp.quality != "untrusted" for stamp in stamps]),
            device_clock=device_clock,
            judged=_booleans(self.judged),
            eligible=~flagged & timed & said,
            flags=_integers(
                [
                    flags_of(reading.status, bits, silent_flags(reading.attributes))
                    for reading in readings
                ]
            ),
            met=_integers(
                [self._met(reading.attributes) if reading.attributes else 0 for reading in readings]
            ),
            values=values,
            sources=self.sources,
        )

    def _met(self, attributes: dict[str, str]) -> int:
        """Give a bit for each requirement that is met: none is where nothing is said."""
        return sum(one.met(attributes) << number for number, one in enumerate(self.requirements))


def pick(column: npt.NDArray[_T], positions: Integers) -> npt.NDArray[_T]:
    """Give a column at some of its places, which ascend: if that is all of them, the column itself.

    Mostly each patient of a batch sends one reading: its one round would copy every column, twice.
    """
    return column if len(positions) == len(column) else column[positions]


def _integers(numbers: list[int]) -> Integers:  # a generator would take twice as long
    return np.array(numbers, dtype=np.int64)


def _booleans(truths: list[bool]) -> Booleans:
    return np.array(truths, dtype=np.bool_)


def flags_of(status: Sequence[str] | None, bits: dict[str, int], silent: Sequence[str] = ()) -> int:
    """Make a set of what a device reports; flags that nobody knows are left out.

    A bit for each known flag that is set; above those, one for each that the device cannot set.
    """
    if status is None:
        return 0
    noticed = sum(bits.get(name, 0) for name in set(status)) if status else 0
    if not silent:  # of most readings nothing is said
        return noticed | ASSESSED
    unknown = sum(bits.get(name, 0) for name in set(silent) - set(status))
    return noticed | unknown << len(bits) | ASSESSED


def status_of(
    flags: Integers, names: Sequence[str], known: Sequence[str]
) -> dict[str, npt.NDArray[np.int8]]:
    """Say of each flag asked for what readings say of it."""
    found = {}
    for name in names:
        place = known.index(name)
        assessed = (flags & ASSESSED != 0) & (flags >> (len(known) + place) & 1 == 0)
        noticed = np.where(flags >> place & 1 == 1, SET, CLEAR)
        found[name] = np.where(assessed, noticed, NOT_ASSESSED).astype(np.int8)
    return found


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
        return math.nan, code, SIDES.get(received.absent or "", 0)
    try:
        number = float(received.value)
    except ValueError:  # the bridge refuses these; a consumer is never stopped by one
        return _ABSENT
    return (number, code, 0) if math.isfinite(number) else _ABSENT


def stacked(keys: Iterable[_Key], row_of: Callable[[_Key], npt.ArrayLike]) -> npt.NDArray[Any]:
    """Lay out a row for each key: few of many are different, and only of those it is made."""
    places: dict[_Key, int] = {}
    which = [places.setdefault(key, len(places)) for key in keys]
    return np.array([row_of(key) for key in places])[which]
