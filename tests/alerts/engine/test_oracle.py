"""The engine against the oracle, over random histories, however the log is cut or restarted."""

from typing import get_args

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from alerts.engine.step import step
from schemas.alert import Event, Mark, Transition
from schemas.kafka import ReadingsRecord
from tests.alerts.engine.agreement import agree, behind, once
from tests.alerts.engine.corrected import corrected_lives, seldom_corrected
from tests.alerts.engine.histories import PATIENTS, histories, judged, reborn
from tests.alerts.engine.lives import Life, Lived, lived, lives, seldom
from tests.alerts.engine.scenes import Scene, examples, scenes, search
from tests.alerts.oracle import Oracle
from tests.alerts.readings import fresh_state, trial

pytestmark = pytest.mark.timeout(examples(600))
"""The clock that hypothesis does not see: on a busy machine a run takes its time."""


@search(25)
@given(scenes())
def test_they_say_the_same_under_books_that_nobody_wrote(scene: Scene) -> None:
    state = fresh_state(*scene.patients, rules=scene.rule_set())
    for patient in scene.patients:
        state.row(patient.patient_id)
    found = step(state, scene.log).transitions
    agree(found, Oracle(scene.patients, scene.books).judge(scene.log))


@search(30)
@given(lives())
def test_they_say_the_same_while_care_plans_change(life: Life) -> None:
    found = lived(life)
    agree(found, life.expected())


@search(30)
@given(corrected_lives())
def test_they_say_the_same_of_corrections_and_withdrawals(life: Life) -> None:
    found = lived(life)
    agree(found, life.expected())


def test_no_kind_of_event_is_compared_with_nothing() -> None:
    """The same lives every time: each event and mark that a reading or a plan brings is in them."""
    heard: set[str] = set()

    phases = [Phase.explicit, Phase.generate]

    @settings(max_examples=60, derandomize=True, database=None, phases=phases)
    @given(lives() | corrected_lives())
    @example(seldom())
    @example(seldom_corrected())
    def compare(life: Life) -> None:
        found = lived(life)
        agree(found, life.expected())
        for one in found:
            heard.update([one.event, *one.marks, *(["window"] if one.window else [])])
            heard.update(["own limit"] if any(limit.author for limit in one.limits) else [])

    compare()
    elsewhere = {"cause", "warming"}
    events, marks = get_args(Event), get_args(Mark)
    assert {*events, *marks, "window", "own limit"} - elsewhere <= heard


@search(25)
@given(corrected_lives(), st.data())
def test_neither_a_cut_nor_a_restart_changes_what_corrections_and_plans_lead_to(
    life: Life, data: st.DataObject
) -> None:
    whole, pieces, found = lived(life), Lived(life), list[Transition]()
    rest = list(life.log)
    while rest:
        length = data.draw(st.integers(1, 7))
        found += pieces.take(rest[:length])
        rest = rest[length:]
        if data.draw(st.booleans()):
            pieces.restart()
    assert behind(once(found)) == behind(once(whole))


@search(20)
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


@search(40)
@given(histories())
def test_engine_and_oracle_say_the_same(log: list[ReadingsRecord]) -> None:
    found = judged(log)
    agree(found, Oracle(PATIENTS).judge(log))


@search(25)
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


@search(25)
@given(histories(), st.integers(0, 25))
def test_a_restart_between_any_two_records_changes_nothing(
    log: list[ReadingsRecord], place: int
) -> None:
    state = fresh_state(*PATIENTS, rules=trial())
    found = step(state, log[:place]).transitions
    found += step(reborn(state), log[place:]).transitions
    assert found == judged(log)
