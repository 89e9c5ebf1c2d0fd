"""When a silent scan is started anew, in virtual time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.visits.scan_watch import (
    FAILED_STARTS_BEFORE_POWER,
    LADDER,
    SILENCE_FIRST_MS,
    SILENCE_LONGEST_MS,
    Remedy,
    ScanWatch,
)

DAY_MS = 24 * 3600_000


def test_silence_is_believed_for_long() -> None:
    watch = ScanWatch()
    watch.started(1_000)
    assert watch.remedy(1_000 + SILENCE_FIRST_MS - 1) is Remedy.NONE
    assert watch.remedy(1_000 + SILENCE_FIRST_MS) is Remedy.RESTART


def remedies(watch: ScanWatch, until_ms: int) -> list[tuple[int, Remedy]]:
    """Live through silence; give when which remedy was due."""
    given_ms = []
    while (now_ms := watch.due_ms()) <= until_ms:
        given_ms.append((now_ms, watch.remedy(now_ms)))
        watch.started(now_ms)
    return given_ms


def test_power_is_the_last_resort_and_grows_rare() -> None:
    watch = ScanWatch()
    watch.started(0)
    tried = remedies(watch, 10 * DAY_MS)
    assert [remedy for _, remedy in tried[: len(LADDER)]] == list(LADDER)
    cycled_ms = [at_ms for at_ms, remedy in tried if remedy is Remedy.POWER_CYCLE]
    pauses_ms = [later - earlier for earlier, later in pairwise(cycled_ms)]
    assert pauses_ms == sorted(pauses_ms)
    assert pauses_ms[-1] == len(LADDER) * SILENCE_LONGEST_MS


def test_who_is_heard_makes_silence_short_again() -> None:
    watch = ScanWatch()
    watch.started(0)
    remedies(watch, DAY_MS)
    watch.heard(DAY_MS)
    assert watch.due_ms() == DAY_MS + SILENCE_FIRST_MS
    assert watch.remedy(watch.due_ms()) is LADDER[0]


def test_starts_that_fail_again_and_again_need_power() -> None:
    watch = ScanWatch()
    said = [watch.failed_to_start() for _ in range(2 * FAILED_STARTS_BEFORE_POWER)]
    assert said.count(Remedy.POWER_CYCLE) == 2
    assert said[FAILED_STARTS_BEFORE_POWER - 1] is Remedy.POWER_CYCLE
    watch.started(0)
    assert watch.failed_to_start() is Remedy.RESTART


def test_a_scan_that_began_in_between_makes_failed_starts_count_anew() -> None:
    watch = ScanWatch()
    for _ in range(FAILED_STARTS_BEFORE_POWER):
        watch.started(0)
        for _ in range(FAILED_STARTS_BEFORE_POWER - 1):
            assert watch.failed_to_start() is Remedy.RESTART


@given(st.lists(st.integers(0, SILENCE_FIRST_MS), max_size=50))
def test_who_hears_something_now_and_then_is_left_alone(pauses_ms: list[int]) -> None:
    watch, now_ms = ScanWatch(), 0
    watch.started(now_ms)
    for pause_ms in pauses_ms:
        now_ms += max(0, pause_ms - 1)
        assert watch.remedy(now_ms) is Remedy.NONE
        watch.heard(now_ms)


def test_a_remedy_is_given_time_though_no_scan_began_behind_it() -> None:
    watch = ScanWatch()
    watch.started(0)
    remedies = [watch.remedy(at_ms) for at_ms in (SILENCE_FIRST_MS, SILENCE_FIRST_MS + 1)]
    assert remedies == [Remedy.RESTART, Remedy.NONE]
