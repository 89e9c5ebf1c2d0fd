"""The quality gate rung by rung: what a flagged match asks, and what answers it, to the instant."""

import pytest
from msgspec.structs import replace

from alerts.engine.ladders.findings import Facts
from alerts.engine.transitions.gate import gate
from alerts.engine.transitions.ladder_state import LadderState, Match, Pending, Unanswered
from tests.alerts.engine.facts import by, sight
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON

A, B, C = 1, 2, 4
WITHIN_MS = 15 * MINUTE


def facts(at_ms: int = NOON, name: str = "r", **fields: object) -> Facts:
    one = replace(by(name, at_ms), measured_ms=at_ms, sight=sight(name, at_ms))
    return replace(one, **fields)


def waiting(*rungs: int, at_ms: int = NOON) -> LadderState:
    return LadderState(
        pending=[
            Pending(sight(f"p{n}", at_ms), of, at_ms + WITHIN_MS, WITHIN_MS, delayed=False)
            for n, of in enumerate(rungs)
        ]
    )


def test_what_is_not_flagged_counts_at_once() -> None:
    state = LadderState()
    passed = gate(state, facts(matched=A | B))
    assert (passed.granted, passed.sure, passed.confirmed, passed.asked) == (A | B, A | B, 0, 0)
    assert (passed.began, state.flagged) == ("r", [])


def test_a_flagged_match_is_asked_about_unless_its_rung_holds_in_full() -> None:
    state = LadderState(latched=A | B, lowered=B)
    passed = gate(state, facts(matched=A | B | C, flagged=True))
    assert (passed.granted, passed.sure, passed.asked) == (A | B, 0, B | C)
    assert state.flagged == [(NOON, A | B | C)]
    nothing = gate(state, facts(matched=0, flagged=True))
    assert (nothing.granted, nothing.asked, len(state.flagged)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("after_ms", "answers"), [(0, False), (1, True), (WITHIN_MS, True), (WITHIN_MS + 1, False)]
)
@pytest.mark.parametrize("flagged", [False, True])
def test_a_repeat_is_later_and_within_its_time(after_ms: int, answers: bool, flagged: bool) -> None:
    state = waiting(A)
    passed = gate(state, facts(NOON + after_ms, matched=A, flagged=flagged))
    assert (passed.confirmed, passed.began) == ((A, "p0") if answers else (0, "r"))
    assert (passed.granted == A) is (answers or not flagged)
    assert state.pending == ([] if answers else waiting(A).pending)
    assert state.basis == ([Match("p0", NOON, A)] if answers else [])


@pytest.mark.parametrize(
    ("before_ms", "answers"), [(1, True), (WITHIN_MS, True), (WITHIN_MS + 1, False)]
)
def test_what_waits_may_be_the_repeat_of_what_comes_after_it(before_ms: int, answers: bool) -> None:
    """It confirms what it matches too; nothing is denied by what was measured before it."""
    state = waiting(A | B | C)
    passed = gate(state, facts(NOON - before_ms, matched=A, denied=B, flagged=True))
    assert (passed.confirmed, passed.asked) == ((A, 0) if answers else (0, A))
    assert passed.began == "r"
    assert [one.rungs for one in state.pending] == [B | C if answers else A | B | C]
    assert state.basis == ([Match("p0", NOON, A)] if answers else [])
    assert not state.ended


def test_a_repeat_confirms_what_it_matches_denies_what_it_denies_and_leaves_the_rest() -> None:
    state = waiting(A | B | C)
    passed = gate(state, facts(NOON + 1, matched=A, denied=B))
    assert (passed.confirmed, passed.granted) == (A, A)
    assert [one.rungs for one in state.pending] == [C]
    (over,) = state.ended
    assert (over.held.latched, [*over.enders]) == (B, [1])
    assert state.basis == [Match("p0", NOON, A)]


def test_what_is_denied_of_what_does_not_wait_is_nothing() -> None:
    state = waiting(A)
    gate(state, facts(NOON + 1, denied=B))
    assert (state.ended, [one.rungs for one in state.pending]) == ([], [A])


def test_the_alert_begins_with_the_first_that_waited_for_what_is_confirmed() -> None:
    state = waiting(B, A, A)
    passed = gate(state, facts(NOON + 1, matched=A))
    assert (passed.began, passed.confirmed) == ("p1", A)
    assert [match.reading_id for match in state.basis] == ["p1", "p2"]
    assert [one.rungs for one in state.pending] == [B]


def unanswered(*rungs: int) -> LadderState:
    """Flagged matches that have opened, a millisecond apart."""
    late = [Unanswered(f"u{n}", NOON + n, of, WITHIN_MS) for n, of in enumerate(rungs)]
    return LadderState(latched=A | B | C, lowered=A | B | C, unanswered=late)


@pytest.mark.parametrize(
    ("apart_ms", "answers"),
    [
        (-WITHIN_MS - 1, False),
        (-WITHIN_MS, True),
        (0, False),
        (1, True),
        (WITHIN_MS, True),
        (WITHIN_MS + 1, False),
    ],
)
@pytest.mark.parametrize("flagged", [False, True])
def test_a_late_repeat_confirms_what_has_opened_and_nobody_is_asked_again(
    apart_ms: int, answers: bool, flagged: bool
) -> None:
    state = unanswered(A | B)
    passed = gate(state, facts(NOON + apart_ms, matched=A, flagged=flagged, log_ms=NOON + HOUR))
    assert passed.confirmed == (A if answers else 0)
    assert passed.sure == (A if answers or not flagged else 0)
    assert passed.asked == (A if flagged and not answers else 0)
    assert [one.rungs for one in state.unanswered] == [B if answers else A | B]
    assert (passed.began, state.basis) == ("r", []), "its alert has begun, and rests on it already"


def test_a_late_repeat_that_denies_confirms_no_more_and_takes_nothing_back() -> None:
    state = unanswered(A | B | C, B)
    passed = gate(state, facts(NOON + MINUTE, matched=A, denied=B))
    assert passed.confirmed == A
    assert [(one.reading_id, one.rungs) for one in state.unanswered] == [("u0", C)]
    assert not state.ended


def test_what_was_measured_before_it_denies_nothing_late_either() -> None:
    state = unanswered(A | B)
    passed = gate(state, facts(NOON - 1, matched=A, denied=B))
    assert (passed.confirmed, [one.rungs for one in state.unanswered]) == (A, [B])


@pytest.mark.parametrize(("over_ms", "known"), [(DAY, True), (DAY + 1, False)])
def test_a_day_after_its_time_no_repeat_confirms_any_more(over_ms: int, known: bool) -> None:
    state = unanswered(A)
    log_ms = NOON + WITHIN_MS + over_ms
    passed = gate(state, facts(NOON + WITHIN_MS + 1, matched=A, flagged=True, log_ms=log_ms))
    assert len(state.unanswered) == known
    passed = gate(state, facts(NOON + WITHIN_MS, matched=A, flagged=True, log_ms=log_ms))
    assert passed.confirmed == (A if known else 0)


@pytest.mark.parametrize(("ago_ms", "enough"), [(72 * HOUR, True), (72 * HOUR + 1, False)])
def test_the_third_flagged_match_in_three_days_counts_as_confirmed(
    ago_ms: int, enough: bool
) -> None:
    state = LadderState(flagged=[(NOON - ago_ms, A | B), (NOON - 1, A)])
    passed = gate(state, facts(matched=A | B, flagged=True))
    assert passed.confirmed == passed.sure == (A if enough else 0)
    assert passed.asked == (B if enough else A | B)
