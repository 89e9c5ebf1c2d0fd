"""What is wrong with a rule book, and where."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import MisconfiguredError


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """Give the form that editors jump to."""
        return f"{self.file}:{self.line}:{self.column}"


class BookError(MisconfiguredError):
    """A rule book cannot be used: the place, and a sentence that says why.

    ``every``: all mistakes that were found, by their places; this is the first of them.
    """

    def __init__(self, place: Place, sentence: str) -> None:
        """Keep the place apart from the sentence."""
        super().__init__(f"{place}: {sentence}")
        self.place = place
        self.sentence = sentence
        self.every: tuple[BookError, ...] = (self,)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Give every mistake with its place."""
        return tuple(map(str, self.every))

    @classmethod
    def of_all(cls, mistakes: Iterable["BookError"]) -> "BookError":
        """Make one of one or more: the first in the file, which names the others."""
        found = [one for mistake in mistakes for one in mistake.every]
        every = sorted(found, key=lambda one: (one.place.line, one.place.column))
        first = cls(every[0].place, every[0].sentence)
        first.every = tuple(every)
        return first


class ExpressionError(Exception):
    """An expression cannot be used; ``offset`` counts characters from its start."""

    def __init__(self, offset: int, sentence: str) -> None:
        """Keep the offset: whoever knows the file turns it into a place."""
        super().__init__(sentence)
        self.offset = offset
        self.sentence = sentence
