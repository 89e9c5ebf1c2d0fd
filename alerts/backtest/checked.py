"""Units and values of a table, asked as the bridge asks those that come from homes.

What it would refuse no rule has ever judged: a back-test that takes 3.0 of a unit that nobody knows
for 3.0 mg/dL tells of a night that never was. Only letters are forgiven: ``mg/dl`` is ``mg/dL``.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schemas.units import accepted, shown, ucum
from schemas.vitals import VITALS, Quantity, Vital

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_WORDS = {"HI": np.inf, "LO": -np.inf}
_DECIMAL_COMMA = r"^([+-]?\d{1,3}),(\d{1,2})$"
_UNITS = {
    spelt.casefold(): unit
    for vital in VITALS.values()
    for quantity in vital.quantities
    for unit in accepted(quantity)
    for spelt in (unit, shown(unit))
}

REASONS: dict[str, str] = {
    "vital": f"there is no such vital; those that rules judge are {', '.join(VITALS)}",
    "patient": "patient_id is missing",
    "time": "a time cannot be read, or lies before the measurement that it is said to be the "
    "arrival of: write 2026-03-02T08:00Z, or milliseconds since 1970",
    "value": "a value is no number: write 5.4, HI or LO",
    "unit": "the vital is not measured in that unit: write mmHg, kPa, mg/dL, mmol/L, …",
    "implausible": "no living patient has such a value; a wrong unit may be why",
}
"""Why a row is left out, in words."""


def numbers(column: Any) -> tuple[Floats, Booleans]:  # noqa: ANN401 - pandas has no types here
    """Read values; also which of them are neither a number nor HI, LO or absent."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan), np.zeros(len(column), np.bool_)
    absent = column.isna().to_numpy()
    text = column.astype("string").str.strip().str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
    words = text.map(_WORDS).to_numpy(np.float64, na_value=np.nan)
    read = pd.to_numeric(text, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    found: Floats = np.where(np.isnan(words), read, words)
    return found, np.isnan(found) & ~absent & (text != "").fillna(value=False).to_numpy(np.bool_)


def units(column: Any) -> Any:  # noqa: ANN401
    """Give UCUM codes; what is none, as it is written."""
    text = column.astype("string").str.strip()
    names = {name: _UNITS.get(name.casefold(), ucum(name)) for name in text.dropna().unique()}
    return text.map(names).replace("", pd.NA)


def doubtful(
    vitals: Any,  # noqa: ANN401
    received: Any | None,  # noqa: ANN401
    values: Mapping[str, Floats],
) -> tuple[Booleans, Booleans]:
    """Tell which rows have a unit that their vital has not, and which no living patient's value."""
    unknown, impossible = np.zeros(len(vitals), np.bool_), np.zeros(len(vitals), np.bool_)
    for name in vitals.dropna().unique():
        vital = VITALS.get(name)
        if vital is None:
            continue
        of_vital = (vitals == name).to_numpy(np.bool_, na_value=False)
        if received is None:
            impossible |= _impossible(vital, None, values, of_vital)
            continue
        for unit in received[of_vital].unique():
            same = received.isna() if pd.isna(unit) else received == unit
            rows = of_vital & same.to_numpy(np.bool_, na_value=False)
            known = None if pd.isna(unit) else str(unit)
            if known is not None and not any(one.conversion(known) for one in vital.quantities):
                unknown |= rows
            else:
                impossible |= _impossible(vital, known, values, rows)
    return unknown, impossible


def without_value(vitals: Any, values: Mapping[str, Floats]) -> Booleans:  # noqa: ANN401
    """Tell which rows hold no value of their vital."""
    empty = np.ones(len(vitals), np.bool_)
    for name in vitals.dropna().unique():
        of_vital = (vitals == name).to_numpy(np.bool_, na_value=False)
        for quantity in VITALS[name].quantities if name in VITALS else ():
            if quantity.name in values:
                empty &= ~of_vital | np.isnan(values[quantity.name])
    return empty


def _impossible(
    vital: Vital, unit: str | None, values: Mapping[str, Floats], rows: Booleans
) -> Booleans:
    beyond = np.zeros(len(rows), np.bool_)
    for quantity in vital.quantities:
        if quantity.name in values:
            low, high = _plausible(quantity, unit)
            value = values[quantity.name]
            beyond |= np.isfinite(value) & ((value < low) | (value > high))
    for above, below in vital.descending:
        if above in values and below in values:
            both = np.isfinite(values[above]) & np.isfinite(values[below])  # HI is no number
            beyond |= both & (values[above] <= values[below])
    return beyond & rows


def _plausible(quantity: Quantity, unit: str | None) -> tuple[float, float]:
    """Give the bounds in the unit received; a hair wider, for what a float cannot say."""
    conversion = quantity.conversion(unit) if unit is not None else None
    if conversion is None:  # the row's unit is another quantity's: pulse beside pressures
        return float(quantity.plausible[0]), float(quantity.plausible[1])
    hair = Decimal("1e-9")
    low, high = (conversion.received(bound) for bound in quantity.plausible)
    return float(low - hair), float(high + hair)
