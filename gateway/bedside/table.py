"""Columns for people: as wide as what is in them, coloured where somebody looks at a terminal."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import click

from gateway.admission.advert import plain

_GAP = "   "
_BELOW = "    "


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and how it looks on a terminal."""

    text: str
    colour: str | None = None
    bold: bool = False

    def padded(self, width: int) -> str:
        """Give the text at this width; only the text is coloured."""
        styled = click.style(self.text, fg=self.colour, bold=self.bold or None)
        return styled + " " * (width - shown_width(self.text))


def table(
    head: Sequence[str], rows: Sequence[Sequence[Cell | str]], columns: int | None = None
) -> Iterator[str]:
    """Give the lines of a table; click.echo takes the colours away where nobody would see them.

    What has no room within ``columns`` of a terminal goes below, in columns of its own.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    titles = [Cell(title, bold=True) for title in head]
    widths = [
        max(shown_width(row[number].text) for row in (titles, *cells))
        for number in range(len(head))
    ]
    lines = _broken(widths, columns)
    for row in (titles, *cells):
        for number, places in enumerate(lines):
            line = _GAP.join(row[place].padded(widths[place]) for place in places)
            yield (_BELOW if number else "") + line.rstrip()


def shown_width(text: str) -> int:
    """Give how many columns a terminal needs: two for a wide character, none for an accent."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def _cell(cell: Cell | str) -> Cell:
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    return replace(cell, text=plain(cell.text))


def _broken(widths: Sequence[int], columns: int | None) -> list[list[int]]:
    """Give the places of the cells on each line of a row."""
    lines: list[list[int]] = [[]]
    used = 0
    for place, width in enumerate(widths):
        needed = width + (len(_GAP) if lines[-1] else 0)
        if lines[-1] and columns is not None and used + needed > columns:
            lines.append([])
            used, needed = len(_BELOW), width
        lines[-1].append(place)
        used += needed
    return lines
