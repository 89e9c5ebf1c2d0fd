"""One by one or as arrays, early or late: the same readings leave the same memory and say the same.

Whoever sends something twice is judged reading by reading, everybody else in rounds of arrays.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest

from alerts.engine.ladders import RuleSet, arrange
from alerts.engine.state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from tests.alerts.engine.test_revise import LATE
from tests.alerts.engine.window_rules import (
    GATED,
    HIGH_TWICE,
    LOW_TWICE,
    RISE,
    ROBIN,
    rule,
)
from tests.alerts.engine.window_rules import told as told_under
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    pressure,
    record,
)

TEXT = [
    HIGH_TWICE,
    LOW_TWICE,
    rule("mean", "systolic >= 135 mmHg", "window = { mean_days = 3, readings = 4, days = 2 }"),
    rule(
        "steep",
        "systolic >= 160 mmHg",
        'window = { matching = 2, of = 4, within = "6h", days = 1, apart = "10min" }',
        ladder="high",
        severity="critical",
    ),
    rule("severe", "systolic > 180 mmHg or diastolic > 120 mmHg", ladder="high"),
    rule(
        "map", "map > 110 mmHg", "window = { mean_days = 2, readings = 3, days = 1 }", ladder="map"
    ),
    RISE,
]
THERAPY = msgspec.structs.replace(
    ROBIN, therapy_start_ms=NOON + 2 * DAY, care_plan_from_ms=NOON - DAY, zone="Europe/Berlin"
)


def rules() -> RuleSet:
    return arrange([read_book("edges.toml", GATED + "".join(TEXT))])


def fresh() -> PartitionState:
    return fresh_state(THERAPY, rules=rules())


def weeks(seed: int, count: int = 35) -> list[Measured]:
    """Draw a patient's weeks: steady, worse, better; now and then flagged, HI, or unknown."""
    random, at_ms, level = Random(seed), NOON, 130
    measured = []
    for _ in range(count):
        at_ms += random.choice([MINUTE, 12 * MINUTE, HOUR, 7 * HOUR, DAY, DAY])
        at_ms += random.choice([0] * 12 + [9 * DAY, 30 * DAY])
        level = max(70, min(200, level + random.randint(-25, 25)))
        value: object = random.choice([level] * 9 + ["HI", "LO", "NaN"])
        flags = random.choice([()] * 8 + [("body-moved",)])
        one = pressure(at_ms, value, level - random.randint(40, 60), *flags)
        measured.append(replace(one, session=f"s{at_ms}"))
    return measured


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
