"""Words that are nearly another one: what somebody meant who mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import takewhile
from operator import eq

_MORE_OR_LESS_MIN = 3
_ANOTHER_MIN = 4
"""Letters of the word in which they lie."""


def meant(word: str, known: Iterable[str]) -> str:
    """Ask for the word that comes nearest, else name them all: the end of a sentence."""
    words = list(known)
    near = get_close_matches(word, words)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are: {', '.join(words)}." if words else "there are none."


def is_slip(one: str, other: str) -> bool:
    """Tell whether a finger slipped: one letter more or less, another, or two that changed places.

    What tells names apart on purpose is none: a digit (``weight-2d`` beside ``weight-7d``), a short
    word (``arm-a`` beside ``arm-b``), another last letter (``groupa`` beside ``groupb``).
    """
    begin = sum(1 for _ in takewhile(bool, map(eq, one, other)))
    first, second = one[begin:], other[begin:]
    if len(first) > 1 and first[1::-1] + first[2:] == second != first:
        return True
    if first[:1].isdigit() or second[:1].isdigit():
        return False
    length = max(len(_word_at(one, begin)), len(_word_at(other, begin)))
    if first[1:] == second or first == second[1:]:
        return first != second and length >= _MORE_OR_LESS_MIN
    return first[1:] == second[1:] != "" and length >= _ANOTHER_MIN


def _word_at(name: str, place: int) -> str:
    return name[:place].rpartition("-")[2] + name[place:].partition("-")[0]
