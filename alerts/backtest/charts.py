"""Charts as SVG text: no library, no network, readable in print and without colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _BAR, _GAP, _LABEL, _HEIGHT = 760, 18, 8, 240, 180
_LINE, _DATE = 22, 76
"""The line that names the unit, and the width of a date."""
_FILL = {"critical": "#b3261e", "high": "#c77700", "medium": "#5b6b7a", "info": "#a9b4be"}
_MARK = {"critical": "!!", "high": "!", "medium": "", "info": ""}
_AXIS = "#444"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; ``other``: the value to compare with, drawn as an outline."""

    label: str
    value: float
    severity: str
    other: float | None = None


def bars(title: str, unit: str, several: Sequence[Bar]) -> str:
    """Draw horizontal bars, each with its number."""
    largest = max((max(bar.value, bar.other or 0.0) for bar in several), default=0.0) or 1.0
    room = _WIDTH - _LABEL - 170
    parts = []
    for place, bar in enumerate(several):
        top = place * (_BAR + _GAP) + 4
        width = bar.value / largest * room
        fill = _FILL.get(bar.severity, _FILL["medium"])
        mark = _MARK.get(bar.severity, "")
        parts.append(_text(_LABEL - 8, top + 13, f"{bar.label} {mark}".strip(), "end"))
        parts.append(
            f'<rect x="{_LABEL}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{fill}"/>'
        )
        shown = f"{bar.value:,.4g}"
        if bar.other is not None:
            other = bar.other / largest * room
            parts.append(
                f'<rect x="{_LABEL}" y="{top}" width="{other:.1f}" height="{_BAR}" fill="none" '
                f'stroke="#000" stroke-dasharray="4 3"/>'
            )
            width = max(width, other)
            shown += f" (was {bar.other:,.4g})"
        parts.append(_text(_LABEL + width + 6, top + 13, shown))
    height = max(len(several), 1) * (_BAR + _GAP) + 8
    return _drawing(title, unit, height, parts)


def columns(title: str, unit: str, labels: Sequence[str], series: dict[str, Sequence[int]]) -> str:
    """Draw stacked columns over time; ``series``: values by severity, gravest first."""
    count = len(labels)
    totals = [sum(values[place] for values in series.values()) for place in range(count)]
    largest = max(totals, default=0) or 1
    step = (_WIDTH - 60) / max(count, 1)
    parts = [
        _text(44, 14, f"{largest}", "end"),
        _text(44, _HEIGHT, "0", "end"),
        f'<path d="M50 4 V{_HEIGHT} H{_WIDTH}" fill="none" stroke="{_AXIS}"/>',
    ]
    for place in range(count):
        base = float(_HEIGHT)
        for severity, values in series.items():
            height = values[place] / largest * (_HEIGHT - 8)
            base -= height
            if height:
                parts.append(
                    f'<rect x="{50 + place * step:.1f}" y="{base:.1f}" width="{step * 0.86:.2f}" '
                    f'height="{height:.1f}" fill="{_FILL.get(severity, _FILL["medium"])}"/>'
                )
    parts += [
        _text(50 + place * step, _HEIGHT + 16, labels[place])
        for place in range(0, count, max(count // 6, 1))
        if 50 + place * step + _DATE <= _WIDTH
    ]
    return _drawing(title, unit, _HEIGHT + 24, parts)


def _drawing(title: str, unit: str, height: float, parts: Sequence[str]) -> str:
    described = escape(f"{title}, {unit}")
    return (
        f'<svg role="img" aria-label="{described}" viewBox="0 0 {_WIDTH} {height + _LINE:.0f}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{_text(0, 13, unit)}'
        f'<g transform="translate(0 {_LINE})">{"".join(parts)}</g></svg>'
    )


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
