"""The time of the servers, told by their stamps."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.watcher.server_time import ServerTime

STAMP_MS = 1_796_000_000_000


def test_until_something_is_read_it_is_this_machine_s() -> None:
    time = ServerTime(1_000)
    time.heard([], 2_000)
    assert time.now_ms(5_000, STAMP_MS) == STAMP_MS
    assert time.since_ms(5_000, STAMP_MS) == STAMP_MS - 4_000


@given(st.integers(0, 2 * STAMP_MS), st.integers(0, 10**9))
def test_then_it_goes_on_evenly_whatever_is_done_to_this_machine_s_clock(
    wall_ms: int, passed_ms: int
) -> None:
    time = ServerTime(1_000)
    time.heard([STAMP_MS - 5_000, STAMP_MS], 3_000)
    time.heard([], 3_000 + passed_ms)
    assert time.now_ms(3_000 + passed_ms, wall_ms) == STAMP_MS + passed_ms
    assert time.since_ms(3_000 + passed_ms, wall_ms) == STAMP_MS - 2_000


def test_a_server_s_clock_that_is_set_back_is_believed_at_once() -> None:
    time = ServerTime(0)
    time.heard([STAMP_MS], 1_000)
    time.heard([STAMP_MS - 60_000], 61_000)
    assert time.now_ms(61_000, 0) == STAMP_MS - 60_000
