"""A small chart of what an alert is about: the last values, and the limit in force drawn in.

An SVG without style sheets or scripts: the page's policy allows none. A value above what the device
can measure stands at the upper edge as a triangle, one below at the lower edge, beyond all numbers
and named HI or LO where those are: beside 103 it would be read as that. What the device itself
doubts is hollow; the reading that raised the alert is ringed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape
from itertools import cycle, pairwise
from math import ceil, floor, inf, isfinite, isinf

from alerts.feed.course import Course, Limit, Line, Point, number
from schemas.units import shown

_WIDTH, _HEIGHT = 304, 150
"""In CSS pixels: the page shows it in this size (``feed.css``), so that its words can be read."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 39, 92, 22, 28
_LETTERS = 12
_LETTER_PX = 6.6
"""How wide a letter of that size is, about."""
_LINES = ("#1d4ed8", "#0f766e", "#7e22ce")
_LIMIT, _WORDS, _GRID = "#b91c1c", "#4b5563", "#e5e7eb"
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
_TICKS_MAX = 4
_BEYOND = 0.3
"""How much of the numbers' height HI and LO stand beyond them."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """From values and times to places on the picture.

    ``numbered``: the values between which numbers are written; None if there is no number.
    """

    begins_ms: int
    ends_ms: int
    low: float
    high: float
    numbered: tuple[float, float] | None

    def x(self, at_ms: int) -> float:
        span = max(self.ends_ms - self.begins_ms, 1)
        share = (at_ms - self.begins_ms) / span if self.ends_ms > self.begins_ms else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def chart(of: Course, title: str, reason: str, zone: tzinfo) -> str:
    """Draw a course; ``title`` and ``reason`` say what it is of, ``zone`` is that of its times."""
    frame = _frame([line.points for line in of.lines], [limit.value for limit in of.limits])
    parts = [*_axis(frame, of.lines), *(_limit_line(frame, limit.value) for limit in of.limits)]
    words = [_limit_text(frame, limit, of.lines) for limit in of.limits]
    heights = _apart([frame.y(line.points[-1].value) for line in of.lines])
    marks = list[str]()
    for line, y, colour in zip(of.lines, heights, cycle(_LINES), strict=False):
        parts.append(_line(frame, line.points, colour))
        marks += [_mark(frame, one, colour) for one in line.points]
        words.append(_name(line, y, colour))
    words += _times(frame, zone)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(reason)}</desc>"
        f"{''.join(parts + words + marks)}</svg>"
    )


def _frame(lines: Sequence[Sequence[Point]], limits: Sequence[float]) -> _Frame:
    times = [point.at_ms for points in lines for point in points]
    values = {point.value for points in lines for point in points} | {*limits}
    finite = [value for value in values if isfinite(value)]
    if not finite:
        return _Frame(min(times), max(times), 0.0, 1.0, None)
    low, high = min(finite), max(finite)
    margin = max((high - low) * 0.12, high * 0.05, 1.0)
    numbered = low, high = low - margin, high + margin
    beyond = (high - low) * _BEYOND
    low, high = low - beyond * (-inf in values), high + beyond * (inf in values)
    return _Frame(min(times), max(times), low, high, numbered)


def _axis(frame: _Frame, lines: Sequence[Line]) -> list[str]:
    """Rule the picture at a few round values; what the numbers are of stands above them."""
    parts = []
    for value in _ruled(frame):
        y = frame.y(value)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="{_GRID}"/>')
        parts.append(_text_at(_LEFT - 9, y + 4, _WORDS, f"{value:g}", "end"))
    edges = {point.value for line in lines for point in line.points if isinf(point.value)}
    parts += [
        _text_at(_LEFT - 9, frame.y(edge) + 4, _WORDS, number(edge), "end")
        for edge in sorted(edges)
    ]
    units = {shown(line.unit) for line in lines}
    return [*parts, _text_at(0, 11, _WORDS, escape(units.pop()))] if len(units) == 1 else parts


def _ruled(frame: _Frame) -> list[float]:
    if frame.numbered is None:
        return []
    low, high = frame.numbered
    step = next((one for one in _STEPS if (high - low) / one <= _TICKS_MAX), high - low)
    return [place * step for place in range(ceil(low / step), floor(high / step) + 1)]


def _text_at(x: float, y: float, colour: str, text: str, anchor: str = "start") -> str:
    """Write on a line or a point, too: a halo keeps the words apart from it."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{_LETTERS}" font-family="sans-serif" '
        f'text-anchor="{anchor}" fill="{colour}" stroke="#fff" stroke-width="3" '
        f'paint-order="stroke">{text}</text>'
    )


def _limit_line(frame: _Frame, value: float) -> str:
    y = frame.y(value)
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_LIMIT}" '
        f'stroke-dasharray="5 4"/>'
    )


def _limit_text(frame: _Frame, limit: Limit, lines: Sequence[Line]) -> str:
    """Write above or below the line, at its begin or end: where it hides the fewest values."""
    width, y = len(limit.name) * _LETTER_PX, frame.y(limit.value)
    places = [
        (frame.x(point.at_ms), frame.y(point.value)) for line in lines for point in line.points
    ]

    def hidden(at: tuple[float, float]) -> int:
        left, base = at
        return sum(left - 4 < x < left + width + 4 and base - 13 < y < base + 6 for x, y in places)

    ends = max(_WIDTH - _RIGHT - width, _LEFT)
    x, base = min(((left, base) for base in (y - 4, y + 13) for left in (_LEFT, ends)), key=hidden)
    return _text_at(x, base, _LIMIT, escape(limit.name))


def _line(frame: _Frame, points: Sequence[Point], colour: str) -> str:
    places = " ".join(f"{frame.x(one.at_ms):.1f},{frame.y(one.value):.1f}" for one in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}"/>'


def _mark(frame: _Frame, one: Point, colour: str) -> str:
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


def _name(line: Line, y: float, colour: str) -> str:
    words = f"{escape(line.name)} {number(line.points[-1].value)}"
    return _text_at(_WIDTH - _RIGHT + 9, y + 4, colour, words)


def _times(frame: _Frame, zone: tzinfo) -> list[str]:
    edges = [(frame.begins_ms, "start"), (frame.ends_ms, "end")]
    if frame.ends_ms == frame.begins_ms:
        edges = [(frame.begins_ms, "middle")]
    return [
        _text_at(frame.x(at_ms), _HEIGHT - 8, _WORDS, _when(at_ms, zone), anchor)
        for at_ms, anchor in edges
    ]


def _when(at_ms: int, zone: tzinfo) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    return f"{at.day} {at:%b} {at:%H:%M}"
