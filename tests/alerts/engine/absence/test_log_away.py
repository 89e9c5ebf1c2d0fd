"""A log that comes and goes: the engine against the oracle, in any pieces; what is kept of it."""

from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.absence.gaps import Gap, Gaps
from alerts.engine.absence.keep import KeptAway
from schemas.alert import Transition
from schemas.kafka import GatewayReport
from tests.alerts.engine.agreement import agree, once
from tests.alerts.engine.lives import Life, Lived, lived
from tests.alerts.engine.scenes import examples
from tests.alerts.engine.stumbling import stumbling_lives
from tests.alerts.readings import HOUR, MINUTE, NOON, fresh_state

gaps_of = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 30, 59, 60, 90, 119, 120]), st.sampled_from([6, 60, 119, 120, 300])
    ),
    min_size=1,
    max_size=12,
)
"""Minutes there, and minutes away."""


@settings(max_examples=examples(25))
@given(stumbling_lives())
def test_they_say_the_same_while_the_log_comes_and_goes(life: Life) -> None:
    agree(lived(life), life.expected())


@settings(max_examples=examples(25))
@given(stumbling_lives(), st.data())
def test_neither_a_cut_nor_a_restart_changes_what_is_said_then(
    life: Life, data: st.DataObject
) -> None:
    """But what a gateway explains is looked at again when an engine starts, not at the hour."""
    restarts = data.draw(st.booleans())
    if restarts:
        log = tuple(item for item in life.log if not isinstance(item, GatewayReport))
        life = replace(life, log=log)
    pieces, found, rest = Lived(life), list[Transition](), list(life.log)
    while rest:
        length = data.draw(st.sampled_from([1, 2, 5, 20]))
        found += pieces.take(rest[:length])
        rest = rest[length:]
        if restarts and data.draw(st.integers(0, 4)) == 0:
            pieces.restart()
    assert once(found) == once(lived(life))


@given(gaps_of, st.integers(-600, 3000))
def test_no_silence_is_held_for_longer_than_the_log_is_there_for_four_hours(
    course: list[tuple[int, int]], due_min: int
) -> None:
    """Nor for longer than two hours after it is back, however short its stays before."""
    gaps, stamp_ms, due_ms = Gaps(), NOON, NOON + due_min * MINUTE
    for there_min, away_min in course * 30:
        gone_ms = stamp_ms + there_min * MINUTE
        stamp_ms = gone_ms + away_min * MINUTE
        gaps.known.append(Gap(gone_ms, stamp_ms))
    since = [gap for gap in gaps.known if gap.came_ms > due_ms]
    held_ms = gaps.held_until_ms(due_ms, stamp_ms)
    there_ms = [max(min(after.gone_ms, held_ms) - one.came_ms, 0) for one, after in pairwise(since)]
    assert sum(there_ms) <= 4 * HOUR
    assert held_ms <= stamp_ms + 2 * HOUR
    assert len(course) < 12 or held_ms < stamp_ms, "after so many it is over"


@given(gaps_of, st.integers(-600, 3000))
def test_forgetting_changes_no_answer(course: list[tuple[int, int]], due_min: int) -> None:
    every, few, stamp_ms, due_ms = Gaps(), Gaps(), NOON, NOON + due_min * MINUTE
    for there_min, away_min in course * 10:
        log_ms = np.array([stamp_ms + there_min * MINUTE])
        log_ms = np.append(log_ms, log_ms[0] + away_min * MINUTE)
        for gaps in (every, few):
            gaps.note(log_ms, stamp_ms, 5 * MINUTE)
        before_ms, stamp_ms = int(log_ms[0]), int(log_ms[1])
        answers = [gaps.held_until_ms(due_ms, stamp_ms) for gaps in (every, few)]
        assert max(answers[0], before_ms) == max(answers[1], before_ms)
        few.forget()
        assert len(few.known) <= 50


def test_of_single_records_between_gaps_four_hours_are_kept_five_minutes_each() -> None:
    gaps = Gaps()
    gaps.note(np.arange(NOON, NOON + 4000 * MINUTE, 7 * MINUTE), NOON - HOUR, 5 * MINUTE)
    gaps.forget()
    assert len(gaps.known) == 49
    gone_ms = [gaps.known[0].gone_ms, gaps.known[-1].gone_ms]
    assert gone_ms == [NOON + 522 * 7 * MINUTE, NOON + 570 * 7 * MINUTE], "the last ones"


def test_a_gap_counts_though_no_rule_waited_for_anything_then() -> None:
    """A version may bring one the moment after."""
    state = fresh_state()
    assert not state.absences.rules
    state.absences.gap_ms = 5 * MINUTE
    state.absences.step([], None, np.array([NOON]), NOON - HOUR)
    assert state.absences.attendance.gaps.known == [Gap(NOON - HOUR, NOON)]


def test_what_a_former_release_held_is_held_until_then() -> None:
    state = fresh_state()
    state.absences.restore_away(msgspec.msgpack.encode(KeptAway(held_until_ms=NOON + 2 * HOUR)))
    gaps = state.absences.attendance.gaps
    assert gaps.held_until_ms(NOON - HOUR, NOON + MINUTE) == NOON + 2 * HOUR
    assert gaps.held_until_ms(NOON + HOUR, NOON + MINUTE) == NOON + 2 * HOUR
    state.absences.restore_away(state.absences.keep_away())
    assert state.absences.attendance.gaps.known == gaps.known
