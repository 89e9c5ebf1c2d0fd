"""A correction moves windows, means and baselines as if the reading had always said so."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.step import step
from schemas.kafka import ReadingsRecord
from tests.alerts.engine.correcting import correction, withdrawal
from tests.alerts.engine.window_book import (
    days,
    fresh,
    judged,
    measurements,
    memory_of,
    named,
    told,
    values,
)
from tests.alerts.readings import HOUR, MINUTE, NOON, Measured, at_once, pressure, record

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


def test_of_two_names_that_are_half_the_same_the_one_that_is_meant_is_changed() -> None:
    """Names begin with the time of measurement: two devices of a patient may share so much."""
    first, second = pressure(NOON, 150), pressure(NOON, 120, 70)
    names = {first.reading_id: "ab" * 8 + "01" * 8, second.reading_id: "ab" * 8 + "02" * 8}
    changed = correction(second, pressure(NOON, 100, 70), LATER)
    log = [
        renamed(one, names) for one in (record(NOON, [first]), record(NOON + 1, [second]), changed)
    ]
    state = fresh()
    step(state, log)
    ring = state.memories[0].ring(int(state.memories[0].slot_of[0]))
    assert sorted(entry["milli"][0] for entry in ring) == [100_000, 150_000]


def renamed(entry: ReadingsRecord, names: dict[str, str]) -> ReadingsRecord:
    """Give a record whose readings have other names."""
    text = msgspec.json.encode(entry).decode()
    for old, new in names.items():
        text = text.replace(old, new)
    decoded: ReadingsRecord = msgspec.json.decode(text, type=ReadingsRecord)
    return decoded


def test_a_withdrawal_that_comes_twice_takes_away_once() -> None:
    """It was all that was known of its day, and older than what windows keep one by one."""
    first, *later = (pressure(NOON + hours * HOUR, 120) for hours in (0, 24, 25, 26))
    gone = withdrawal(first, at_ms=NOON + 27 * HOUR)
    once, twice = fresh(), fresh()
    step(once, [*at_once(first, *later), gone])
    step(twice, [*at_once(first, *later), gone, gone])
    assert memory_of(twice) == memory_of(once)


def test_a_mean_that_holds_no_more_is_retracted() -> None:
    readings = days(136)
    assert told(*at_once(*readings)) == [("onset", "mean")]
    last = readings[-1]
    log = [*at_once(*readings), correction(last, pressure(last.at_ms, 100), last.at_ms)]
    assert told(*log) == [("onset", "mean"), ("retracted", "mean")]
    log = [*at_once(*readings), correction(readings[0], pressure(NOON, 100), last.at_ms)]
    assert told(*log) == [("onset", "mean")]  # the first day of an episode is in no mean


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
