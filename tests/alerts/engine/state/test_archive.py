"""State as alerts.state.v1 keeps it: all of it comes back, by the names of rules."""

from dataclasses import replace
from itertools import repeat

from hypothesis import given, settings

from alerts.engine.ladders.ladder import arrange
from alerts.engine.state.archive import Source, encode_patients
from alerts.engine.state.memory import RECENT_MAX
from alerts.engine.step import step
from alerts.engine.transitions.ladder_state import LadderState
from alerts.rules.load import load_books
from schemas.kafka import ReadingsRecord, Tick
from tests.alerts.engine.cuts import remembered
from tests.alerts.engine.histories import PATIENTS, histories, reborn
from tests.alerts.engine.one_patient import encode_patient
from tests.alerts.readings import (
    BASIC,
    HOUR,
    MINUTE,
    NOON,
    TRIAL,
    at_once,
    fresh_state,
    glucose,
    pressure,
    record,
    trial,
)


@settings(max_examples=40)
@given(histories())
def test_everything_that_is_remembered_comes_back(log: list[ReadingsRecord]) -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, log)
    assert remembered(reborn(state)) == remembered(state)


@settings(max_examples=40)
@given(histories())
def test_patients_are_written_together_as_each_one_alone(log: list[ReadingsRecord]) -> None:
    """Also who has an alert beside who has none, and who sends what others do not."""
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, log)
    rows, source = range(len(state.patients)), Source("topic", 7)
    together = encode_patients(state, rows, repeat(source))
    assert list(together) == [encode_patient(state, row, source) for row in rows]
    assert state.laddered == {row for row, _ in state.ladders}


def test_who_has_ended_an_alert_and_has_another_is_written_with_it() -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, at_once(glucose(NOON, 50), pressure(NOON, 200)))
    (one, *others) = sorted(state.ladders)
    state.put_ladder(one, LadderState())
    assert others
    assert remembered(reborn(state)) == remembered(state)
    for other in others:
        state.put_ladder(other, LadderState())
    assert not state.laddered


def test_a_long_history_keeps_the_newest_ids_in_order() -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, at_once(*(pressure(NOON + n, 120) for n in range(3 * RECENT_MAX + 5))))
    assert remembered(reborn(state)) == remembered(state)
    again = [record(NOON + HOUR, [pressure(NOON + 3 * RECENT_MAX + 4 - n, 120)]) for n in range(40)]
    assert step(reborn(state), again).duplicates == step(state, again).duplicates == RECENT_MAX


def test_a_lowered_rung_comes_back_lowered() -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    flagged = pressure(NOON, 200, 80, "body-moved")
    step(state, [*at_once(flagged), Tick(NOON + HOUR)])
    (found,) = step(reborn(state), at_once(pressure(NOON + 2 * HOUR, 200))).transitions
    assert (found.event, found.severity) == ("worsened", "critical")


def test_what_was_clearly_normal_comes_back_so() -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, at_once(pressure(NOON, 120)))
    late = record(NOON + MINUTE, [pressure(NOON - MINUTE, 200)])
    (found,) = step(reborn(state), [late]).transitions
    assert found.event == "resolved-before-seen"


def test_rules_that_no_longer_exist_are_left_out_and_the_others_keep_what_they_know() -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, at_once(glucose(NOON, 50), pressure(NOON, 200)))
    fewer = [
        replace(book, rules=tuple(rule for rule in book.rules if rule.ladder != "bp-high"))
        for book in [*load_books(BASIC), *load_books(TRIAL)]
    ]
    other = reborn(state, arrange(fewer))
    (held,) = other.ladders.values()
    assert held.latched
    closed, found = step(other, at_once(glucose(NOON + MINUTE, 100))).transitions
    assert (closed.event, closed.ladder, closed.rule) == ("retired", "bp-high", "bp-severe")
    assert (found.event, found.ladder) == ("returned", "glucose-low")


def test_a_patients_state_is_small() -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, at_once(*(pressure(NOON + n, 120) for n in range(100))))
    step(state, at_once(*(glucose(NOON + n, 100) for n in range(100))))
    assert len(encode_patient(state, 0, Source("topic", 7))) < 2 * (1024 + 64)
