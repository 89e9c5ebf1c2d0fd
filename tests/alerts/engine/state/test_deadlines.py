"""The heap of timers says what a look at every timer would say."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.state.deadlines import Key, Timers

keys = st.tuples(st.integers(0, 3), st.integers(0, 1))
moves = st.one_of(
    st.tuples(keys, st.none() | st.integers(0, 20)),
    st.integers(0, 20),
)


@given(st.lists(moves, max_size=40))
def test_what_fires_is_what_is_due(steps: list[tuple[Key, int | None] | int]) -> None:
    timers, plain = Timers(), dict[Key, int]()
    for one in steps:
        if isinstance(one, int):
            due = sorted(key for key, deadline_ms in plain.items() if deadline_ms < one)
            assert [key for key in plain if timers.due(key, one)] == [
                key for key in plain if key in due
            ]
            assert timers.before(one) == due
            for key in due:  # whoever is told to fire sets the next one
                del plain[key]
                timers.set(key, None)
            continue
        key, deadline_ms = one
        timers.set(key, deadline_ms)
        plain.pop(key, None)
        if deadline_ms is not None:
            plain[key] = deadline_ms


def test_two_are_equal_if_the_same_will_fire() -> None:
    one, other = Timers(), Timers()
    one.set((1, 1), 5)
    one.set((1, 1), 7)
    other.set((1, 1), 7)
    assert one == other
    other.set((1, 1), None)
    assert one != other
    assert one != 7
