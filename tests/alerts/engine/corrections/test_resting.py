"""What an alert rests on, match by match, when a reading of it is taken back or says otherwise."""

import pytest

from alerts.engine.corrections.resting import rest, told_of, untrue
from alerts.engine.corrections.revise import Moved
from alerts.engine.readings.change import Change
from alerts.engine.readings.sight import Sight
from alerts.engine.transitions.ladder_state import (
    Awaiting,
    LadderState,
    Match,
    Pending,
    Unanswered,
)
from tests.alerts.engine.facts import sight
from tests.alerts.engine.one_ladder import HIGH, LADDER, MEAN, SEVERE, TWICE, basis
from tests.alerts.readings import HOUR, MINUTE, NOON

ALONE = SEVERE | HIGH


def change(name: str = "a", at_ms: int = NOON, now: Sight | None = None) -> Change:
    return Change(sight(name, at_ms), now, 2 if now else 0, "said")


def test_the_ladder_of_these_tests_is_in_order() -> None:
    assert [rung.rule.id for rung in LADDER.rungs] == ["severe", "high", "twice", "mean"]
    assert (LADDER.critical, LADDER.confirming, LADDER.means) == (SEVERE, SEVERE, MEAN)


# -- an open alert ---------------------------------------------------------------------------------


def held(*basis: tuple[str, int], older: int = 0) -> LadderState:
    """An alert that rests on matches, a minute apart, the first of them its onset."""
    matches = [Match(name, NOON + n * MINUTE, rungs) for n, (name, rungs) in enumerate(basis)]
    latched = older
    for match in matches:
        latched |= match.rungs
    last_ms = NOON + (len(basis) - 1) * MINUTE
    return LadderState(
        latched=latched,
        last_match_ms=last_ms,
        onset_reading_id=basis[0][0] if basis else "gone",
        basis=matches,
        older=older,
    )


def test_rungs_that_one_reading_decides_rest_on_it_no_more() -> None:
    state = held(("a", HIGH), ("b", SEVERE | HIGH))
    one = change("b", NOON + MINUTE)
    assert rest(state, one, [untrue(one, SEVERE)], LADDER)
    assert (state.latched, basis(state)) == (HIGH, [("a", HIGH), ("b", HIGH)])
    assert rest(state, one, [untrue(one, HIGH)], LADDER)
    assert (state.latched, basis(state)) == (HIGH, [("a", HIGH)])
    other = change("a")
    assert rest(state, other, [untrue(other, HIGH)], LADDER)
    assert (state.latched, basis(state)) == (0, [])


def test_a_reading_that_the_alert_knows_nothing_of_changes_nothing() -> None:
    state = held(("a", HIGH), ("b", HIGH))
    one = change("c", NOON)
    assert not rest(state, one, [untrue(one, ALONE)], LADDER)
    assert (state.latched, basis(state)) == (HIGH, [("a", HIGH), ("b", HIGH)])
    over = LadderState(onset_reading_id="a")
    assert not rest(over, change("a"), [untrue(change("a"), ALONE)], LADDER), "nothing is open"


def test_what_rests_on_matches_that_are_known_no_more_stays() -> None:
    state = held(("b", HIGH), older=HIGH)
    state.onset_reading_id = "a"
    one = change("b")
    assert rest(state, one, [untrue(one, HIGH)], LADDER)
    assert (state.latched, basis(state)) == (HIGH, [])
    assert rest(state, change("a"), [untrue(change("a"), 0)], LADDER), "it is the onset"


def test_a_window_that_is_true_no_more_at_a_reading_rests_on_it_no_more() -> None:
    state = held(("a", TWICE), ("b", TWICE | HIGH))
    one = change("x", NOON - MINUTE)
    lost = [Moved(0, TWICE, sight("b")), untrue(one, 0)]
    assert rest(state, one, lost, LADDER)
    assert basis(state) == [("a", TWICE), ("b", HIGH)]
    assert state.latched == TWICE | HIGH
    elsewhere = [Moved(0, TWICE, sight("z")), untrue(one, 0)]
    assert not rest(state, one, elsewhere, LADDER)


def test_a_mean_is_asked_at_the_newest_reading_for_all_that_it_rests_on() -> None:
    state = held(("a", MEAN | HIGH), ("b", MEAN), older=MEAN | TWICE)
    one = change("x", NOON - MINUTE)
    lost = [Moved(0, MEAN, sight("newest")), untrue(one, 0)]
    assert rest(state, one, lost, LADDER)
    assert (state.latched, state.older, basis(state)) == (HIGH | TWICE, TWICE, [("a", HIGH)])
    kept = held(("a", MEAN))
    assert rest(kept, change("a"), [untrue(change("a"), ALONE)], LADDER)
    assert basis(kept) == [("a", MEAN)], "what one reading says decides no mean"


@pytest.mark.parametrize(
    ("rungs", "at_ms", "expected_ms"),
    [
        (HIGH, NOON + MINUTE, NOON),  # it was the last match: the one before it is now
        (0, NOON + MINUTE, NOON + MINUTE),  # it still satisfies what it did
        (HIGH, NOON, NOON + MINUTE),  # another one was the last
    ],
)
def test_the_last_match_is_the_last_that_is_left(rungs: int, at_ms: int, expected_ms: int) -> None:
    state = held(("a", HIGH), ("b", HIGH))
    one = change("b" if at_ms > NOON else "a", at_ms)
    rest(state, one, [untrue(one, rungs)], LADDER)
    assert state.last_match_ms == expected_ms
    single = held(("a", HIGH))
    rest(single, change("a"), [untrue(change("a"), HIGH)], LADDER)
    assert single.last_match_ms == NOON, "where none is left it stays"


def test_nothing_waits_for_a_reading_that_matches_no_more() -> None:
    now = sight("a", NOON)
    one = change("a", now=now)
    state = held(("a", SEVERE | HIGH), ("b", SEVERE))
    state.pending = [
        Pending(sight("a"), SEVERE | HIGH, NOON, MINUTE, delayed=False),
        Pending(sight("b", NOON + 1), SEVERE, NOON, MINUTE, delayed=False),
    ]
    state.flagged = [(NOON, SEVERE | HIGH), (NOON + 1, SEVERE)]
    state.awaiting = Awaiting(sight("a"), SEVERE, NOON + MINUTE, MINUTE)
    rest(state, one, [untrue(one, SEVERE)], LADDER)
    assert [(p.sight.reading_id, p.rungs) for p in state.pending] == [("a", HIGH), ("b", SEVERE)]
    assert state.pending[0].sight is now
    assert state.flagged == [(NOON, HIGH), (NOON + 1, SEVERE)]
    assert state.awaiting is not None
    assert state.awaiting.sight is now, "b is severe: its page waits on"
    again = change("b", NOON + 1)
    rest(state, again, [untrue(again, SEVERE)], LADDER)
    assert [p.sight.reading_id for p in state.pending] == ["a"]
    assert state.flagged == [(NOON, HIGH)]
    assert state.awaiting is None


def test_no_late_repeat_confirms_a_reading_that_matches_no_more() -> None:
    state = held(("a", SEVERE | HIGH), ("b", SEVERE))
    state.unanswered = [
        Unanswered("a", NOON, SEVERE | HIGH, MINUTE),
        Unanswered("b", NOON + MINUTE, SEVERE, MINUTE),
    ]
    one, other = change("a", now=sight("a")), change("b", NOON + MINUTE)
    rest(state, one, [untrue(one, SEVERE)], LADDER)
    assert [(u.reading_id, u.rungs) for u in state.unanswered] == [("a", HIGH), ("b", SEVERE)]
    rest(state, other, [untrue(other, SEVERE)], LADDER)
    assert [(u.reading_id, u.rungs) for u in state.unanswered] == [("a", HIGH)]


def test_what_waits_for_another_reading_shows_that_one() -> None:
    state = held(("a", SEVERE), ("b", SEVERE))
    waits = Awaiting(sight("b"), SEVERE, NOON + MINUTE, MINUTE)
    state.awaiting = waits
    one = change("a", now=sight("a"))
    rest(state, one, [untrue(one, 0)], LADDER)
    assert state.awaiting is not None
    assert state.awaiting.sight.reading_id == "b"


@pytest.mark.parametrize(
    ("latched", "event", "rung"),
    [(SEVERE | HIGH, "corrected", 0), (HIGH, "eased", 1), (0, "retracted", 0)],
)
def test_an_alert_is_told_what_has_become_of_it(latched: int, event: str, rung: int) -> None:
    state = LadderState(latched=latched, onset_reading_id="a")
    told = told_of(state, LADDER, change(), (SEVERE | HIGH, 0), NOON + HOUR)
    assert told is not None
    assert (told.event, told.speaking, told.cause, told.rank) == (event, rung, 0, rung)
    assert (told.origin, told.at_ms, told.held) == ("a", NOON + HOUR, (SEVERE | HIGH, 0))
    assert told_of(state, LADDER, change(), (0, 0), NOON) is None


def test_a_rung_that_counts_one_lower_by_now_has_eased() -> None:
    state = LadderState(latched=SEVERE, lowered=SEVERE, onset_reading_id="a")
    told = told_of(state, LADDER, change(), (SEVERE, 0), NOON)
    assert told is not None
    assert (told.event, told.rank, told.speaking) == ("eased", 1, 0)
    same = told_of(state, LADDER, change(), (HIGH, 0), NOON)
    assert same is not None
    assert same.event == "corrected"


def test_a_flagged_match_that_came_last_stays_the_last() -> None:
    state = held(("a", HIGH), ("b", HIGH))
    state.last_match_ms = NOON + 5 * MINUTE
    for one in (change("c", NOON), change("c", NOON + 5 * MINUTE), change("a")):
        rest(state, one, [untrue(one, 0 if one.was.reading_id == "a" else HIGH)], LADDER)
        assert state.last_match_ms == NOON + 5 * MINUTE
