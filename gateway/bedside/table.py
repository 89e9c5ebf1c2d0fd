"""Columns for people: as wide as what is in them, coloured where somebody looks at a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

_GAP = "   "


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and how it looks on a terminal."""

    text: str
    colour: str | None = None
    bold: bool = False

    def padded(self, width: int) -> str:
        """Give the text at this width; only the text is coloured."""
        styled = click.style(self.text, fg=self.colour, bold=self.bold or None)
        return styled + " " * (width - len(self.text))


def table(head: Sequence[str], rows: Sequence[Sequence[Cell | str]]) -> Iterator[str]:
    """Give the lines of a table; click.echo takes the colours away where nobody would see them."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    titles = [Cell(title, bold=True) for title in head]
    widths = [max(len(row[column].text) for row in (titles, *cells)) for column in range(len(head))]
    for row in (titles, *cells):
        line = _GAP.join(cell.padded(width) for cell, width in zip(row, widths, strict=True))
        yield line.rstrip()
