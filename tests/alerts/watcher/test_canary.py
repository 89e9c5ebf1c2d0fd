"""Canaries by themselves: which of them are still waited for."""

from alerts.watcher.canary import Canaries, Instant
from schemas.alert import CANARY, Action

STREAM = "0011223344556677"


def started(canaries: Canaries, at_ms: int) -> None:
    canaries.start(Instant("b" * 32, at_ms, at_ms))


def decided(number: int, stream: str = STREAM) -> Action:
    return Action("a", [], "canary", "desk", 0, "", answers=f"{CANARY}{stream}-{number}")


def test_one_that_is_back_is_not_waited_for_and_says_when_it_started() -> None:
    canaries = Canaries(STREAM)
    started(canaries, 1_000)
    assert canaries.waiting_ms(4_000) == 3_000
    assert canaries.came_back(decided(1)) == 1_000
    assert canaries.waiting_ms(4_000) == 0


def test_the_oldest_that_is_missing_counts() -> None:
    canaries = Canaries(STREAM)
    for at_ms in (1_000, 61_000, 121_000):
        started(canaries, at_ms)
    assert canaries.waiting_ms(181_000) == 180_000


def test_a_later_one_that_is_back_ends_the_wait_for_those_before_it_only() -> None:
    canaries = Canaries(STREAM)
    for at_ms in (1_000, 2_000, 3_000):
        started(canaries, at_ms)
    canaries.came_back(decided(2))
    assert canaries.waiting_ms(10_000) == 7_000
    assert canaries.came_back(decided(1)) is None  # late, and of no use any more


def test_another_watcher_s_canary_is_not_ours() -> None:
    canaries = Canaries(STREAM)
    started(canaries, 1_000)
    assert canaries.came_back(decided(1, "ff" * 8)) is None
    assert canaries.waiting_ms(1_500) == 500
    assert canaries.back == 0


def test_a_clock_that_is_set_meanwhile_neither_makes_one_late_nor_hides_that_it_is() -> None:
    canaries = Canaries(STREAM)
    hour_ms = 3_600_000
    for monotonic_ms, wall_ms in [(1_000, hour_ms), (61_000, 2 * hour_ms), (121_000, 0)]:
        canaries.start(Instant("b" * 32, monotonic_ms, wall_ms))
    assert canaries.waiting_ms(181_000) == 180_000
    assert canaries.came_back(decided(2)) == 2 * hour_ms
    assert canaries.waiting_ms(181_000) == 60_000, "of the third, not of one before it"
    assert canaries.came_back(decided(3)) == 0
    assert canaries.waiting_ms(181_000) == 0
