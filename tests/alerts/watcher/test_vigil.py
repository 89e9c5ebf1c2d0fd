"""When alerting counts as down, by tables."""

import pytest

from alerts.watcher.vigil import LAG_MS_MAX, REPEAT_MS, Look, Vigil, lag_ms, next_look_s
from schemas.kafka import EngineReport

MINUTE_MS = 60_000
WELL, MISSED = (), ("No canary has come through.",)


def said(*troubles: tuple[str, ...], lag_ms: int = 0) -> list[tuple[bool, str | None]]:
    """Look once a minute; give whether the heartbeat beat, and what was said."""
    vigil = Vigil("w")
    decisions = [
        vigil.look(Look(number * MINUTE_MS, lag_ms, one)) for number, one in enumerate(troubles)
    ]
    keys = [one.key for one in decisions if one.say]
    assert len(keys) == len(set(keys))
    return [(one.beat, one.say) for one in decisions]


def test_while_all_is_well_it_only_beats() -> None:
    assert said(WELL, WELL) == [(True, None), (True, None)]


def test_three_missed_canaries_are_down_and_no_heartbeat_covers_the_first() -> None:
    assert said(WELL, MISSED, MISSED, MISSED) == [
        (True, None),
        (False, None),
        (False, None),
        (False, "down"),
    ]


def test_canaries_that_come_between_begin_the_count_anew() -> None:
    assert [say for _, say in said(MISSED, MISSED, WELL, MISSED, MISSED)] == [None] * 5


@pytest.mark.parametrize(("late_ms", "say"), [(LAG_MS_MAX, None), (LAG_MS_MAX + 1, "down")])
def test_more_than_three_minutes_late_is_down_at_once(late_ms: int, say: str | None) -> None:
    assert said(MISSED, lag_ms=late_ms) == [(False, say)]


@pytest.mark.parametrize(
    ("late_ms", "wait_s"),
    [(0, 60), (119_000, 60), (150_000, 30.001), (LAG_MS_MAX, 0.001), (LAG_MS_MAX + 1, 60)],
)
def test_what_grows_late_is_looked_at_when_it_is_too_late(late_ms: int, wait_s: float) -> None:
    """Engine or bridge had been away for up to 240 s when somebody was told of it."""
    assert next_look_s(60.0, late_ms) == wait_s
    assert next_look_s(15.0, late_ms) == min(15.0, wait_s)


def test_it_is_said_again_until_all_is_well_and_then_once() -> None:
    minutes_between = REPEAT_MS // MINUTE_MS
    troubles = [MISSED] * (3 + minutes_between)
    says = [say for _, say in said(*troubles, WELL, WELL)]
    assert says == [
        None,
        None,
        "down",
        *[None] * (minutes_between - 1),
        "still-down",
        "well-again",
        None,
    ]


def report(partition: int, log_ms: int, at_ms: int, late_ms: int = 0) -> EngineReport:
    return EngineReport(partition, "e", 1, 0, log_ms, at_ms, late_ms)


@pytest.mark.parametrize(
    ("reports", "lag"),
    [
        ([report(0, 90_000, 99_000), report(1, 95_000, 99_000)], 10_000),  # the oldest canary
        ([report(0, 99_000, 60_000), report(1, 99_000, 99_000)], 40_000),  # an engine is silent
        ([report(0, 99_000, 99_000, late_ms=30_000), report(1, 99_000, 99_000)], 31_000),
        ([report(0, 99_000, 99_000)], 50_000),  # nothing was ever seen of partition 1
        ([], 50_000),
        ([report(0, 0, 100_000), report(1, 100_000, 100_000)], 50_000),  # nothing judged yet
        ([report(0, 120_000, 120_000), report(1, 120_000, 120_000)], 0),  # another clock
    ],
)
def test_the_worst_partition_counts(reports: list[EngineReport], lag: int) -> None:
    known = {one.partition: one for one in reports}
    assert lag_ms(known, partitions=2, now_ms=100_000, since_ms=50_000) == lag
