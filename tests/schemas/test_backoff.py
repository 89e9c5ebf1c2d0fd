from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.backoff import Backoff


@given(st.integers(), st.integers(1, 200))
def test_delays_stay_within_their_bounds(seed: int, tries: int) -> None:
    backoff = Backoff(Random(seed), first_s=0.2, longest_s=10)
    delays_s = [backoff.next_s() for _ in range(tries)]
    assert 0.1 <= delays_s[0] <= 0.2
    assert all(0.1 <= delay_s <= 10 for delay_s in delays_s)
    assert backoff.failures == tries


def test_success_starts_again_from_the_shortest() -> None:
    backoff = Backoff(Random(1), first_s=0.2, longest_s=10)
    for _ in range(20):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.2
