"""A version changes which flags spoil a reading: it is taken back as it had counted before."""

import numpy as np
import pytest

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.correcting import correction, withdrawal
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.window_rules import GATED, HEAD
from tests.alerts.readings import HOUR, NOON, at_once, fresh_state, pressure

ROBIN = PatientEntry("p1", "Robin", ["edges"])
MEAN = rule("mean", "systolic >= 135 mmHg", "window = { mean_days = 7, readings = 2, days = 1 }")
OTHER, MOVED = pressure(NOON, 120), pressure(NOON + HOUR, 180, 80, "body-moved")
LATER = NOON + 2 * HOUR


def book(head: str) -> RuleSet:
    return arrange([read_book("edges.toml", head + MEAN)])


def sums(first: str, then: str, *log: ReadingsRecord, moved: bool = True) -> dict[str, list[int]]:
    """What days say of readings that came by one gate, and a log that came by another."""
    state = fresh_state(ROBIN, rules=book(first))
    step(state, at_once(OTHER, MOVED) if moved else at_once(OTHER))
    state = reborn(state, book(then), [ROBIN])
    step(state, log)
    return days_of(state)


def days_of(state: PartitionState) -> dict[str, list[int]]:
    memory = state.memories[next(iter(state.rule_set.vitals)).index]
    days = memory.days(np.array([memory.slot_of[0]]))[0]
    return {name: days[name].tolist() for name in days.dtype.names or ()}


@pytest.mark.parametrize(("first", "then"), [(HEAD, GATED), (GATED, HEAD)])
def test_what_is_withdrawn_leaves_the_means_as_it_had_entered_them(first: str, then: str) -> None:
    """It stayed in them for days, or was taken from where it had never been."""
    without = sums(first, then, moved=False)
    assert sums(first, then, withdrawal(MOVED, at_ms=LATER)) == without


@pytest.mark.parametrize("counts", [False, True])
def test_what_is_corrected_counts_by_what_spoils_a_reading_now(*, counts: bool) -> None:
    first, then = (GATED, HEAD) if counts else (HEAD, GATED)
    now = pressure(MOVED.at_ms, 170, 80, "body-moved")
    found = sums(first, then, correction(MOVED, now, LATER))
    state = fresh_state(ROBIN, rules=book(HEAD))
    step(state, at_once(OTHER, now) if counts else at_once(OTHER))
    assert found == days_of(state)
