"""Limits that a care plan replaces: which one each reading is compared with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alerts.engine.readings.columns import Booleans, Integers
from alerts.rules import syntax
from alerts.rules.bounds import Statement
from alerts.rules.errors import ExpressionError
from alerts.rules.values import Chosen
from schemas.registry import PersonalLimit
from schemas.units import ucum

_FOR_EVER_MS = 2**62


@dataclass(frozen=True, slots=True)
class Personal:
    """One limit of a patient, as it is compared; ``written`` is its record."""

    name: str
    stated: Statement
    from_ms: int
    until_ms: int
    written: PersonalLimit


def personal_limits(limits: Iterable[PersonalLimit]) -> tuple[Personal, ...]:
    """Read a plan's limits, the one that counts last at the end; what no patient has is left out.

    The registry refuses such a limit before it gets here.
    """
    found = []
    for limit in sorted(limits, key=lambda one: one.entered_at_ms):
        try:
            amounts = [syntax.parse_amount(text) for text in limit.values]
        except ExpressionError:
            continue
        stated = tuple((ucum(amount.unit), amount.number) for amount in amounts)
        until_ms = _FOR_EVER_MS if limit.valid_until_ms is None else limit.valid_until_ms
        if stated:
            found.append(Personal(limit.name, stated, limit.valid_from_ms, until_ms, limit))
    return tuple(found)


def choose(
    limits: Mapping[int, tuple[Personal, ...]],
    settings: Sequence[str],
    row: Integers,
    at_ms: Integers,
    having: Booleans,
) -> dict[str, Chosen]:
    """Choose, for each limit that rules name, by the time of measurement.

    ``limits``: by row; ``having``: which readings are those of patients who have any. Nothing is
    given for a limit that none of them has replaced.
    """
    places = np.flatnonzero(having)
    if not settings or not len(places):
        return {}
    places = places[np.argsort(row[places], kind="stable")]
    ordered = row[places]
    choices: dict[str, tuple[Integers, dict[Statement, int]]] = {}
    for patient in dict.fromkeys(ordered.tolist()):
        begin, end = np.searchsorted(ordered, (patient, patient + 1))
        mine = places[begin:end]
        for limit in limits[patient]:
            if limit.name in settings:
                choice, stated = choices.setdefault(limit.name, (np.zeros(len(row), np.int64), {}))
                inside = (at_ms[mine] >= limit.from_ms) & (at_ms[mine] < limit.until_ms)
                choice[mine[inside]] = stated.setdefault(limit.stated, len(stated) + 1)
    return {name: Chosen(choice, tuple(stated)) for name, (choice, stated) in choices.items()}


def in_force(limits: Sequence[Personal], at_ms: int) -> dict[str, PersonalLimit]:
    """Give the limits that hold at an instant, by name."""
    return {one.name: one.written for one in limits if one.from_ms <= at_ms < one.until_ms}
