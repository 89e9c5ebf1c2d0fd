"""Repeats that come in any order, in time or when nobody waits any more: engine and oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import arrange
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick, Withdrawals
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.agreement import agree
from tests.alerts.engine.corrected import gone
from tests.alerts.engine.cuts import judged
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.rule_books import HEAD, PRESSURE_BAND, RULE
from tests.alerts.engine.scenes import Scene, search
from tests.alerts.engine.window_rules import GATED
from tests.alerts.oracle import Oracle
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    at_once,
    fresh_state,
    pressure,
    record,
    stamped,
)

ROBIN = PatientEntry("p1", "Robin", ["a"])
DELAYS = [0, 8 * MINUTE, 14 * MINUTE, 20 * MINUTE, 20 * MINUTE, 40 * MINUTE, 5 * HOUR, DAY]
EXTRAS = ["", 'confirm = { within = "10min" }', 'confirm = { within = "30min" }']
GATES = ["", 'repeat = { within = "5min" }']


@st.composite
def books(draw: st.DrawFn) -> str:
    """Two steps of one ladder."""
    text = HEAD.format(name="a", pressure_fresh="4h", glucose_fresh="1h")
    for number, (limit, severities) in enumerate(
        [(180, ["critical"]), (140, ["critical", "high", "medium"])]
    ):
        rule = RULE.format(
            id=f"a-{number}",
            ladder="bp-high",
            vital="blood_pressure",
            when=f"systolic > {limit} mmHg",
            severity=draw(st.sampled_from(severities)),
        )
        extra = draw(st.sampled_from(EXTRAS)), draw(st.sampled_from(GATES))
        text += "\n".join([rule.rstrip(), PRESSURE_BAND, *filter(None, extra), ""])
    return text


@st.composite
def deliveries(draw: st.DrawFn) -> list[ReadingsRecord]:
    """A flagged match and what is measured soon after; most come late, some are taken back."""
    minutes = draw(st.lists(st.integers(1, 20), min_size=1, max_size=5, unique=True))
    first = pressure(NOON, draw(st.sampled_from([150, 190])), 80, "body-moved")
    arrivals: list[tuple[int, ReadingsRecord]] = [(NOON, record(NOON, [first]))]
    for minute in minutes:
        flags = draw(st.sampled_from([("body-moved",), ()]))
        value = draw(st.sampled_from([120, 138, 150, 178, *[190] * 4]))
        one = pressure(NOON + minute * MINUTE, value, 80, *flags)
        came_ms = one.at_ms + draw(st.sampled_from(DELAYS)) + draw(st.integers(0, 1))
        arrivals.append((came_ms, record(came_ms, [one])))
        if draw(st.integers(0, 9)) == 0:
            lent_ms = came_ms + draw(st.sampled_from([MINUTE, 16 * MINUTE, HOUR]))
            lent = gone(stamped(one, came_ms))
            arrivals.append((lent_ms, Withdrawals("p1", lent_ms, "the cuff was lent", [lent])))
    ticks = [NOON + 16 * MINUTE, NOON + 31 * MINUTE, NOON + HOUR, NOON + 3 * DAY]
    arrivals += [(at_ms, Tick(at_ms)) for at_ms in ticks]
    return [one for _, one in sorted(arrivals, key=lambda arrival: arrival[0])]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    return Scene((draw(books()),), (ROBIN,), tuple(draw(deliveries())))


@search(80)
@given(scenes())
def test_they_say_the_same_in_whatever_order_repeats_come(scene: Scene) -> None:
    state = fresh_state(ROBIN, rules=scene.rule_set())
    found = step(state, scene.log).transitions
    agree(found, Oracle(scene.patients, scene.books).judge(scene.log))


def test_of_many_patients_at_once_a_late_repeat_answers_too() -> None:
    """As columns go: one between the limits leads to nothing else, and has not confirmed."""
    names = [f"p{number}" for number in range(40)]
    moved, between = pressure(NOON, 190, 80, "body-moved"), pressure(NOON + 6 * MINUTE, 178)
    late = pressure(NOON + 12 * MINUTE, 190, 80, "body-moved")
    log: list[ReadingsRecord] = [record(NOON, [moved], name) for name in names]
    log.append(Tick(NOON + 16 * MINUTE))
    log += [record(NOON + 17 * MINUTE, [between], name) for name in names]
    log += [record(NOON + 18 * MINUTE, [late], name) for name in names]
    state = fresh_state(*(PatientEntry(name, "Robin", ["adult-standard"]) for name in names))
    found = step(state, log).transitions
    for name in names:
        told = [one.event for one in found if one.patient_id == name]
        assert told == ["repeat-asked", "onset", "again", "repeat-asked"]
    assert not any(one.severity == "critical" for one in found if one.event != "repeat-asked")


@search(40)
@given(scenes(), st.data())
def test_neither_a_cut_nor_a_restart_forgets_who_may_still_be_confirmed(
    scene: Scene, data: st.DataObject
) -> None:
    rules, found = scene.rule_set(), list[Transition]()
    whole = step(fresh_state(ROBIN, rules=rules), scene.log).transitions
    state = fresh_state(ROBIN, rules=rules)
    for one in scene.log:
        found += step(state, [one]).transitions
        if data.draw(st.booleans()):
            state = reborn(state, rules, scene.patients)
    assert found == whole


# -- a flagged match that comes after its repeat --------------------------------------------------

_TWO_RUNGS = (
    GATED
    + rule("severe", "systolic > 180 mmHg", ladder="bp", severity="critical")
    + rule("high", "systolic >= 150 mmHg", ladder="bp", severity="medium")
)
_FLAGGED = pressure(NOON, 190, 80, "body-moved")


def _found(*log: ReadingsRecord) -> list[tuple[str, str, list[str]]]:
    rules = arrange([read_book("edges.toml", _TWO_RUNGS)])
    found = judged([*log, Tick(NOON + DAY)], PatientEntry("p1", "Robin", ["edges"]), rules=rules)
    return [(one.event, one.severity, [*one.marks]) for one in found]


def test_whoever_has_told_the_repeat_first_is_not_asked_for_one() -> None:
    """178 is not back within limits, but no repeat says 190 any more."""
    late = record(NOON + 11 * MINUTE, [_FLAGGED])
    assert _found(*at_once(pressure(NOON + 10 * MINUTE, 140)), late) == []
    open_already = at_once(pressure(NOON + 10 * MINUTE, 178))
    assert _found(*open_already, late) == [
        ("onset", "medium", []),
        ("again", "medium", ["flagged"]),
    ]


def test_the_first_repeat_that_knows_answers_also_if_both_came_before() -> None:
    late = record(NOON + 15 * MINUTE, [_FLAGGED])
    denied = at_once(pressure(NOON + 5 * MINUTE, 178), pressure(NOON + 10 * MINUTE, 200))
    assert [event for event, *_ in _found(*denied, late)] == ["onset", "worsened", "again"]
    silent = at_once(pressure(NOON + 5 * MINUTE, "NaN"), pressure(NOON + 10 * MINUTE, 140))
    assert _found(*silent, late) == []


def test_a_repeat_that_came_first_confirms_what_is_over_by_now() -> None:
    repeat, normal = pressure(NOON + 10 * MINUTE, 200), pressure(NOON + 20 * MINUTE, 120)
    assert _found(*at_once(repeat, normal), record(NOON + 21 * MINUTE, [_FLAGGED])) == [
        ("onset", "critical", []),
        ("returned", "critical", []),
        ("resolved-before-seen", "medium", ["flagged"]),
    ]


def test_a_flagged_match_without_a_repeat_that_is_over_by_now_is_work_and_no_task() -> None:
    normal = at_once(pressure(NOON + 16 * MINUTE, 120))
    assert _found(*normal, record(NOON + 17 * MINUTE, [_FLAGGED])) == [
        ("resolved-before-seen", "medium", ["unverified", "flagged"])
    ]


@pytest.mark.parametrize("minutes", [12, 20])
def test_a_repeat_that_is_anothers_denies_nothing_also_if_it_came_first(minutes: int) -> None:
    foreign = pressure(NOON + 10 * MINUTE, 140)
    lent_ms = NOON + minutes * MINUTE
    lent = Withdrawals("p1", lent_ms, "the cuff was lent", [gone(stamped(foreign, foreign.at_ms))])
    found = _found(*at_once(foreign), record(NOON + 11 * MINUTE, [_FLAGGED]), lent)
    event = "onset" if minutes < 15 else "reopened"
    assert found == [(event, "high", ["unverified", "flagged"])]
