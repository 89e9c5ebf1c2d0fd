"""From columns to what a ring and the sums over days keep of readings, and back to values."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

import numpy as np

from alerts.engine.columns import ASSESSED, Booleans, Columns, Integers, status_of
from alerts.engine.identity import name_of
from alerts.engine.kinds import Kinds
from alerts.engine.memory import Layout, Structured, flags_bits
from alerts.engine.sight import Sight
from alerts.rules.values import HI, LO, Chosen, Requirement, Values
from schemas.reading import Absence, Quantity
from schemas.units import accepted
from schemas.vitals import Vital

_MILLI = 1000
_MICRO = 1_000_000
_MICRO_IN_TENTH = _MICRO // 10
_MILLI_MAX = 2**31 - 1
_UNIT_BITS = 2
_STATES = (0, HI, LO)
_ABSENT = 3
_RECEIPT = 1
"""In a mark: the time is that of receipt; above it a bit for each requirement that is met."""


def entries_of(layout: Layout, columns: Columns) -> Structured:
    """Make what a ring keeps of readings."""
    entries = np.zeros(len(columns), layout.entry)
    values = columns.values
    known = ~np.isnan(values.number)
    milli = np.rint(np.where(known, values.number, 0.0) * _MILLI)
    entries["at_ms"] = columns.measured_ms
    entries["high"], entries["low"] = columns.high, columns.low
    entries["seq"] = columns.seq & 0xFFFFFFFF
    entries["milli"] = np.clip(milli, -_MILLI_MAX, _MILLI_MAX)
    state = np.where(known, 0, _ABSENT)
    for code in (1, 2):
        state[values.beyond == _STATES[code]] = code
    nibble = values.unit.astype(np.int64) | state << _UNIT_BITS
    entries["codes"] = (nibble << 4 * np.arange(nibble.shape[1])).sum(axis=1)
    highest = np.uint64(layout.entry["flags"].itemsize * 8 - 1)
    assessed = (columns.flags & ASSESSED != 0).astype(np.uint64) << highest
    entries["flags"] = (columns.flags & ~ASSESSED).astype(np.uint64) | assessed
    entries["mark"] = np.where(columns.device_clock, 0, _RECEIPT) | columns.met << 1
    return entries


def values_of_entries(
    entries: Structured, kinds: Kinds, chosen: Mapping[str, Chosen] | None = None
) -> Values:
    """Give back the values of what rings keep, one row an entry."""
    milli = entries["milli"]
    nibble = entries["codes"].astype(np.int64)[:, None] >> 4 * np.arange(milli.shape[1])
    state = nibble >> _UNIT_BITS & 3
    beyond = np.array([*_STATES, 0], np.int8)[state]
    highest = np.uint64(entries.dtype["flags"].itemsize * 8 - 1)
    said = entries["flags"].astype(np.uint64)
    flags = (said & ~(np.uint64(1) << highest)).astype(np.int64)
    flags |= np.where(said >> highest == 1, ASSESSED, 0)
    return Values(
        number=np.where(state == 0, milli / _MILLI, np.nan),
        unit=(nibble & 3).astype(np.int8),
        beyond=beyond,
        status=status_of(flags, kinds.flags, kinds.known_flags),
        met=met_of(entries["mark"].astype(np.int64) >> 1, kinds.requirements),
        chosen=chosen or {},
    )


def met_of(met: Integers, requirements: Sequence[Requirement]) -> dict[Requirement, Booleans]:
    """Say of each requirement which readings meet it."""
    return {one: met >> number & 1 == 1 for number, one in enumerate(requirements)}


def with_circumstances(columns: Columns, kinds: Kinds, chosen: dict[str, Chosen]) -> Values:
    """Give the values of a batch with everything that a rule may ask for."""
    values = columns.values
    return Values(
        values.number,
        values.unit,
        values.beyond,
        status_of(columns.flags, kinds.flags, kinds.known_flags),
        met_of(columns.met, kinds.requirements),
        chosen,
    )


def tenths_of(values: Values, vital: Vital) -> Integers:
    """Give values in tenths of the canonical unit, rounded half up; 0 where there is none.

    In millionths first: a decimal that has at most six places is exact there.
    """
    number = np.where(np.isnan(values.number), 0.0, values.number)
    micro = np.rint(number * _MICRO)
    for index, quantity in enumerate(vital.quantities):
        for code, conversion in enumerate(quantity.units.values(), start=1):
            here = values.unit[:, index] == code
            if here.any():
                shifted = number[here, index] - float(conversion.zero)
                canonical = shifted * float(conversion.multiplier) / float(conversion.divisor)
                micro[here, index] = np.rint(canonical * _MICRO)
    tenths: Integers = (micro.astype(np.int64) + _MICRO_IN_TENTH // 2) // _MICRO_IN_TENTH
    return tenths


Entry: TypeAlias = tuple[int, int, int, int, Sequence[int], int, int, int]
"""An entry of a ring as Python has it: ``at_ms``, ``high``, ``low``, ``seq``, ``milli``, …"""


def is_receipt(entry: Entry) -> bool:
    """Tell whether an entry's time is that of receipt; else it is the device's own."""
    return bool(entry[-1] & _RECEIPT)


def sight_of_entry(entry: Entry, vital: Vital, kinds: Kinds) -> Sight:
    """Describe a reading that a ring keeps."""
    at_ms, high, low, _, milli, codes, flags, _ = entry
    known = kinds.known_flags
    quantities = {}
    for place, quantity in enumerate(vital.quantities):
        nibble = codes >> 4 * place
        unit, state = accepted(quantity)[nibble & 3], nibble >> _UNIT_BITS & 3
        if state == 0:
            quantities[quantity.name] = Quantity(unit, value=_text(int(milli[place])))
        elif state != _ABSENT:
            absent: Absence = "positive-infinity" if state == 1 else "negative-infinity"
            quantities[quantity.name] = Quantity(unit, absent=absent)
    return Sight(
        reading_id=name_of(high, low),
        vital=vital.name,
        measured_at_ms=at_ms,
        time_quality="receipt" if is_receipt(entry) else "device-clock",
        quantities=quantities,
        status=[name for place, name in enumerate(known) if flags >> place & 1]
        if flags >> flags_bits(len(known)) - 1
        else None,
        silent=[name for place, name in enumerate(known) if flags >> len(known) + place & 1],
    )


def _text(milli: int) -> str:
    whole, rest = divmod(int(milli), _MILLI)  # numpy.int32 where a round was taken as arrays
    return f"{Decimal(int(milli)) / _MILLI:f}" if rest else str(whole)
