"""When an adapter that reaches nobody is switched off and on, in virtual time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.visits.link_watch import (
    IN_VAIN_FIRST_MS,
    IN_VAIN_LONGEST_MS,
    VISITS_BEFORE_POWER,
    LinkWatch,
)

MINUTE_MS = 60_000


def cycles_ms(watch: LinkWatch, every_ms: int, until_ms: int) -> list[int]:
    """Visit in vain again and again; give when power was due."""
    return [at_ms for at_ms in range(0, until_ms, every_ms) if watch.visited(at_ms, linked=False)]


def test_power_is_tried_after_many_visits_in_vain() -> None:
    assert cycles_ms(LinkWatch(), MINUTE_MS, IN_VAIN_FIRST_MS) == []
    assert cycles_ms(LinkWatch(), MINUTE_MS, IN_VAIN_FIRST_MS + 1) == [IN_VAIN_FIRST_MS]
    rarely_ms = 10 * IN_VAIN_FIRST_MS
    first_ms = (VISITS_BEFORE_POWER - 1) * rarely_ms
    assert cycles_ms(LinkWatch(), rarely_ms, first_ms + 1) == [first_ms]


def test_power_grows_rare_within_bounds() -> None:
    tried_ms = cycles_ms(LinkWatch(), MINUTE_MS, 10 * 24 * 60 * MINUTE_MS)
    pauses_ms = [later - earlier for earlier, later in pairwise(tried_ms)]
    assert pauses_ms == sorted(pauses_ms)
    assert pauses_ms[0] == 2 * IN_VAIN_FIRST_MS + MINUTE_MS
    assert pauses_ms[-1] == IN_VAIN_LONGEST_MS + MINUTE_MS


def test_a_link_makes_patience_short_again() -> None:
    watch = LinkWatch()
    tried_ms = cycles_ms(watch, MINUTE_MS, 5 * IN_VAIN_FIRST_MS)
    assert len(tried_ms) == 2
    assert not watch.visited(0, linked=True)
    assert cycles_ms(watch, MINUTE_MS, IN_VAIN_FIRST_MS + 1) == [IN_VAIN_FIRST_MS]


@given(
    st.lists(
        st.tuples(st.integers(0, IN_VAIN_LONGEST_MS), st.sampled_from([None, False])),
        max_size=VISITS_BEFORE_POWER - 1,
    )
)
def test_while_any_device_is_reached_now_and_then_nothing_is_done(
    visits: list[tuple[int, bool | None]],
) -> None:
    watch, now_ms = LinkWatch(), 0
    for _ in range(3):
        for pause_ms, linked in visits:
            now_ms += pause_ms
            assert not watch.visited(now_ms, linked=linked)
        assert not watch.visited(now_ms, linked=True)
