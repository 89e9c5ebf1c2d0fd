"""The engine against the oracle, over random histories, however the log is cut or restarted."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.step import step
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from tests.alerts.engine.histories import PATIENTS, histories, judged, reborn
from tests.alerts.engine.lives import Life, lived, lives
from tests.alerts.engine.scenes import Scene, examples, scenes
from tests.alerts.oracle import Oracle
from tests.alerts.oracle_words import Said
from tests.alerts.readings import fresh_state, trial

pytestmark = pytest.mark.timeout(600)
"""The clock that hypothesis does not see: on a busy machine a run takes its time."""


def said(transitions: Sequence[Transition]) -> list[Said]:
    """Give what the engine said; that a limit ends may be said again within the hour."""
    transitions = [
        one
        for number, one in enumerate(transitions)
        if one.event != "limit-expiring" or one not in transitions[:number]
    ]
    return [
        Said(
            one.event,
            one.patient_id,
            one.ladder,
            one.rule,
            one.severity,
            one.at_ms,
            one.alert_id,
            one.evidence.reading_id,
            tuple(one.marks),
        )
        for one in transitions
    ]


@settings(max_examples=examples(25))
@given(scenes())
def test_they_say_the_same_under_books_that_nobody_wrote(scene: Scene) -> None:
    state = fresh_state(*scene.patients, rules=scene.rule_set())
    for patient in scene.patients:
        state.row(patient.patient_id)
    found = step(state, scene.log).transitions
    assert said(found) == Oracle(scene.patients, scene.books).judge(scene.log)
    assert len({one.event_id for one in found}) == len(found), "an event has a name of its own"


@settings(max_examples=examples(30))
@given(lives())
def test_they_say_the_same_while_care_plans_change(life: Life) -> None:
    found = lived(life.begin(), life.log)
    assert said(found) == Oracle(life.patients, life.books).judge(life.log)
    assert len({one.event_id for one in found}) == len(found), "an event has a name of its own"


@settings(max_examples=examples(20))
@given(scenes(), st.data())
def test_neither_a_cut_nor_a_restart_changes_what_generated_books_say(
    scene: Scene, data: st.DataObject
) -> None:
    rules, found = scene.rule_set(), list[Transition]()
    whole = step(fresh_state(*scene.patients, rules=rules), scene.log).transitions
    state, rest = fresh_state(*scene.patients, rules=rules), list(scene.log)
    while rest:
        length = data.draw(st.integers(1, 7))
        found += step(state, rest[:length]).transitions
        rest = rest[length:]
        if data.draw(st.booleans()):
            state = reborn(state, rules, scene.patients)
    assert found == whole


@settings(max_examples=examples(40))
@given(histories())
def test_engine_and_oracle_say_the_same(log: list[ReadingsRecord]) -> None:
    found = judged(log)
    assert said(found) == Oracle(PATIENTS).judge(log)
    assert len({one.event_id for one in found}) == len(found), "an event has a name of its own"


@settings(max_examples=examples(25))
@given(histories(), st.lists(st.integers(1, 7), min_size=25, max_size=25))
def test_however_the_log_is_cut_the_transitions_are_the_same(
    log: list[ReadingsRecord], lengths: list[int]
) -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    found: list[Transition] = []
    rest = log
    for length in lengths:
        found += step(state, rest[:length]).transitions
        rest = rest[length:]
    found += step(state, rest).transitions
    assert found == judged(log)


@settings(max_examples=examples(25))
@given(histories(), st.integers(0, 25))
def test_a_restart_between_any_two_records_changes_nothing(
    log: list[ReadingsRecord], place: int
) -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    found = step(state, log[:place]).transitions
    found += step(reborn(state), log[place:]).transitions
    assert found == judged(log)
