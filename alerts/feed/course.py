"""The course of what an alert is about: the last values, and the limits in force, in one unit.

One picture is made of it (``chart``), and one sentence for whoever cannot see that.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf, isfinite

from schemas.alert import Evidence, LimitInForce, Transition
from schemas.kafka import StampedReading
from schemas.reading import value_text
from schemas.units import shown, ucum
from schemas.vitals import VITALS, Quantity, Vital, spoken

_AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?) (\S+)")
_SPOKEN_MAX = 8
"""So many values are read out; the patient's page has all."""
_WHOLE_FROM = 50
"""What is converted is shown as devices show it: 194 mmHg, 5.2 mmol/L."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value; ``doubted`` by the device, ``chosen``: the reading that raised the alert."""

    at_ms: int
    value: float
    doubted: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity in the unit in which it is shown (UCUM); points oldest first, never none."""

    quantity: Quantity
    unit: str
    points: list[Point]

    @property
    def name(self) -> str:
        """The quantity's name in words."""
        return spoken(self.quantity.name)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in the unit of its line; ``name``: whose it is and of what, and the amount."""

    value: float
    name: str


@dataclass(frozen=True, slots=True)
class Course:
    """Lines, at least one, and the limits among them."""

    lines: list[Line]
    limits: list[Limit]


def course(demand: Transition, recent: Sequence[StampedReading]) -> Course | None:
    """Put together what an alert is about; None if it is about no number.

    ``recent``: the patient's own readings.
    """
    vital = VITALS.get(demand.evidence.vital)
    if vital is None or not demand.evidence.reading_id:
        return None
    seen = _seen(demand, recent, vital)
    lines = []
    for quantity in _drawn(vital, demand.limits):
        unit = _unit(demand, quantity)
        points = [point for one in seen if (point := _point(one, quantity, unit, demand))]
        if points:
            lines.append(Line(quantity, unit, points))
    if not lines:
        return None
    limits = {
        value: _limit_name(limit, line, value, alone=len(lines) == 1)
        for line in lines
        for limit in demand.limits
        if (value := _limit(limit, line)) is not None
    }
    return Course(lines, [Limit(value, name) for value, name in limits.items()])


def in_words(of: Course) -> str:
    """Read a course out: ``Chart, oldest first: glucose 110, 53, LO mg/dL; limit 54 mg/dL``.

    Of many values the last ones, and that there are more.
    """
    longest = max(len(line.points) for line in of.lines)
    some = f"the last {_SPOKEN_MAX} of {longest}, " if longest > _SPOKEN_MAX else ""
    lines = [
        f"{line.name} {', '.join(number(one.value) for one in line.points[-_SPOKEN_MAX:])} "
        f"{shown(line.unit)}"
        for line in of.lines
    ]
    return "; ".join(
        [f"Chart, {some}oldest first: {lines[0]}", *lines[1:], *(one.name for one in of.limits)]
    )


def number(value: float) -> str:
    """Write a value as a device shows it."""
    return f"{value:g}" if isfinite(value) else ("HI" if value > 0 else "LO")


def _seen(demand: Transition, recent: Iterable[StampedReading], vital: Vital) -> list[Evidence]:
    """Put together what is known of the readings: as judged, and as last received."""
    found = {
        one.reading.reading_id: Evidence(
            one.reading.reading_id,
            one.reading.vital,
            one.stamp.measured_at_ms,
            one.stamp.quality,
            {name: value_text(said) for name, said in one.reading.quantities.items()},
            one.reading.status,
        )
        for one in recent
        if one.reading.vital == vital.name and one.reading.outcome == "measured"
    }
    found |= {one.reading_id: one for one in (*demand.window, demand.evidence)}
    return sorted(found.values(), key=lambda one: (one.measured_at_ms, one.reading_id))


def _drawn(vital: Vital, limits: Sequence[LimitInForce]) -> list[Quantity]:
    """Choose the quantities that the limits speak of; without limits, the main ones."""
    spoken_of = {word for limit in limits for word in re.findall(r"\w+", limit.field)}
    named = [one for one in vital.quantities if one.name in spoken_of]
    return named or [one for one in vital.quantities if not one.aside][:2]


def _unit(demand: Transition, quantity: Quantity) -> str:
    """Choose the unit received, or the canonical one if no limit is stated in that one."""
    match = _AMOUNT.fullmatch(demand.evidence.quantities.get(quantity.name, ""))
    unit = ucum(match[2]) if match else quantity.unit
    stated = {
        ucum(amount.rpartition(" ")[2])
        for limit in demand.limits
        if quantity.name in re.findall(r"\w+", limit.field)
        for amount in limit.amounts
    }
    known = quantity.conversion(unit) and (not stated or unit in stated)
    return unit if known else quantity.unit


def _point(one: Evidence, quantity: Quantity, unit: str, demand: Transition) -> Point | None:
    text = one.quantities.get(quantity.name, "")
    value = {"HI": inf, "LO": -inf}.get(text, _converted(text, quantity, unit))
    if value is None:
        return None
    doubted = bool(one.status) or one.time_quality == "untrusted"
    chosen = one.reading_id == demand.evidence.reading_id
    return Point(one.measured_at_ms, value, doubted, chosen)


def _converted(text: str, quantity: Quantity, into: str) -> float | None:
    match = _AMOUNT.fullmatch(text)
    source = quantity.conversion(ucum(match[2])) if match else None
    target = quantity.conversion(into)
    if match is None or source is None or target is None:
        return None
    if ucum(match[2]) == into:
        return float(match[1])
    value = target.received(source.canonical(Decimal(match[1])))
    return float(round(value, 0 if value >= _WHOLE_FROM else 1))


def _limit(limit: LimitInForce, line: Line) -> float | None:
    """Give a limit of a quantity itself, or of its mean, in the unit drawn."""
    words = re.findall(r"\w+", limit.field)
    if line.quantity.name not in words or "rise" in words:
        return None
    amounts = [_converted(amount, line.quantity, line.unit) for amount in limit.amounts]
    return next((amount for amount in amounts if amount is not None), None)


def _limit_name(limit: LimitInForce, line: Line, value: float, *, alone: bool) -> str:
    """Say whose limit it is, and of what: one of the diastolic is none of the systolic."""
    word = "own limit" if limit.author else "limit"
    return f"{word if alone else f'{line.name} {word}'} {number(value)} {shown(line.unit)}"
