"""What is remembered of alerts that ended: parted, joined, and forgotten in time."""

import pytest

from alerts.engine.transitions.ended import (
    BY_THE_NEWEST,
    KEPT_MS,
    forget_old,
    join,
    note_denied,
    note_end,
    note_over,
    part,
)
from alerts.engine.transitions.ladder_state import Awaiting, Ended, LadderState, Match, Pending
from tests.alerts.engine.facts import by, sight
from tests.alerts.engine.one_ladder import basis
from tests.alerts.readings import DAY, MINUTE, NOON

A, B, C = 1, 2, 4


def whole() -> LadderState:
    return LadderState(
        latched=A | B | C,
        lowered=A | C,
        last_match_ms=NOON,
        onset_reading_id="a",
        pending=[Pending(sight("p"), A, NOON, MINUTE, delayed=False)],
        awaiting=Awaiting(sight("a"), A | B, NOON + 1, MINUTE),
        basis=[Match("a", NOON, A | B), Match("b", NOON + 1, C)],
        older=A | C,
        said={0: 7},
    )


def test_a_part_is_all_that_some_rungs_rest_on_and_a_copy() -> None:
    state = whole()
    some = part(state, A | C)
    assert some == LadderState(
        latched=A | C,
        lowered=A | C,
        last_match_ms=NOON,
        onset_reading_id="a",
        awaiting=Awaiting(sight("a"), A, NOON + 1, MINUTE),
        basis=[Match("a", NOON, A), Match("b", NOON + 1, C)],
        older=A | C,
    )
    assert part(state, C).awaiting is None
    assert basis(part(state, C)) == [("b", C)]
    assert part(state, B).older == part(state, B).lowered == 0
    some.basis[0].rungs = 0
    assert some.awaiting is not None
    some.awaiting.rungs = 0
    assert state == whole()


def test_what_is_joined_holds_with_all_that_both_rest_on() -> None:
    state = LadderState(
        latched=A | B,
        lowered=A | B,
        last_match_ms=NOON + 5,
        onset_reading_id="x",
        basis=[Match("m", NOON + 2, A), Match("z", NOON, A)],
        older=A,
    )
    join(state, whole())
    assert (state.latched, state.lowered) == (A | B | C, A | C), "in full where one of them says so"
    assert (state.last_match_ms, state.onset_reading_id) == (NOON + 5, "x")
    assert basis(state) == [("a", A | B), ("z", A), ("b", C), ("m", A)], "by time, then by name"
    assert state.older == A | C
    assert state.awaiting is not None
    assert state.awaiting.sight.reading_id == "a"


def test_of_two_that_are_joined_the_later_match_and_the_own_wait_count() -> None:
    state = LadderState(latched=A, last_match_ms=NOON - 5, onset_reading_id="x")
    state.awaiting = Awaiting(sight("own"), A, NOON, MINUTE)
    join(state, whole())
    assert state.last_match_ms == NOON
    assert state.awaiting.sight.reading_id == "own"
    assert state.lowered == C, "A holds in full by its own alert"


def test_one_reading_of_both_is_one_match_of_the_rungs_of_both() -> None:
    state = LadderState(latched=C, basis=[Match("a", NOON, C)])
    join(state, whole())
    assert basis(state) == [("a", A | B | C), ("b", C)]


def test_eight_matches_are_known_and_what_the_others_matched_is_older() -> None:
    state = LadderState(latched=A, basis=[Match(f"{n}", NOON + 10 + n, A) for n in range(7)])
    join(state, LadderState(latched=A | B, basis=[Match("o", NOON, B), Match("p", NOON + 1, A)]))
    assert [name for name, _ in basis(state)] == ["p", *map(str, range(7))]
    assert state.older == B


def test_what_ends_is_remembered_with_who_ended_it() -> None:
    state = whole()
    note_end(state, A | B, by("e", NOON + DAY))
    (one,) = state.ended
    assert one.held == part(whole(), A | B)
    assert one.enders == {0: ("e", NOON + DAY - 1), 1: ("e", NOON + DAY - 1)}
    assert one.at_ms == NOON + DAY


def test_what_had_ended_of_the_same_alert_ends_together_with_the_rest() -> None:
    state = whole()
    note_end(state, A, by("first"))
    state.let_go(A)
    note_end(state, B | C, by("second", NOON + 1))
    (one,) = state.ended
    assert one.held.latched == A | B | C
    assert {rung: name for rung, (name, _) in one.enders.items()} == {
        0: "first",
        1: "second",
        2: "second",
    }
    state.let_go(B | C)
    state.onset_reading_id = "another"
    state.latched = A
    note_end(state, A, by("third", NOON + 2))
    assert [each.held.onset_reading_id for each in state.ended] == ["a", "another"]


def test_what_holds_again_has_not_ended() -> None:
    """A ended and came back; when the rest ends, only who ends it now counts."""
    state = whole()
    note_end(state, A, by("first"))
    note_end(state, B, by("second"))
    (one,) = state.ended
    assert one.held.latched == B
    assert [*one.enders] == [1]


def test_four_alerts_that_ended_are_remembered() -> None:
    state = LadderState()
    for number in range(6):
        note_over(state, Match(f"{number}", NOON, A), 0, NOON + number)
    assert [one.held.onset_reading_id for one in state.ended] == ["2", "3", "4", "5"]
    pending = Pending(sight("p"), A, NOON, MINUTE, delayed=False)
    note_denied(state, pending, A, ("e", NOON - 1), NOON)
    assert [one.held.onset_reading_id for one in state.ended] == ["3", "4", "5", "p"]
    state.latched, state.onset_reading_id = A, "last"
    note_end(state, A, by("e"))
    assert [one.held.onset_reading_id for one in state.ended] == ["4", "5", "p", "last"]


def test_a_match_that_opened_nothing_is_remembered_as_ended_by_the_newest() -> None:
    state = LadderState()
    note_over(state, Match("m", NOON, A | C), C, NOON + 9)
    (one,) = state.ended
    assert (one.held.latched, one.held.lowered, one.held.last_match_ms) == (A | C, C, NOON)
    assert one.enders == {0: BY_THE_NEWEST, 2: BY_THE_NEWEST}
    assert basis(one.held) == [("m", A | C)]
    assert one.at_ms == NOON + 9


def test_a_flagged_match_that_was_denied_waits_on_for_nobody() -> None:
    state = LadderState()
    asked = Pending(sight("p"), A | B, NOON + 3, MINUTE, delayed=True)
    note_denied(state, asked, B, ("e", NOON + 8), NOON + 9)
    (one,) = state.ended
    assert (one.held.latched, one.held.lowered) == (B, B), "it would have been unverified"
    assert one.held.pending == [Pending(sight("p"), B, NOON + 3, MINUTE, delayed=True)]
    assert (basis(one.held), one.held.onset_reading_id) == ([("p", B)], "p")
    assert one.enders == {1: ("e", NOON + 8)}


@pytest.mark.parametrize(("age_ms", "known"), [(KEPT_MS, 1), (KEPT_MS + 1, 0)])
def test_what_ended_28_days_ago_is_forgotten(age_ms: int, known: int) -> None:
    assert KEPT_MS == 28 * DAY
    state = LadderState(ended=[Ended(LadderState(latched=A), {}, NOON)])
    forget_old(state, NOON + age_ms)
    assert len(state.ended) == known
