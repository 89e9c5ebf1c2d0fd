"""What is looked at next, few or many that come: the same as if all were in one list."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.absence.agenda import Agenda

entry = st.tuples(st.integers(0, 50), st.integers(0, 9), st.integers(0, 2))
one = st.tuples(st.just("one"), st.lists(entry, min_size=1, max_size=1))
many = st.tuples(st.just("many"), st.lists(entry, max_size=30))
move = st.tuples(st.just("before"), st.lists(entry, min_size=1, max_size=1))


@given(st.lists(one | many | move, max_size=40))
def test_what_lies_before_an_instant_is_given_out_once(
    moves: list[tuple[str, list[tuple[int, int, int]]]],
) -> None:
    agenda, left = Agenda(), list[tuple[int, int, int]]()
    for what, entries in moves:
        if what == "before":
            until_ms = entries[0][0]
            found = sorted(zip(*agenda.before(until_ms).tolist(), strict=True))
            assert found == sorted(entry for entry in left if entry[0] < until_ms)
            left = [entry for entry in left if entry[0] >= until_ms]
            continue
        left += entries
        if what == "one":
            agenda.add(*entries[0])
        else:
            agenda.add_many(np.array(entries, np.int64).reshape(-1, 3).T)


def test_a_few_beside_many_leave_these_where_they_are() -> None:
    """Whoever joins a million patients does not have them sorted anew."""
    agenda = Agenda()
    agenda.add_many(np.array([[9, 8] * 4, range(8), [0] * 8]))
    agenda.add_many(np.array([[7], [8], [0]]))
    assert agenda.before(8).T.tolist() == [[7, 8, 0]]
    assert agenda.before(9).shape[1] == 4
    assert agenda.before(10)[1].tolist() == [0, 2, 4, 6], "of one time as they came"
