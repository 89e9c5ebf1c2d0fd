"""Many readings of one patient in a row: as columns they say what they say one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import msgspec
import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.load import load_books
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry, ZonePeriod
from tests.alerts.book_text import rule
from tests.alerts.engine.cuts import remembered
from tests.alerts.engine.weeks import THERAPY, rules, weeks
from tests.alerts.engine.window_rules import ROBIN
from tests.alerts.engine.window_rules import rules as of_lines
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

STEADY = msgspec.structs.replace(THERAPY, therapy_start_ms=None)


def singly(state: PartitionState, log: Sequence[ReadingsRecord]) -> list[Transition]:
    return [one for each in log for one in step(state, [each]).transitions]


def of_both(
    patient: PatientEntry, before: Sequence[Measured], run: Sequence[Measured]
) -> tuple[int, int]:
    """Judge a run both ways; give how many transitions there are, how many were walked at once."""
    together, alone = (fresh_state(patient, rules=rules()) for _ in range(2))
    for state in (together, alone):
        singly(state, at_once(*before))
    log = at_once(*run)
    outcome = step(together, log)
    assert outcome.transitions == singly(alone, log)
    assert remembered(together)[:3] == remembered(alone)[:3]
    return len(outcome.transitions), outcome.walked


@pytest.mark.parametrize("seed", range(6))
def test_a_run_is_judged_as_one_reading_after_the_other(seed: int) -> None:
    measured = weeks(seed, 120)
    found, walked = of_both(THERAPY, measured[:20], measured[20:])
    assert found
    assert walked < 90, "quiet readings are not walked"


def test_a_run_goes_on_with_a_day_that_has_begun_and_may_have_nothing_to_count() -> None:
    before = [pressure(NOON + n * HOUR, 150) for n in range(3)]
    run = [pressure(NOON + (4 + n) * HOUR, 150) for n in range(45)]
    assert of_both(STEADY, before, run)[0]
    flagged = [pressure(one.at_ms, 120, 80, "body-moved") for one in run]
    assert of_both(STEADY, before, flagged)[1] < 10, "nothing comes of them"


def test_what_was_forgotten_before_a_run_stays_forgotten() -> None:
    before = [pressure(NOON + n * DAY, 120) for n in range(13)]
    run = [pressure(NOON + 12 * DAY + n * 10 * MINUTE, 150) for n in range(1, 13)]
    assert of_both(STEADY, before, run)[0]


def test_a_run_feeds_a_baseline_reading_by_reading() -> None:
    still = msgspec.structs.replace(THERAPY, therapy_start_ms=NOON + 3 * DAY)
    run = [pressure(NOON + n * 4 * HOUR, 130 + (n > 12) * 40) for n in range(40)]
    assert of_both(still, run[:2], run[2:])[0]


def test_days_of_a_run_go_back_where_the_patient_moved_west() -> None:
    moved = [ZonePeriod(NOON + 30 * HOUR, "Pacific/Honolulu")]
    west = msgspec.structs.replace(STEADY, zone="Pacific/Auckland", zones=moved)
    run = [pressure(NOON + n * 3 * HOUR, 120 + n) for n in range(60)]
    assert of_both(west, run[:2], run[2:])[0]


def test_a_day_of_a_run_counts_no_more_than_255_readings() -> None:
    run = [pressure(NOON + n * MINUTE, 100 + n // 4) for n in range(300)]
    assert of_both(STEADY, run[:2], run[2:])[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_record_of_many_in_a_row_is_settled_as_one(seed: int) -> None:
    """One record cannot be cut; whoever sends one of its readings twice is walked through it."""
    books, random = arrange(load_books()), Random(seed)
    person = PatientEntry("p1", "Robin", ["adult-standard"])
    measured = [
        replace(pressure(NOON + n * 40 * MINUTE, random.randint(100, 185)), session=f"s{n}")
        for n in range(40)
    ]
    run, walked = (fresh_state(person, rules=books) for _ in range(2))
    for state in (run, walked):
        singly(state, at_once(*measured[:2]))
    now_ms = measured[-1].at_ms
    outcome = step(run, [record(now_ms, measured[2:])])
    twice = step(walked, [record(now_ms, [*measured[2:], measured[20]])])
    assert outcome.transitions == twice.transitions
    assert outcome.transitions
    assert outcome.walked < twice.walked == 39


def test_a_run_looks_back_to_the_very_first_reading_of_a_patient() -> None:
    twice = rule("twice", "systolic >= 145 mmHg", "window = { matching = 2, of = 2 }")
    values = [150, 150, *[120] * 9]
    log = at_once(*(pressure(NOON + n * MINUTE, value) for n, value in enumerate(values)))
    state = fresh_state(ROBIN, rules=of_lines(twice))
    found = step(state, log).transitions
    assert [(one.event, one.at_ms) for one in found][:1] == [("onset", NOON + MINUTE)]
