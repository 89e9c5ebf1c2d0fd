"""Words that are nearly another one: what somebody meant who mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import takewhile
from operator import eq


def meant(word: str, known: Iterable[str]) -> str:
    """Ask for the word that comes nearest, else name them all: the end of a sentence."""
    words = list(known)
    near = get_close_matches(word, words, 1, 0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are: {', '.join(words)}." if words else "there are none."


def is_slip(one: str, other: str) -> bool:
    """Tell whether one letter more, less or another, or two that changed places, lie between.

    A digit more or another is meant: ``weight-2d`` beside ``weight-7d``.
    """
    begin = sum(1 for _ in takewhile(bool, map(eq, one, other)))
    first, second = one[begin:], other[begin:]
    if not first and not second:
        return False
    swapped = first[1:2] + first[:1] + first[2:] == second and len(first) > 1
    if first[:1].isdigit() or second[:1].isdigit():
        return swapped
    return swapped or first[1:] in {second, second[1:]} or first == second[1:]
