"""A correction that makes a measurement of what was none, or a flagged one of a clean one."""

from dataclasses import replace

import msgspec
import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import Corrections, ReadingsRecord, Tick
from schemas.reading import Outcome
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.correcting import correction
from tests.alerts.engine.window_book import days
from tests.alerts.engine.window_rules import GATED
from tests.alerts.readings import HOUR, MINUTE, NOON, Measured, at_once, fresh_state, pressure

TWICE = rule("twice", "systolic >= 150 mmHg", "window = { matching = 2, of = 2 }")
MEAN = rule(
    "mean", "systolic >= 135 mmHg", "window = { mean_days = 3, readings = 2, days = 1 }", ladder="m"
)
PLAIN = rule("plain", "systolic >= 150 mmHg", ladder="p")


def judged(log: list[ReadingsRecord], *text: str) -> list[Transition]:
    rules = arrange([read_book("edges.toml", GATED + "".join(text))])
    return step(fresh_state(PatientEntry("p1", "Robin", ["edges"]), rules=rules), log).transitions


def told(log: list[ReadingsRecord], *text: str) -> list[str]:
    return [one.event for one in judged(log, *text)]


def read_anew(was: Measured, now: Measured, at_ms: int) -> Corrections:
    """Say of outcome and flags what they were."""
    record = correction(was, now, at_ms)
    (reading,) = record.readings
    known = msgspec.structs.replace(
        reading,
        outcome=now.outcome,
        outcome_before=was.outcome,
        status_before=list(was.flags),
    )
    return msgspec.structs.replace(record, readings=[known])


def none(was: Measured, outcome: Outcome) -> Measured:
    return Measured(was.vital, was.quantities, was.at_ms, outcome=outcome, name=was.reading_id)


@pytest.mark.parametrize("outcome", ["control-solution", "failed"])
def test_what_was_no_measurement_counts_once_it_is_one(outcome: Outcome) -> None:
    real, high = pressure(NOON, 160), pressure(NOON + HOUR, 161)
    unread = none(real, outcome)
    log = at_once(unread, high)
    assert told(log, TWICE) == []
    found = judged([*log, read_anew(unread, real, high.at_ms)], TWICE)
    assert [one.event for one in found] == ["corrected-match"]
    assert "it is a measurement" in found[0].reason


def test_what_was_none_is_taken_out_of_no_mean_that_it_never_was_in() -> None:
    *readings, last = days(136)
    at_ms = last.at_ms - MINUTE
    low = pressure(at_ms, 60)
    control = none(low, "control-solution")
    log = at_once(*readings, control, last)
    held = told(at_once(*readings, last), MEAN)
    assert told(log, MEAN) == held
    still = read_anew(control, none(pressure(at_ms, 300), "control-solution"), last.at_ms)
    assert told([*log, still], MEAN) == held
    assert told([*log, read_anew(control, low, last.at_ms)], MEAN) == [*held, "retracted"]


def test_a_flag_that_was_misread_lets_a_reading_count() -> None:
    moved = pressure(NOON, 160, 80, "body-moved")
    clean = pressure(NOON, 160, 80)
    high = pressure(NOON + HOUR, 161)
    log = at_once(moved, high)
    assert told(log, TWICE) == []
    assert told([*log, read_anew(moved, clean, high.at_ms)], TWICE) == ["corrected-match"]
    log = at_once(clean, high)
    assert told(log, TWICE) == ["onset"]
    assert told([*log, read_anew(clean, moved, high.at_ms)], TWICE) == ["onset", "retracted"]


def test_what_was_said_of_a_reading_that_was_in_no_window_is_not_asked_of_it_again() -> None:
    """Of a flagged reading nobody keeps the meal; that it has matched tells enough of it."""
    said = {"meal": "fasting"}
    moved = replace(pressure(NOON, 160, 80, "body-moved"), name="one", attributes=said)
    clean, higher, normal = (
        replace(pressure(NOON, systolic), name="one", attributes=said)
        for systolic in (160, 170, 120)
    )
    asks = rule("fasting", "systolic >= 150 mmHg", 'requires = { meal = ["fasting"] }')
    log = [*at_once(moved), Tick(NOON + HOUR)]
    opened = ["repeat-asked", "onset"]
    assert told(log, asks) == opened
    twice = [read_anew(moved, clean, NOON + HOUR), read_anew(clean, higher, NOON + 2 * HOUR)]
    assert told([*log, *twice], asks) == [*opened, "corrected", "corrected"]
    for was in (moved, clean):
        misread = read_anew(was, normal, NOON + 2 * HOUR)
        before = twice[:1] if was is clean else []
        assert told([*log, *before, misread], asks)[-1] == "retracted", "in no meal it is high"
