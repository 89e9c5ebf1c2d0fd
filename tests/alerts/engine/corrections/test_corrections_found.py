"""What the comparison with the oracle has found about corrections: each has a name here."""

from dataclasses import replace

import msgspec
import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.reading import Outcome
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.correcting import correction, withdrawal
from tests.alerts.engine.window_book import days, told
from tests.alerts.engine.window_rules import GATED
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, at_once, fresh_state, pressure, record

HIGH = "systolic >= 150 mmHg"
TWICE = "window = { matching = 2, of = 3 }"
MEAN = "window = { mean_days = 3, readings = 2, days = 1 }"


def judged(log: list[ReadingsRecord], *text: str) -> list[Transition]:
    patient = PatientEntry("p1", "Robin", ["edges"], therapy_start_ms=NOON + 2 * DAY)
    rules = arrange([read_book("edges.toml", GATED + "".join(text))])
    return step(fresh_state(patient, rules=rules), log).transitions


def events(log: list[ReadingsRecord], *text: str) -> list[str]:
    return [one.event for one in judged(log, *text)]


def test_a_mean_is_taken_back_also_if_a_reading_came_since_that_is_in_no_window() -> None:
    readings = days(136)
    last = readings[-1]
    moved = pressure(last.at_ms + MINUTE, 120, 80, "body-moved")
    lower = correction(last, pressure(last.at_ms, 100), moved.at_ms)
    assert told(*at_once(*readings, moved), lower) == [("onset", "mean"), ("retracted", "mean")]


def test_a_mean_that_holds_without_the_reading_at_which_it_was_said_is_not_taken_back() -> None:
    readings = days(140, 4)
    last = readings[-1]
    found = told(*at_once(*readings), withdrawal(last, at_ms=last.at_ms))
    assert found == [("onset", "mean"), ("again", "mean"), ("corrected", "mean")]


def test_a_rise_that_was_misread_is_taken_back() -> None:
    begin = NOON + DAY  # of the therapy: before it the baseline
    before = [pressure(NOON + n * HOUR, 120) for n in range(2)]
    risen = pressure(begin + HOUR, 144)
    log = at_once(*before, risen)
    assert told(*log) == [("onset", "rise")]
    misread = correction(risen, pressure(risen.at_ms, 125), risen.at_ms)
    assert told(*log, misread)[-1] == ("retracted", "rise")
    lower = correction(before[0], pressure(NOON, 140), risen.at_ms)
    assert told(*log, lower)[-1] == ("retracted", "rise"), "nor has it risen over that baseline"


def test_one_corrected_reading_is_one_event_of_a_ladder() -> None:
    normal, high = pressure(NOON, 120), pressure(NOON - HOUR, 150)
    both = rule("high", HIGH, ladder="bp"), rule("twice", HIGH, TWICE, ladder="bp")
    log = [*at_once(high, normal), correction(normal, pressure(NOON, 155))]
    assert events(log, both[1]) == ["corrected-match"]
    first = pressure(NOON, 120)
    once = rule("once", HIGH, "window = { matching = 1, of = 3 }", ladder="bp")
    log = [*at_once(first), correction(first, pressure(NOON, 155))]
    assert events(log, both[0], once) == ["corrected-match"]


def test_a_day_of_which_every_reading_is_withdrawn_is_no_day_of_measuring() -> None:
    """Else the day after it would be no episode's first, which is in no mean."""
    foreign, own = pressure(NOON, 120), [pressure(NOON + DAY + n * HOUR, 160) for n in range(2)]
    gone = withdrawal(foreign, at_ms=own[-1].at_ms)
    mean = rule("mean", HIGH, MEAN)
    assert events(at_once(foreign, *own), mean) == ["onset"]
    assert events([*at_once(foreign, *own), gone], mean) == ["onset", "retracted"]


def test_what_had_no_value_counts_in_windows_once_it_has_one() -> None:
    unread, high = pressure(NOON, "NaN", "NaN"), pressure(NOON + HOUR, 150)
    read = correction(unread, pressure(NOON, 155), high.at_ms)
    twice = rule("twice", HIGH, TWICE)
    assert events(at_once(unread, high), twice) == []
    assert events([*at_once(unread, high), read], twice) == ["corrected-match"]
    later = pressure(NOON + 2 * HOUR, 90)
    once_more = pressure(NOON + 3 * HOUR, 151)
    three = rule("thrice", HIGH, "window = { matching = 3, of = 4 }")
    log = [*at_once(unread, high), read, *at_once(later, once_more)]
    assert events(log, three) == ["onset"]


@pytest.mark.parametrize("outcome", ["control-solution", "failed"])
def test_a_first_reading_that_was_no_measurement_counts_in_windows_once_it_is_one(
    outcome: Outcome,
) -> None:
    first, high = replace(pressure(NOON, 150), outcome=outcome), pressure(NOON + HOUR, 151)
    read = correction(first, pressure(NOON, 150), NOON + MINUTE)
    (reading,) = read.readings
    reading = msgspec.structs.replace(reading, outcome_before=outcome)
    read = msgspec.structs.replace(read, readings=[reading])
    log: list[ReadingsRecord] = [record(NOON, [first]), read, *at_once(high)]
    assert events(log, rule("twice", HIGH, TWICE)) == ["onset"]
    assert events([log[0], log[2]], rule("twice", HIGH, TWICE)) == []


def test_a_record_that_is_delivered_twice_says_twice_one_thing_of_one_name() -> None:
    """So the desk, the page and the table of events take it once."""
    high, normal = pressure(NOON, 150), pressure(NOON + MINUTE, 120)
    higher, misread = pressure(NOON, 160), pressure(normal.at_ms, 151)
    log, rules = at_once(high, normal), (rule("high", HIGH), rule("higher", "systolic >= 151 mmHg"))
    for change in (correction(high, higher), correction(normal, misread)):
        once, twice = judged([*log, change], *rules), judged([*log, change, change], *rules)
        assert len(twice) > len(once), "it is said again"
        assert all(one in once for one in twice)
