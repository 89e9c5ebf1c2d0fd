"""A small chart of what an alert is about: the last values, and the limit in force drawn in.

An SVG without style sheets or scripts: the page's policy allows none. A value above what the device
can measure stands at the upper edge as a triangle, one below at the lower edge; what the device
itself doubts is hollow; the reading that raised the alert is ringed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from html import escape
from itertools import cycle, pairwise
from math import inf, isfinite

from schemas.alert import Evidence, LimitInForce, Transition
from schemas.kafka import StampedReading
from schemas.units import shown, ucum
from schemas.vitals import VITALS, Quantity, Vital, spoken

_WIDTH, _HEIGHT = 304, 150
"""In CSS pixels: the page shows it in this size (``feed.css``), so that its words can be read."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 92, 18, 28
_LETTERS = 12
_LINES = ("#1d4ed8", "#0f766e", "#7e22ce")
_LIMIT, _WORDS = "#b91c1c", "#4b5563"
_AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?) (\S+)")


@dataclass(frozen=True, slots=True)
class _Point:
    at_ms: int
    value: float
    doubted: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class _Frame:
    """From values and times to places on the picture."""

    begins_ms: int
    ends_ms: int
    low: float
    high: float

    def x(self, at_ms: int) -> float:
        span = max(self.ends_ms - self.begins_ms, 1)
        share = (at_ms - self.begins_ms) / span if self.ends_ms > self.begins_ms else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def chart(demand: Transition, recent: Sequence[StampedReading], zone: tzinfo) -> str | None:
    """Draw an alert's vital; None if there is nothing to draw. ``recent``: the patient's own."""
    vital = VITALS.get(demand.evidence.vital)
    if vital is None or not demand.evidence.reading_id:
        return None
    seen = _seen(demand, recent, vital)
    lines: list[tuple[Quantity, str, list[_Point]]] = []
    for quantity in _drawn(vital, demand.limits):
        unit = _unit(demand.evidence, quantity)
        points = [point for one in seen if (point := _point(one, quantity, unit, demand))]
        if points:
            lines.append((quantity, unit, points))
    if not lines:
        return None
    limits = {
        value: _limit_name(limit, quantity, alone=len(lines) == 1)
        for quantity, unit, _ in lines
        for limit in demand.limits
        if (value := _limit(limit, quantity, unit)) is not None
    }
    frame = _frame([points for _, _, points in lines], list(limits))
    parts, marks = [_limit_line(frame, value) for value in limits], list[str]()
    words = [_limit_text(frame, value, lines[0][1], word) for value, word in limits.items()]
    heights = _apart([frame.y(points[-1].value) for _, _, points in lines])
    for (quantity, unit, points), y, colour in zip(lines, heights, cycle(_LINES), strict=False):
        parts.append(_line(frame, points, colour))
        marks += [_mark(frame, one, colour) for one in points]
        words.append(_name(quantity, unit, points[-1].value, y, colour))
    words += _times(frame, zone)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img">'
        f"<title>{escape(demand.title)}</title><desc>{escape(demand.reason)}</desc>"
        f"{''.join(parts + words + marks)}</svg>"
    )


def _seen(demand: Transition, recent: Iterable[StampedReading], vital: Vital) -> list[Evidence]:
    """Put together what is known of the readings: as judged, and as last received."""
    found = {
        one.reading.reading_id: Evidence(
            one.reading.reading_id,
            one.reading.vital,
            one.stamp.measured_at_ms,
            one.stamp.quality,
            {name: _text(one, name) for name in one.reading.quantities},
            one.reading.status,
        )
        for one in recent
        if one.reading.vital == vital.name and one.reading.outcome == "measured"
    }
    found |= {one.reading_id: one for one in (*demand.window, demand.evidence)}
    return sorted(found.values(), key=lambda one: (one.measured_at_ms, one.reading_id))


def _text(one: StampedReading, name: str) -> str:
    quantity = one.reading.quantities[name]
    beyond = {"positive-infinity": "HI", "negative-infinity": "LO"}.get(quantity.absent or "", "")
    return beyond if quantity.value is None else f"{quantity.value} {shown(quantity.unit)}"


def _drawn(vital: Vital, limits: Sequence[LimitInForce]) -> list[Quantity]:
    """Choose the quantities that the limits speak of; without limits, the main ones."""
    spoken_of = {word for limit in limits for word in re.findall(r"\w+", limit.field)}
    named = [one for one in vital.quantities if one.name in spoken_of]
    return named or [one for one in vital.quantities if not one.aside][:2]


def _unit(evidence: Evidence, quantity: Quantity) -> str:
    match = _AMOUNT.fullmatch(evidence.quantities.get(quantity.name, ""))
    unit = ucum(match[2]) if match else quantity.unit
    return unit if quantity.conversion(unit) else quantity.unit


def _point(one: Evidence, quantity: Quantity, unit: str, demand: Transition) -> _Point | None:
    text = one.quantities.get(quantity.name, "")
    value = {"HI": inf, "LO": -inf}.get(text, _converted(text, quantity, unit))
    if value is None:
        return None
    doubted = bool(one.status) or one.time_quality == "untrusted"
    chosen = one.reading_id == demand.evidence.reading_id
    return _Point(one.measured_at_ms, value, doubted, chosen)


def _converted(text: str, quantity: Quantity, into: str) -> float | None:
    match = _AMOUNT.fullmatch(text)
    source = quantity.conversion(ucum(match[2])) if match else None
    target = quantity.conversion(into)
    if match is None or source is None or target is None:
        return None
    number = Decimal(match[1])
    return float(number if ucum(match[2]) == into else target.received(source.canonical(number)))


def _limit(limit: LimitInForce, quantity: Quantity, unit: str) -> float | None:
    """Give a limit of a quantity itself, or of its mean, in the unit drawn."""
    words = re.findall(r"\w+", limit.field)
    if quantity.name not in words or "rise" in words:
        return None
    amounts = [_converted(amount, quantity, unit) for amount in limit.amounts]
    return next((amount for amount in amounts if amount is not None), None)


def _frame(lines: Sequence[Sequence[_Point]], limits: Sequence[float]) -> _Frame:
    times = [point.at_ms for points in lines for point in points]
    values = [point.value for points in lines for point in points if isfinite(point.value)]
    values += limits
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = max((high - low) * 0.12, 1.0)
    return _Frame(min(times), max(times), low - margin, high + margin)


def _text_at(x: float, y: float, colour: str, text: str, anchor: str = "start") -> str:
    """Write on a line or a point, too: a halo keeps the words apart from it."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{_LETTERS}" font-family="sans-serif" '
        f'text-anchor="{anchor}" fill="{colour}" stroke="#fff" stroke-width="3" '
        f'paint-order="stroke">{text}</text>'
    )


def _limit_name(limit: LimitInForce, quantity: Quantity, *, alone: bool) -> str:
    """Say whose limit it is, and of what: one of the diastolic is none of the systolic."""
    word = "own limit" if limit.author else "limit"
    return word if alone else f"{spoken(quantity.name)} {word}"


def _limit_line(frame: _Frame, value: float) -> str:
    y = frame.y(value)
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_LIMIT}" '
        f'stroke-dasharray="5 4"/>'
    )


def _limit_text(frame: _Frame, value: float, unit: str, word: str) -> str:
    words = f"{word} {value:g} {escape(shown(unit))}"
    return _text_at(_LEFT, frame.y(value) - 4, _LIMIT, words)


def _line(frame: _Frame, points: Sequence[_Point], colour: str) -> str:
    places = " ".join(f"{frame.x(one.at_ms):.1f},{frame.y(one.value):.1f}" for one in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}"/>'


def _mark(frame: _Frame, one: _Point, colour: str) -> str:
    x, y = frame.x(one.at_ms), frame.y(one.value)
    fill = "none" if one.doubted else colour
    ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6.5" fill="none" stroke="{_LIMIT}"/>'
    if isfinite(one.value):
        mark = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="{colour}"/>'
    else:
        tip = -5 if one.value > 0 else 5
        mark = f'<path d="M{x - 4:.1f} {y:.1f}h8l-4 {tip}z" fill="{fill}" stroke="{colour}"/>'
    return mark + (ring if one.chosen else "")


def _apart(heights: Sequence[float]) -> list[float]:
    """Move names that would stand on each other apart, downwards or from the lower edge up."""
    placed = list(heights)
    order = sorted(range(len(placed)), key=lambda one: placed[one])
    for upper, lower in pairwise(order):
        placed[lower] = max(placed[lower], placed[upper] + _LETTERS + 1)
    over = max(placed, default=0.0) - (_HEIGHT - _BOTTOM)
    return [one - max(over, 0.0) for one in placed]


def _name(quantity: Quantity, unit: str, last: float, y: float, colour: str) -> str:
    value = f"{last:g}" if isfinite(last) else ("HI" if last > 0 else "LO")
    words = f"{escape(spoken(quantity.name))} {value}<title>{escape(shown(unit))}</title>"
    return _text_at(_WIDTH - _RIGHT + 9, y + 4, colour, words)


def _times(frame: _Frame, zone: tzinfo) -> list[str]:
    edges = [(frame.begins_ms, "start"), (frame.ends_ms, "end")]
    return [
        _text_at(frame.x(at_ms), _HEIGHT - 8, _WORDS, _when(at_ms, zone), anchor)
        for at_ms, anchor in (
            edges if frame.ends_ms > frame.begins_ms else [(edges[0][0], "middle")]
        )
    ]


def _when(at_ms: int, zone: tzinfo) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    return f"{at.day} {at:%b} {at:%H:%M}"
