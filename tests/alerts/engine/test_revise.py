"""A correction moves windows, means and baselines as if the reading had always said so."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.ladders import RuleSet, arrange
from alerts.engine.state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry
from tests.alerts.engine.corrections import correction, withdrawal
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, Measured, at_once, fresh_state, pressure

BOOK = """
book = "windows"
title = "Windows"
population = "Adults"

[vitals.blood_pressure]
fresh = "4h"
units = ["mmHg"]
gated = { body-moved = "the body moved" }

[[rule]]
id = "twice"
ladder = "bp-high"
title = "High twice"
vital = "blood_pressure"
when = "systolic >= 145 mmHg"
band = ["5 mmHg"]
severity = "high"
source = "none"
advice = "none"
window = { matching = 2, of = 3 }

[[rule]]
id = "mean"
ladder = "bp-mean"
title = "High on average"
vital = "blood_pressure"
when = "systolic >= 135 mmHg"
band = ["2 mmHg"]
severity = "medium"
source = "none"
advice = "none"
window = { mean_days = 3, readings = 4, days = 2 }

[[rule]]
id = "rise"
ladder = "bp-rise"
title = "Risen"
vital = "blood_pressure"
when = "systolic rise >= 20 mmHg"
band = ["5 mmHg"]
severity = "medium"
source = "none"
advice = "none"
baseline = { readings = 2, days = 2, before = "therapy" }
"""


def rules() -> RuleSet:
    return arrange([read_book("windows.toml", BOOK)])


def fresh() -> PartitionState:
    entry = PatientEntry("p1", "Robin", ["windows"], therapy_start_ms=NOON + DAY)
    return fresh_state(entry, rules=rules())


def judged(*log: ReadingsRecord) -> list[Transition]:
    return step(fresh(), log).transitions


def told(*log: ReadingsRecord) -> list[tuple[str, str]]:
    return [(one.event, one.rule) for one in judged(*log)]


HIGH = [pressure(NOON + n * HOUR, 150) for n in range(2)]
LATER = NOON + 2 * HOUR


def test_an_alert_whose_window_is_true_no_more_is_retracted() -> None:
    for one in HIGH:  # the reading at which the rule became true, and one that it counted
        log = [*at_once(*HIGH), correction(one, pressure(one.at_ms, 120), LATER)]
        found = judged(*log)
        assert [(each.event, each.rule) for each in found] == [
            ("onset", "twice"),
            ("retracted", "twice"),
        ]
        assert found[0].alert_id == found[1].alert_id
    assert told(*at_once(*HIGH), withdrawal(HIGH[0], at_ms=LATER))[-1] == ("retracted", "twice")


def test_a_window_that_is_still_true_is_left_alone() -> None:
    third = pressure(NOON + 2 * HOUR, 151)
    log = [*at_once(*HIGH, third), correction(third, pressure(third.at_ms, 160), LATER)]
    assert told(*log)[-1] == ("corrected", "twice")


def test_a_window_that_a_correction_makes_true_is_work() -> None:
    normal = pressure(NOON, 120)
    found = judged(*at_once(normal, HIGH[1]), correction(normal, pressure(NOON, 150), LATER))
    assert [(one.event, one.rule, one.severity) for one in found] == [
        ("corrected-match", "twice", "medium")
    ]
    between = pressure(NOON + MINUTE, 120)
    outvoted = [pressure(NOON + 2 * MINUTE, 120), pressure(NOON + 3 * MINUTE, 150)]
    log = [*at_once(HIGH[0], between, *outvoted), withdrawal(between, at_ms=LATER)]
    assert told(*log) == [("corrected-match", "twice")]


def days(value: int, count: int = 3) -> list[Measured]:
    return [pressure(NOON + n * DAY + k * HOUR, value) for n in range(count) for k in range(2)]


def test_a_mean_that_holds_no_more_is_retracted() -> None:
    readings = days(136)
    assert told(*at_once(*readings)) == [("onset", "mean")]
    last = readings[-1]
    log = [*at_once(*readings), correction(last, pressure(last.at_ms, 100), last.at_ms)]
    assert told(*log) == [("onset", "mean"), ("retracted", "mean")]
    log = [*at_once(*readings), correction(readings[0], pressure(NOON, 100), last.at_ms)]
    assert told(*log) == [("onset", "mean")]  # the first day of an episode is in no mean


LATE = 1 << 14
"""In what a ring keeps of a blood pressure's flags: it came too late to end anything."""


def memory_of(state: PartitionState, *, arrivals: bool = True) -> object:
    """What is kept; without ``arrivals`` not how late each reading came."""
    memory = state.memories[0]
    slot = int(memory.slot_of[0])
    if slot < 0:
        return None
    row = memory.table[slot]
    kept = sorted(
        (int(day["day"]), int(day["readings"]), day["total"].tolist(), day["count"].tolist())
        for day in row["days"]
        if day["readings"]
    )
    ring = memory.ring(slot)
    ring["flags"] &= ~np.uint16(0 if arrivals else LATE)
    names = ("at_ms", "high", "low", "seq", "milli", "codes", "flags", "mark")
    entries = [[ring[name][n].tolist() for name in names] for n in range(len(ring))]
    return kept, entries, row["baseline_total"].tolist(), row["baseline_count"].tolist()


values = st.sampled_from([100, "130.4", 136, 150, "NaN", "HI"])
moments = st.sampled_from([NOON + n * 6 * HOUR for n in range(12)])


@st.composite
def measurements(draw: st.DrawFn) -> list[Measured]:
    times = sorted(draw(st.sets(moments, min_size=1, max_size=8)))
    flags = st.sampled_from([(), (), ("body-moved",)])
    return [pressure(at_ms, draw(values), 80, *draw(flags)) for at_ms in times]


def named(one: Measured) -> Measured:
    """A reading keeps its name when it is corrected."""
    return Measured(one.vital, one.quantities, one.at_ms, one.flags, name=str(one.at_ms))


@settings(max_examples=60)
@given(measurements(), values, st.data())
def test_memory_is_as_if_the_reading_had_always_said_so(
    measured: list[Measured], value: object, data: st.DataObject
) -> None:
    readings = [named(one) for one in measured]
    place = data.draw(st.integers(0, len(readings) - 1))
    was = readings[place]
    now = named(pressure(was.at_ms, value, 80, *was.flags))
    end = readings[-1].at_ms
    state, other, without = fresh(), fresh(), fresh()
    step(state, [*at_once(*readings), correction(was, now, end)])
    step(other, at_once(*readings[:place], now, *readings[place + 1 :]))
    assert memory_of(state) == memory_of(other)
    step(state, [withdrawal(now, at_ms=end)])
    rest: Sequence[Measured] = [*readings[:place], *readings[place + 1 :]]
    if rest:
        step(without, at_once(*rest))
        assert memory_of(state) == memory_of(without)
