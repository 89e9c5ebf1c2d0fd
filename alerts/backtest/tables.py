"""A table of a back-test's report, whatever form it is shown in."""

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``numeric``: places of columns with numbers; ``chart``: SVG, or none.

    ``note``: what a reader of the page has to know of its words.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    rows: list[tuple[object, ...]]
    numeric: tuple[int, ...] = ()
    chart: Markup | None = None
    note: str = ""
