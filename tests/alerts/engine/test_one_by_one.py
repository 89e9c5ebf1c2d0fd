"""One by one or as arrays, early or late: the same readings leave the same memory and say the same.

Whoever sends something twice is judged reading by reading, everybody else in rounds of arrays.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from tests.alerts.book_text import rule
from tests.alerts.engine.weeks import THERAPY, rules, weeks
from tests.alerts.engine.window_book import LATE
from tests.alerts.engine.window_rules import told as told_under
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    at_once,
    fresh_state,
    pressure,
    record,
)


def fresh() -> PartitionState:
    return fresh_state(THERAPY, rules=rules())


def told(log: Sequence[ReadingsRecord]) -> list[Transition]:
    return step(fresh(), log).transitions


@pytest.mark.parametrize("seed", range(4))
def test_whoever_sends_everything_twice_hears_the_same(seed: int) -> None:
    log = at_once(*weeks(seed))
    twice = [one for each in log for one in (each, each)]
    singly = told(log)
    assert told(twice) == singly
    assert len({one.rule for one in singly}) > 2, "the story tells of several rules"
    by_cuts = fresh()
    assert [one for each in log for one in step(by_cuts, [each]).transitions] == singly


def memory_of(state: PartitionState) -> dict[str, object]:
    memory = state.memories[0]
    slot = int(memory.slots(np.array([0]))[0])
    days = memory.days(np.array([slot]))[0]
    table = memory.table[slot]
    ring = memory.ring(slot)
    ring["flags"] &= ~np.uint16(LATE)  # how a reading came is not what a window says of it
    return {
        "ring": ring.tobytes(),
        "days": sorted(day.tobytes() for day in days if day["day"]),
        "forgotten": int(table["forgotten_day"]),
        "baseline": (table["baseline_total"].tolist(), table["baseline_count"].tolist()),
    }


@pytest.mark.parametrize("seed", range(4))
def test_in_whatever_order_readings_arrive_memory_is_the_same(seed: int) -> None:
    measured = [one for one in weeks(seed, 30) if one.time == "device-clock"]
    last_ms = measured[-1].at_ms
    in_order, shuffled, reversed_ = fresh(), fresh(), fresh()
    mixed = list(measured)
    Random(seed + 100).shuffle(mixed)
    step(in_order, at_once(*measured))
    step(shuffled, [record(last_ms, [one]) for one in mixed])
    step(reversed_, [record(last_ms + n, [one]) for n, one in enumerate(measured[::-1])])
    assert memory_of(shuffled) == memory_of(in_order)
    assert memory_of(reversed_) == memory_of(in_order)


def test_a_value_that_is_no_number_is_none_and_stops_nobody() -> None:
    (found,) = told(at_once(pressure(NOON, 190, "twelve")))
    assert (found.rule, found.evidence.quantities["diastolic"]) == ("severe", "twelve mmHg")
    assert told(at_once(pressure(NOON, "twelve", 80))) == []


def test_a_window_says_of_each_reading_whose_clock_its_time_is() -> None:
    receipt = replace(pressure(NOON, 150), time="receipt", session="other")
    late = pressure(NOON - MINUTE, 151)
    (found,) = told([*at_once(receipt), record(NOON + MINUTE, [late])])
    assert (found.event, found.evidence.time_quality) == ("onset", "receipt")
    assert [one.time_quality for one in found.window] == ["device-clock", "receipt"]


def test_a_late_reading_that_is_older_than_all_that_are_known_still_counts_in_its_day() -> None:
    text = rule(
        "mean", "systolic >= 135 mmHg", "window = { mean_days = 1, readings = 14, days = 1 }"
    )
    yesterday = pressure(NOON - DAY, 120)
    known = [pressure(NOON + n * MINUTE, 140) for n in range(12)]
    late, last = pressure(NOON - MINUTE, 140), pressure(NOON + HOUR, 140)
    with_it = [*at_once(yesterday, *known), record(NOON + 30 * MINUTE, [late]), *at_once(last)]
    assert told_under(with_it, text) == [("onset", "high", "mean")]
    assert told_under([*at_once(yesterday, *known), *at_once(last)], text) == []
