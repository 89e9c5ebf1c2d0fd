import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ranges

NUMBERS = st.frozensets(st.integers(1, 60))


def members(found: ranges.Ranges) -> set[int]:
    return {number for first, last in found for number in range(first, last + 1)}


@given(NUMBERS)
def test_numbers_survive_the_way_into_ranges_and_back(numbers: frozenset[int]) -> None:
    assert members(ranges.from_numbers(numbers)) == numbers


@given(NUMBERS, NUMBERS)
def test_union_is_the_union_of_the_sets(left: frozenset[int], right: frozenset[int]) -> None:
    united = ranges.union(ranges.from_numbers(left), ranges.from_numbers(right))
    assert members(united) == left | right
    assert ranges.count(united) == len(left | right)


@given(NUMBERS)
def test_ranges_are_sorted_disjoint_and_never_touch(numbers: frozenset[int]) -> None:
    found = ranges.from_numbers(numbers)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(found))


@given(NUMBERS, st.integers(1, 60))
def test_contains_asks_the_set(numbers: frozenset[int], number: int) -> None:
    assert ranges.contains(ranges.from_numbers(numbers), number) == (number in numbers)


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"5\.\.4"):
        ranges.normalise([(5, 4)])
