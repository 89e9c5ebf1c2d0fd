"""Every mistake of a rule book, each in its place: who mends one wants to know of the others."""

import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar, get_args

import msgspec

from alerts.rules.errors import BookError, Place
from alerts.rules.length import refuse_length
from alerts.rules.plain import hint, plain
from alerts.rules.positions import Path, Positions

_T = TypeVar("_T")

_NAMED_MAX = 100
"""So many are named: of a file that is no rule book thousands would be found, and none is read."""


class Mistakes:
    """What was found wrong so far with the text of one file."""

    def __init__(self, file: str, text: str) -> None:
        """Know no mistake yet. Raises ``BookError`` for a text that is too long to be read."""
        refuse_length(file, text)
        self.positions = Positions(file, text)
        self._text = text
        self._found: list[BookError] = []

    def __len__(self) -> int:
        """Count them."""
        return len(self._found)

    @property
    def enough(self) -> bool:
        """Whether so many were found that no more are looked for."""
        return len(self._found) > _NAMED_MAX

    def of(self, path: Path, sentence: str) -> BookError:
        """Make one about the value at a path."""
        return BookError(self.positions.place(path), sentence)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is raised inside, and go on behind it."""
        try:
            yield
        except BookError as error:
            self._found += error.every

    def or_none(self, read: Callable[[], _T]) -> _T | None:
        """Read something; None if it is wrong, which is noted."""
        try:
            return read()
        except BookError as error:
            self._found += error.every
            return None

    def refuse(self) -> None:
        """Raise ``BookError`` if there is any."""
        if not self._found:
            return
        error = BookError.of_all(self._found)
        if len(error.every) > _NAMED_MAX:
            named = error.every[:_NAMED_MAX]
            more = "And more is wrong from here on: mend what is named first."
            error.every = (*named, BookError(named[-1].place, more))
        raise error

    def toml(self) -> dict[str, Any]:
        """Read the text. Raises ``BookError``; of this kind only the first is found."""
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
            place = self.positions.place()
            if at:
                place = Place(place.file, int(at[1]), int(at[2]))
            reason = str(error).split(" (at ")[0]
            raise BookError(place, f"Not TOML: {reason}.{hint(reason)}") from error
        except (ValueError, RecursionError) as error:  # a number of thousands of digits; [[[[…
            raise BookError(
                self.positions.place(), f"Not TOML that can be read: {error}."
            ) from error

    def structure(self, raw: object, kind: type[_T], path: Path = ()) -> _T:
        """Read a table. Raises ``BookError`` with the mistakes of all its keys."""
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            wrong = self._of_keys(raw, kind, path) if isinstance(raw, dict) else ()
            every = list(islice(wrong, _NAMED_MAX + 1))
            raise BookError.of_all(every or [self._of_form(str(error), path)]) from error

    def _of_keys(self, raw: dict[str, object], kind: type, path: Path) -> Iterator[BookError]:
        known = {field.name: field for field in msgspec.structs.fields(kind)}
        unknown = raw.keys() - known.keys()
        for name, value in raw.items():
            if name in unknown:
                yield self._of_form(f"Object contains unknown field `{name}`", path)
                continue
            table = _table(known[name].type)
            if table is not None and isinstance(value, dict):
                yield from self._of_keys(value, table, (*path, name))
                continue
            try:
                msgspec.convert(value, known[name].type)
            except msgspec.ValidationError as error:
                yield self._of_form(str(error), (*path, name))
        for name, field in known.items():
            if field.required and name not in raw and not get_close_matches(name, unknown, 1, 0.75):
                yield self._of_form(f"Object missing required field `{name}`", path)

    def _of_form(self, said: str, path: Path) -> BookError:
        """Put what msgspec says of the value at a path into plain words, in its place."""
        sentence, _, where = said.partition(" - at `")
        unknown = re.search(r"unknown field `(.+)`", sentence)
        path += _path(where)
        place = self.positions.named(path, unknown[1] if unknown else "")
        return BookError(place, plain(sentence, path))


def _table(kind: object) -> type[msgspec.Struct] | None:
    """Give what a table is read as, if one may stand here."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _path(text: str) -> Path:
    """Read msgspec's path, such as ``$.rule[2].severity``."""
    found = re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+)\]", text)
    return tuple(int(number) if number else name for name, number in found)
