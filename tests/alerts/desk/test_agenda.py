"""The agenda against a plain dictionary that is searched through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.agenda import Agenda
from alerts.desk.timers import Timer

NAMES = st.sampled_from("abcd")
CHANGES = st.lists(st.tuples(NAMES, st.none() | st.integers(0, 9)), max_size=40)


@given(CHANGES, st.integers(0, 9))
def test_it_says_what_a_search_through_all_says(
    changes: list[tuple[str, int | None]], now_ms: int
) -> None:
    agenda = Agenda()
    plain: dict[str, Timer | None] = {}
    for name, at_ms in changes:
        timer = None if at_ms is None else Timer("step", at_ms)
        agenda.put(name, timer)
        plain[name] = timer
        known = {one: known for one, known in plain.items() if known is not None}
        assert agenda.next_ms() == min((one.at_ms for one in known.values()), default=None)
        due = {one: known for one, known in known.items() if known.at_ms <= now_ms}
        for _ in range(2):  # asking takes nothing away
            found = agenda.due(now_ms)
            assert dict(found) == due
            assert [one.at_ms for _, one in found] == sorted(one.at_ms for one in due.values())


def test_what_is_put_a_thousand_times_over_does_not_pile_up() -> None:
    agenda = Agenda()
    for at_ms in range(10_000):
        agenda.put("a", Timer("step", at_ms))
    assert len(agenda._heap) < 1_100
    assert agenda.next_ms() == 9_999


@pytest.mark.parametrize("others", [0, 1, 7])
def test_a_thousand_entries_that_are_over_may_lie_there_beside_as_many_as_hold(others: int) -> None:
    agenda = Agenda()
    for number in range(others):
        agenda.put(str(number), Timer("step", 10_000))
    most = 2 * (others + 1) + 1_000
    for at_ms in range(most - others):
        agenda.put("a", Timer("step", at_ms))
    assert len(agenda._heap) == most
    agenda.put("a", Timer("step", 5_000))
    assert len(agenda._heap) == others + 1
    assert agenda.due(10_000) == [
        ("a", Timer("step", 5_000)),
        *((str(number), Timer("step", 10_000)) for number in range(others)),
    ]
