"""Rows of a history as the readings that they were, each made only when somebody asks for it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from math import isinf, isnan, nan
from typing import overload

from alerts.backtest.history import QUALITIES, History, Integers
from schemas.kafka import Stamp, StampedReading
from schemas.reading import Absence, Capture, Device, Outcome, Quantity, Reading
from schemas.vitals import VITALS

_DEVICE = Device("unknown")
_SHOWN_IN_TENTHS = ("mmol/L", "kPa")
_NOWHERE = Capture("history", 0)


class Rows(Sequence[StampedReading]):
    """Some rows of a history, in an order of one's own."""

    def __init__(self, history: History, rows: Integers) -> None:
        """Take the numbers of the rows."""
        self._history = history
        self._rows = rows

    def __len__(self) -> int:
        """Count them."""
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> StampedReading: ...
    @overload
    def __getitem__(self, place: slice) -> "Rows": ...
    def __getitem__(self, place: int | slice) -> "StampedReading | Rows":
        """Make one, or choose some."""
        if isinstance(place, slice):
            return Rows(self._history, self._rows[place])
        return reading_of(self._history, int(self._rows[place]))


def reading_of(history: History, row: int) -> StampedReading:
    """Make a row's reading."""
    vital = history.vital.names[history.vital.code[row]]
    measured_ms, received_ms = int(history.measured_ms[row]), int(history.received_ms[row])
    quality = QUALITIES[history.quality[row]]
    status = history.status.code[row]
    outcome: Outcome = "measured" if history.measured[row] else "failed"
    latest_ms = received_ms if quality in ("bounded", "untrusted") else measured_ms
    return StampedReading(
        Reading(
            seq=row + 1,
            reading_id=f"{history.high[row]:016x}{history.low[row]:016x}",
            vital=vital,
            device=_DEVICE,
            characteristic="",
            raw="",
            quantities=dict(_quantities(history, vital, row)),
            session_id=str(row),
            capture=_NOWHERE,
            outcome=outcome,
            session_newest=True,
            status=None if status < 0 else history.status.names[status].split(),
        ),
        Stamp(
            received_at_ms=received_ms,
            captured_at_ms=measured_ms,
            measured_at_ms=measured_ms,
            earliest_ms=int(history.earliest_ms[row]),
            latest_ms=latest_ms,
            quality=quality,
        ),
    )


def unit_of(history: History, vital: str, quantity: str, code: int) -> str:
    """Give the unit in which a quantity was received: the row's, if the quantity has it."""
    return _unit(vital, quantity, history.unit.names[code] if code >= 0 else None)


@cache
def _unit(vital: str, quantity: str, received: str | None) -> str:
    known = VITALS[vital].quantity(quantity)
    assert known is not None
    unit = known.unit if received is None else received
    return unit if known.conversion(unit) is not None else known.unit


def _quantities(history: History, vital: str, row: int) -> Iterable[tuple[str, Quantity]]:
    code = int(history.unit.code[row])
    for quantity in VITALS[vital].quantities:
        column = history.values.get(quantity.name)
        value = nan if column is None else float(column[row])
        if isnan(value):
            continue
        unit = unit_of(history, vital, quantity.name, code)
        if isinf(value):
            absent: Absence = "positive-infinity" if value > 0 else "negative-infinity"
            yield quantity.name, Quantity(unit, absent=absent)
        else:
            yield quantity.name, Quantity(unit, value=_text(value, unit))


def _text(value: float, unit: str) -> str:
    """Write a value as displays do: 120, not 120.0, but 7.0 mmol/L."""
    whole = value.is_integer()  # nearly all are
    text = str(int(value)) if whole else f"{Decimal(repr(value)).normalize():f}"
    return f"{text}.0" if whole and unit in _SHOWN_IN_TENTHS else text
