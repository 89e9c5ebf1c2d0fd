"""Where the values of a rule book stand in its file: tomllib does not tell."""

import re
from dataclasses import dataclass
from functools import cached_property

from alerts.rules.errors import Place

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=\s*")
_TRIPLE = '"""'
_TRIPLES = (_TRIPLE, "'''")

Path = tuple[str | int, ...]
"""Such as ("rule", 2, "when") or ("vitals", "glucose", "fresh")."""


@dataclass(frozen=True, slots=True)
class _Spot:
    line: int
    column: int


class Positions:
    """Maps the path of a value to its place in the text."""

    def __init__(self, file: str, text: str) -> None:
        """Scan the text once, line by line; tables, arrays of tables and keys are enough."""
        self._file = file
        self._spots: dict[Path, _Spot] = {(): _Spot(1, 1)}
        self._lines = text.splitlines()
        table: Path = ()
        counts: dict[str, int] = {}
        for number, line in enumerate(_outside_strings(text), start=1):
            if header := _HEADER.match(line):
                name = header[2]
                if header[1] == "[[":
                    counts[name] = counts.get(name, -1) + 1
                    table = (name, counts[name])
                else:
                    table = tuple(name.split("."))
                self._spots.setdefault(table, _Spot(number, header.start(1) + 1))
            elif key := _KEY.match(line):
                self._spots.setdefault((*table, key[1]), _Spot(number, key.end() + 1))

    def place(self, path: Path = ()) -> Place:
        """Find a value, or the nearest table around it."""
        while path not in self._spots:
            path = path[:-1]
        spot = self._spots[path]
        return Place(self._file, spot.line, spot.column)

    def named(self, path: Path, name: str) -> Place:
        """Find a key by its name below a path: where somebody wrote what is not known."""
        return self.place(self._by_name.get((path, name), path))

    @cached_property
    def _by_name(self) -> dict[tuple[Path, str | int], Path]:
        """The first spot below a path that ends in a name, or goes on with it."""
        found: dict[tuple[Path, str | int], Path] = {}
        for spot in self._spots:
            for depth in range(len(spot) + 1):
                for name in (*spot[-1:], *spot[depth:][:1]):
                    found.setdefault((spot[:depth], name), spot)
        return found

    def inside(self, path: Path, offset: int) -> Place:
        """Find a character inside a string value; escapes in it are not looked for."""
        place = self.place(path)
        line = self._lines[place.line - 1]
        if not line.startswith(_TRIPLES, place.column - 1):
            return Place(place.file, place.line, place.column + 1 + offset)
        opened = place.column - 1 + len(_TRIPLE)
        text = "\n".join([line[opened:], *self._lines[place.line :]])
        before = text[: offset + text.startswith("\n")]  # that one is no part of the value
        lines = before.count("\n")
        column = len(before) - before.rfind("\n") + (0 if lines else opened)
        return Place(place.file, place.line + lines, column)

    def word(self, path: Path, word: str) -> Place:
        """Find a word in a value of one line; if it is not there, the value."""
        place = self.place(path)
        line = self._lines[place.line - 1] if self._lines else ""
        found = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])").search(line, place.column - 1)
        return Place(place.file, place.line, found.start() + 1) if found else place


def _outside_strings(text: str) -> list[str]:
    """Blank out what stands inside strings of several lines, so that it is not taken for keys."""
    lines: list[str] = []
    inside = ""
    for line in text.splitlines():
        lines.append("" if inside else line)
        marks = (inside,) if inside else _TRIPLES
        if odd := next((mark for mark in marks if line.count(mark) % 2), ""):
            inside = "" if inside else odd
    return lines
