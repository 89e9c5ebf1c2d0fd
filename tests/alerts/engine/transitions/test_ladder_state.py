"""What is remembered of one patient on one ladder, rung by rung."""

import pytest

from alerts.engine.readings.sight import Sight
from alerts.engine.transitions.ladder_state import (
    Awaiting,
    Ended,
    LadderState,
    Match,
    Pending,
    Unanswered,
)
from tests.alerts.readings import MINUTE, NOON

A, B, C = 1, 2, 4


def sight(name: str) -> Sight:
    return Sight(name, "blood_pressure", NOON, "device-clock", {})


def pending(rungs: int, deadline_ms: int = NOON) -> Pending:
    return Pending(sight("p"), rungs, deadline_ms, MINUTE, delayed=False)


def whole() -> LadderState:
    return LadderState(
        latched=A | B | C,
        lowered=A | B,
        basis=[Match("a", NOON, A), Match("b", NOON + 1, A | B)],
        older=A | C,
        pending=[pending(A), pending(A | B)],
        unanswered=[Unanswered("u", NOON, A, MINUTE), Unanswered("v", NOON, A | B, MINUTE)],
        flagged=[(NOON, A), (NOON + 1, A | C)],
        awaiting=Awaiting(sight("a"), A | B, NOON + 5, MINUTE),
        ended=[
            Ended(LadderState(latched=A), {}, NOON),
            Ended(LadderState(latched=A | B), {}, NOON),
        ],
    )


def test_a_rung_that_is_let_go_is_rested_on_by_nothing_and_what_waits_goes_on() -> None:
    state = whole()
    state.let_go(A)
    assert (state.latched, state.lowered, state.older) == (B | C, B, C)
    assert [(match.reading_id, match.rungs) for match in state.basis] == [("b", B)]
    assert len(state.pending) == len(state.flagged) == len(state.ended) == 2


def test_a_rung_that_is_dropped_is_gone_from_everything() -> None:
    state = whole()
    state.drop(A)
    assert (state.latched, state.lowered, state.older) == (B | C, B, C)
    assert [one.rungs for one in state.pending] == [B]
    assert [(one.reading_id, one.rungs) for one in state.unanswered] == [("v", B)]
    assert state.flagged == [(NOON + 1, C)]
    assert [one.held.latched for one in state.ended] == [B]
    assert state.awaiting == Awaiting(sight("a"), B, NOON + 5, MINUTE)


def test_what_waits_is_gone_with_its_last_rung() -> None:
    state = whole()
    state.drop(A | B)
    assert state.awaiting is None
    assert (state.pending, state.unanswered, state.ended) == ([], [], [])


def test_rungs_hold_in_full_or_one_lower_and_no_lower_than_before() -> None:
    state = LadderState(latched=A | B, lowered=A)
    state.hold(A | B | C, B)
    assert (state.latched, state.lowered) == (A | B | C, A | C)
    state.hold(A, A)
    assert state.lowered == C
    state.hold(B, 0)
    assert state.lowered == C, "it held in full"


def test_eight_matches_are_known_one_by_one_and_the_last_of_them_by_its_time() -> None:
    state = LadderState(latched=A | B)
    state.rest_on("b", NOON, B)
    for number in range(8):
        state.rest_on(f"{number}", NOON + 8 - number, A)
    assert [match.reading_id for match in state.basis] == [f"{number}" for number in range(8)]
    assert (state.older, state.last_match_ms) == (B, NOON + 8)


def test_of_flagged_matches_that_nobody_repeated_the_last_four_are_known() -> None:
    state = LadderState()
    for rungs in (A, B, C, A | B, A | C):
        state.note_unanswered(pending(rungs))
    expected = [Unanswered("p", NOON, rungs, MINUTE) for rungs in (B, C, A | B, A | C)]
    assert state.unanswered == expected


def test_who_may_be_confirmed_waits_in_time_and_late() -> None:
    assert not LadderState(latched=A, flagged=[(NOON, A)]).waits
    assert LadderState(pending=[pending(A)]).waits
    assert LadderState(awaiting=Awaiting(sight("a"), A, NOON, MINUTE)).waits
    late = LadderState(unanswered=[Unanswered("u", NOON, A, MINUTE)])
    assert late.waits
    assert late.deadline_ms is None, "nothing comes of it by itself"


@pytest.mark.parametrize(
    ("rungs", "day", "silent"),
    [
        (A, 7, True),
        (A, 8, False),  # of that day nothing was said yet
        (A | C, 7, False),  # C does not hold
        (B, 7, False),  # B holds one lower: in full it is news
        (0, 7, True),
    ],
)
def test_a_mean_is_silent_where_it_was_spoken_of_that_day(
    rungs: int, day: int, silent: bool
) -> None:
    state = LadderState(latched=A | B, lowered=B, said={0: 7, 1: 7, 2: 7})
    assert state.silent(rungs, day) is silent


def test_the_first_of_its_timers_is_the_deadline() -> None:
    waits = Awaiting(sight("a"), A, NOON + 5, MINUTE)
    assert LadderState().deadline_ms is None
    assert LadderState(awaiting=waits).deadline_ms == NOON + 5
    two = [pending(A, NOON + 7), pending(B, NOON + 6)]
    assert LadderState(pending=two).deadline_ms == NOON + 6
    assert LadderState(pending=two, awaiting=waits).deadline_ms == NOON + 5
    assert LadderState(pending=[pending(A, NOON)], awaiting=waits).deadline_ms == NOON


def test_what_is_remembered_of_nothing_is_empty() -> None:
    assert LadderState(last_match_ms=NOON, onset_reading_id="a", said={0: 1}).empty
    for state in (
        LadderState(latched=A),
        LadderState(pending=[pending(A)]),
        LadderState(unanswered=[Unanswered("u", NOON, A, MINUTE)]),
        LadderState(flagged=[(NOON, A)]),
        LadderState(ended=[Ended(LadderState(latched=A), {}, NOON)]),
    ):
        assert not state.empty
