"""A stretch of history as the engine's columns: no object is made for a reading that is quiet."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alerts.backtest.history import QUALITIES, Booleans, History, Identities, Integers
from alerts.backtest.rows import Rows, unit_of
from alerts.engine.ladders.kinds import Kinds
from alerts.engine.ladders.ladder import VitalLadders
from alerts.engine.readings.columns import Columns, flags_of
from alerts.engine.state.partition_state import PartitionState
from alerts.rules.flags import known_flags
from alerts.rules.values import HI, LO, Values
from schemas.units import accepted

_DEVICE_CLOCK, _RECEIPT, _BOUNDED, _UNTRUSTED = range(len(QUALITIES))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of the log: ``stamps`` of each, and their readings by vital."""

    stamps: Integers
    parts: list[tuple[VitalLadders, Columns]]


class Layout:
    """What of a history does not change from stretch to stretch."""

    def __init__(self, history: History, state: PartitionState) -> None:
        """Give every patient of the history a row of the state."""
        self._history = history
        self._state = state
        rows = [state.row(name) for name in history.patient.names]
        self._row = np.array(rows, np.int64)[history.patient.code]
        pair = np.stack([history.received_ms, history.patient.code])
        new = np.ones(len(history), np.bool_)
        new[1:] = (np.diff(pair, axis=1) != 0).any(axis=0)
        self._entry = np.cumsum(new) - 1
        self._first = np.flatnonzero(new)
        self._alone = _alone(history)

    def stretches(self, rows_about: int) -> Iterator[tuple[int, Stretch]]:
        """Cut history between records; give each stretch with the row behind it."""
        begin, size = 0, len(self._history)
        while begin < size:
            entry = self._entry[min(begin + rows_about, size) - 1]
            end = int(np.searchsorted(self._entry, entry, side="right"))
            yield end, self._stretch(begin, end)
            begin = end

    def _stretch(self, begin: int, end: int) -> Stretch:
        entries = self._first[self._entry[begin] : self._entry[end - 1] + 1]
        stamps = self._history.received_ms[entries]
        places = np.arange(begin, end)
        code = self._history.vital.code[begin:end]
        parts = []
        for vital, kinds in zip(self._state.rule_set.vitals, self._state.kinds, strict=True):
            if not vital.ladders or vital.vital.name not in self._history.vital.names:
                continue
            rows = places[code == self._history.vital.names.index(vital.vital.name)]
            judged = self._history.measured_ms[rows] >= self._state.from_ms[self._row[rows]]
            kept = self._history.measured[rows] & (judged | (kinds.baseline is not None))
            rows, judged = rows[kept], judged[kept]
            if len(rows):
                parts.append((vital, self._columns(vital, kinds, rows, judged, begin)))
        return Stretch(stamps, parts)

    def _columns(
        self, vital: VitalLadders, kinds: Kinds, rows: Integers, judged: Booleans, begin: int
    ) -> Columns:
        history = self._history
        measured_ms, received_ms = history.measured_ms[rows], history.received_ms[rows]
        quality = history.quality[rows]
        earliest_ms = np.where(quality == _BOUNDED, history.earliest_ms[rows], measured_ms)
        entry = self._entry[rows]
        first = self._first[entry]
        alone = self._alone[rows]
        values = _values(history, vital, rows)
        said = (~np.isnan(values.number) | (values.beyond != 0)).any(axis=1)
        flags, flagged = _flags(history, vital, rows)
        timed = (quality == _DEVICE_CLOCK) | ((quality == _RECEIPT) & alone)
        met = sum(1 << number for number, need in enumerate(kinds.requirements) if need.met({}))
        return Columns(
            entry=entry - self._entry[begin],
            place=rows - first,
            row=self._row[rows],
            measured_ms=measured_ms,
            age_ms=received_ms - earliest_ms,
            least_age_ms=received_ms - measured_ms,
            seq=rows + 1,
            high=history.high[rows],
            low=history.low[rows],
            flagged=flagged,
            trusted=quality != _UNTRUSTED,
            device_clock=quality == _DEVICE_CLOCK,
            judged=judged,
            eligible=~flagged & timed & said,
            flags=flags,
            met=np.full(len(rows), met, np.int64),
            values=values,
            sources=Rows(history, rows),
        )


def _alone(history: History) -> Booleans:
    """Tell which readings are the only ones of their session.

    It matters to those that have no time of their own. What came twice is one reading. The engine
    finds out with a later record that one was not the only one; here it is known from the start.
    """
    alone = np.ones(len(history), np.bool_)
    session = history.patient.code * (len(history.session.names) + 1) + history.session.code
    counted = np.flatnonzero(history.session.code >= 0)
    asked = counted[history.quality[counted] == _RECEIPT]
    rows = counted[np.isin(session[counted], session[asked])]
    named = np.stack([session[rows], *(one[rows].view(np.int64) for one in _names(history))])
    once, which = np.unique(named, axis=1, return_inverse=True)
    _, place, count = np.unique(once[0], return_inverse=True, return_counts=True)
    alone[rows] = (count[place] == 1)[which.reshape(-1)]
    return alone


def _names(history: History) -> tuple[Identities, Identities]:
    return history.high, history.low


def _values(history: History, vital: VitalLadders, rows: Integers) -> Values:
    quantities = vital.vital.quantities
    number = np.full((len(quantities), len(rows)), np.nan)
    unit, beyond = np.zeros(number.shape, np.int8), np.zeros(number.shape, np.int8)
    code = history.unit.code[rows]
    for place, quantity in enumerate(quantities):
        column = history.values.get(quantity.name)
        if column is None:
            continue
        received = column[rows]
        infinite = np.isinf(received)
        number[place] = np.where(infinite, np.nan, received)
        beyond[place] = np.where(infinite, np.where(received > 0, HI, LO), 0)
        units = [
            accepted(quantity).index(unit_of(history, vital.vital.name, quantity.name, one))
            for one in (*range(len(history.unit.names)), -1)
        ]
        unit[place] = np.array(units, np.int8)[code]
    return Values(number.T, unit.T, beyond.T)


def _flags(history: History, vital: VitalLadders, rows: Integers) -> tuple[Integers, Booleans]:
    bits = {name: 1 << number for number, name in enumerate(known_flags(vital.vital.name))}
    words = [name.split() for name in history.status.names]
    sets = np.array([*(flags_of(one, bits) for one in words), flags_of(None, bits)], np.int64)
    gated = np.array([*(not set(vital.gated).isdisjoint(one) for one in words), False], np.bool_)
    code = history.status.code[rows]
    return sets[code], gated[code]
