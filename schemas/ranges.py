"""Sets of whole numbers as sorted, disjoint, inclusive ranges: what is in custody.

A receipt is a *set*, never a maximum: a number that the server does not hold stays a visible gap.
"""

from collections.abc import Iterable

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def normalise(ranges: Iterable[Range]) -> Ranges:
    """Sort and merge ranges that touch or overlap; refuse a range that ends before it starts."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if last < first:
            message = f"a range cannot end before it starts: {first}..{last}"
            raise ValueError(message)
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def from_numbers(numbers: Iterable[int]) -> Ranges:
    """Gather single numbers into ranges."""
    return normalise((number, number) for number in numbers)


def union(left: Iterable[Range], right: Iterable[Range]) -> Ranges:
    """Unite two sets."""
    return normalise((*left, *right))


def contains(ranges: Ranges, number: int) -> bool:
    """Tell whether the number is in the set."""
    return any(first <= number <= last for first, last in ranges)


def count(ranges: Ranges) -> int:
    """Count the numbers in the set."""
    return sum(last - first + 1 for first, last in ranges)
