"""A run of all tests tries what it is told, in an order in which nobody waits for one long file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.whole_run import give_time, longest_first, try_a_part


@dataclass
class Collected:
    """As much of a pytest.Item as is looked at."""

    obj: Any
    path: Path = Path("test_some.py")
    cls: Any = None
    fixturenames: tuple[str, ...] = ()
    limit: int | None = None

    def get_closest_marker(self, name: str) -> int | None:
        assert name == "timeout"
        return self.limit

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        assert mark.name == "timeout"
        (self.limit,) = mark.args


def some(*collected: Collected) -> Sequence[pytest.Item]:
    return cast("Sequence[pytest.Item]", collected)


class Machine(RuleBasedStateMachine):
    @rule()
    def step(self) -> None: ...


def test_a_property_tries_a_part_of_its_own_number_once_however_many_its_parameters() -> None:
    seen: list[int] = []

    @settings(max_examples=40, database=None, derandomize=True)
    @given(st.integers())
    def own(number: int) -> None:
        seen.append(number)

    try_a_part(some(Collected(own), Collected(own)), 0.1)
    own()
    assert 0 < len(seen) <= 4


def test_a_machine_tries_a_part_too() -> None:
    case: Any = type("Case", (Machine.TestCase,), {"settings": settings(max_examples=600)})
    try_a_part(some(Collected(case.runTest, cls=case)), 0.1)
    assert case.settings.max_examples == 60


def test_at_least_one_example_is_tried() -> None:
    seen: list[int] = []

    @settings(max_examples=3, database=None, derandomize=True)
    @given(st.integers())
    def few(number: int) -> None:
        seen.append(number)

    try_a_part(some(Collected(few)), 0.1)
    few()
    assert len(seen) == 1


def test_the_longest_files_come_first_and_a_file_stays_together() -> None:
    def plain() -> None: ...

    @given(st.integers())
    def drawn(number: int) -> None: ...

    items = [Collected(plain, Path("many.py")) for _ in range(5)]
    items += [Collected(drawn, Path("drawn.py")), Collected(plain, Path("drawn.py"))]
    items += [Collected(plain, Path("served.py"), fixturenames=("kafka",)) for _ in range(2)]
    items += [Collected(plain, Path("limit.py"), limit=90), Collected(drawn, Path("limit.py"))]
    ordered = [str(item.path) for item in longest_first(some(*items))]
    assert ordered == ["limit.py"] * 2 + ["served.py"] * 2 + ["drawn.py"] * 2 + ["many.py"] * 5


def test_what_draws_examples_has_time_and_a_limit_of_its_own_stays() -> None:
    @given(st.integers())
    def drawn(number: int) -> None: ...

    def plain() -> None: ...

    items = [Collected(drawn), Collected(drawn, limit=90), Collected(plain)]
    give_time(some(*items))
    assert [item.limit for item in items] == [600, 90, None]


def test_more_examples_have_more_time_and_fewer_no_less() -> None:
    @given(st.integers())
    def drawn(number: int) -> None: ...

    many, few = Collected(drawn), Collected(drawn)
    give_time(some(many), 100)
    give_time(some(few), 0.5)
    assert (many.limit, few.limit) == (60_000, 600)
