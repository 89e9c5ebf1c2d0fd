"""Which column of somebody's table is which of ours: said by a person, never guessed.

A likely name is offered and not taken: ``Systolic 2`` may be the other arm, and a unit that is
taken for granted makes 5.4 mmol/L a dying patient's 5.4 mg/dL.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from schemas.errors import InvalidInput
from schemas.units import shown, ucum
from schemas.vitals import VITALS, Vital

NEEDED = ("patient_id", "vital", "measured_at")
OPTIONAL = (
    "unit", "received_at", "earliest_at", "time_quality", "outcome", "status", "reading_id",
    "session_id",
)  # fmt: skip
QUANTITIES = tuple(
    dict.fromkeys(quantity.name for vital in VITALS.values() for quantity in vital.quantities)
)
KNOWN = (*NEEDED, *QUANTITIES, *OPTIONAL)


def named_columns(texts: Iterable[str]) -> dict[str, str]:
    """Read ``patient_id=MRN``: by our name, that of the file. Raises ``InvalidInput``."""
    names: dict[str, str] = {}
    for text in texts:
        ours, _, theirs = (part.strip() for part in text.partition("="))
        if not theirs:
            raise InvalidInput("column", f"{text!r} is not like patient_id=MRN.")
        if ours not in KNOWN:
            raise InvalidInput("column", f"No column is read as {ours!r}. {_offered(ours, KNOWN)}")
        if names.setdefault(ours, theirs) != theirs:
            raise InvalidInput("column", f"{ours} is said to be {names[ours]!r} and {theirs!r}.")
    return names


def stated_units(texts: Iterable[str]) -> dict[str, str]:
    """Read ``glucose=mmol/L``: by vital, the UCUM code of its unit. Raises ``InvalidInput``."""
    units: dict[str, str] = {}
    for text in texts:
        name, _, unit = (part.strip() for part in text.partition("="))
        vital = VITALS.get(name)
        if vital is None:
            raise InvalidInput("unit", f"There is no vital {name!r}. {_offered(name, VITALS)}")
        if not any(quantity.conversion(ucum(unit)) for quantity in vital.quantities):
            known = ", ".join(_units_of(vital))
            raise InvalidInput("unit", f"{name} is not measured in {unit!r}, but in: {known}.")
        if units.setdefault(name, ucum(unit)) != ucum(unit):
            raise InvalidInput("unit", f"{name} is said to be in two units.")
    return units


def by_our_names(frame: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - pandas has no types
    """Give the table with our names of its columns. Raises ``InvalidInput``.

    A table of one vital needs no column that says so: only glucose has a column glucose.
    """
    columns = [str(name) for name in frame.columns]
    for ours, theirs in names.items():
        if theirs not in columns:
            why = f"--column {ours}={shlex.quote(theirs)}: the table has no column {theirs!r}."
            raise InvalidInput("columns", f"{why} {_offered(theirs, columns)}")
    named = frame.assign(**{ours: frame[theirs] for ours, theirs in names.items()})
    named = named.drop(columns=sorted({*names.values()} - names.keys()))
    if "vital" not in named.columns and (vital := _only_vital(named.columns)):
        named = named.assign(vital=vital)
    require_columns(named.columns)
    return named


def _only_vital(columns: Iterable[object]) -> str | None:
    """Name the vital whose quantities the columns hold; None if it may be another, as a pulse."""
    quantities = {str(name) for name in columns} & {*QUANTITIES}
    vitals = [
        name
        for name, vital in VITALS.items()
        if {vital.quantities[0].name} <= quantities <= {one.name for one in vital.quantities}
    ]
    return vitals[0] if len(vitals) == 1 else None


def in_units(frame: Any, units: Mapping[str, str], *, foreign: bool) -> Any:  # noqa: ANN401
    """Give the table with a column unit. Raises ``InvalidInput``.

    ``foreign``: its columns have other names than ours, so that nothing says in which units it is.
    """
    if "unit" in frame.columns:
        if units:
            raise InvalidInput("unit", "--unit: the table has a column unit, which says it.")
        return frame
    if not units and not foreign:
        return frame
    said = {str(name) for name in frame["vital"].dropna().unique()} & VITALS.keys()
    if missing := sorted(said - units.keys()):
        options = " ".join(f"--unit {name}={_units_of(VITALS[name])[0]}" for name in missing)
        raise InvalidInput(
            "unit",
            f"Nothing says in which unit {' and '.join(missing)} is, and none is guessed. Name the "
            f"column that does, --column unit=…, or say it, such as {options}.",
        )
    return frame.assign(unit=frame["vital"].map(units))


def require_columns(columns: Iterable[object]) -> list[str]:
    """Give the columns that hold values. Raises ``InvalidInput`` if there is none, or no other."""
    has = [str(name) for name in columns]
    missing = [name for name in NEEDED if name not in has]
    quantities = [name for name in QUANTITIES if name in has]
    if missing or not quantities:
        lacks = missing if quantities else [*missing, "systolic"]
        none = "" if quantities else " (or whichever quantity it holds)"
        free = [name for name in has if name not in KNOWN]
        options = " ".join(f"--column {name}={_likely(name, free)}" for name in lacks)
        raise InvalidInput(
            "columns",
            f"The table lacks {', '.join(lacks)}{none}; "
            f"its columns are {', '.join(has) or 'none'}. "
            f"If they are there by other names, say which: {options}",
        )
    return quantities


def _likely(ours: str, free: Sequence[str]) -> str:
    """Give the name in the table that is like ours, as a shell takes it; else a place for one."""
    plain = {name.casefold().replace(" ", "_"): name for name in free}
    near = get_close_matches(ours, plain, n=1)
    return shlex.quote(plain[near[0]]) if near else "'…'"


def _offered(wrong: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(wrong, names, n=1) or [
        name for name in names if name.casefold() == wrong.casefold()
    ]
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(names)}."


def _units_of(vital: Vital) -> list[str]:
    quantity = vital.quantities[0]
    return [shown(unit) for unit in (quantity.unit, *quantity.units)]
