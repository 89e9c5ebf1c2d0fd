"""By columns or one by one: windows, means and baselines say the same, and memory is the same.

A record judged alone comes in a round; in a longer batch a patient's later readings, and all of one
who sends late or twice, are taken one by one.
"""

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import arrange
from alerts.engine.step import step
from alerts.rules.load import load_books
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry
from tests.alerts.engine.cuts import remembered
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.scenes import Scene, examples, scenes
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, fresh_state, pressure, record

KINDS = ("counted", "averaged", "status", "named", "plain")
DIASTOLIC = [70, 85, 95, "HI", "NaN"]
CROWD = [f"p{number}" for number in range(40)]


@settings(max_examples=examples(20))
@given(scenes(KINDS), st.data())
def test_windows_are_the_same_however_the_log_is_cut(scene: Scene, data: st.DataObject) -> None:
    rules, found, log = scene.rule_set(), list[Transition](), list(scene.log)
    whole = fresh_state(*scene.patients, rules=rules)
    said = step(whole, log).transitions
    state = fresh_state(*scene.patients, rules=rules)
    while log:
        length = data.draw(st.sampled_from([1, 1, 2, 5]))
        found += step(state, log[:length]).transitions
        log = log[length:]
        if data.draw(st.booleans()):
            state = reborn(state, rules, scene.patients)
    assert found == said
    assert remembered(state) == remembered(whole)


def sitting(at_ms: int, rng: Random) -> list[ReadingsRecord]:
    """Everybody sits for three readings, a minute apart."""
    return [
        record(at, [pressure(at, rng.randint(85, 190), rng.choice(DIASTOLIC))], name)
        for at in (at_ms, at_ms + MINUTE, at_ms + 2 * MINUTE)
        for name in CROWD
    ]


def test_three_readings_in_a_row_of_a_crowd_are_judged_as_one_after_the_other() -> None:
    books = load_books()
    rules, rng = arrange(books), Random(5)
    people = [
        PatientEntry(name, "Robin", [books[n % 4].name], therapy_start_ms=NOON + 2 * DAY)
        for n, name in enumerate(CROWD)
    ]
    together, alone = (fresh_state(*people, rules=rules) for _ in range(2))
    for turn in range(8):
        log = sitting(NOON + turn * 12 * HOUR, rng)
        found = step(together, log).transitions
        assert found
        assert [one for each in log for one in step(alone, [each]).transitions] == found
    assert remembered(together) == remembered(alone)


def test_five_hundred_stored_readings_are_judged_as_one_after_the_other() -> None:
    rules, rng = arrange(load_books()), Random(6)
    person = PatientEntry("p1", "Robin", ["adult-standard"])
    now_ms = NOON + 90 * DAY
    stored = [
        pressure(now_ms - n * 4 * HOUR, rng.randint(110, 165), rng.randint(65, 95))
        for n in range(500, 0, -1)
    ]
    together, alone = (fresh_state(person, rules=rules) for _ in range(2))
    at_once = record(now_ms, stored)
    step(together, [at_once])
    for one in at_once.readings:
        step(alone, [msgspec.structs.replace(at_once, readings=[one])])
    assert remembered(together)[:3] == remembered(alone)[:3]
