"""What a date brings: a limit that ends is announced, a rule without its baseline is told once."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from tests.alerts.book_text import MOVED, PRESSURE, head, rule
from tests.alerts.engine.dated_rules import OWN, UNTIL, of, rules, started, under
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.window_book import BOOK
from tests.alerts.readings import DAY, HOUR, NOON, at_once, fresh_state, glucose, pressure

ANNOUNCED = UNTIL - 7 * DAY


def test_the_end_of_a_limit_is_announced_a_week_before() -> None:
    state = started(under(OWN))
    assert of(step(state, [Tick(ANNOUNCED)]).transitions, "limit-expiring") == []
    (told,) = of(step(state, [Tick(ANNOUNCED + 1)]).transitions, "limit-expiring")
    assert (told.at_ms, told.severity, told.rule) == (ANNOUNCED, "medium", "low")
    assert told.reason == (
        "The patient's own limit of 60 mg/dL (or 3.3 mmol/L) for low, set by Dr. Ito, ends on"
        " 2026-10-21 14:00, the patient's time; then the book's 70 mg/dL holds again"
    )
    assert told.limits[0].author == "Dr. Ito"
    assert of(step(state, [Tick(UNTIL + DAY)]).transitions, "limit-expiring") == []


def test_one_that_holds_for_less_than_a_week_is_announced_when_it_is_entered() -> None:
    short = msgspec.structs.replace(OWN, valid_until_ms=NOON + 2 * DAY)
    state = started(under(short))
    (told,) = of(step(state, [Tick(NOON + HOUR)]).transitions, "limit-expiring")
    assert told.at_ms == NOON


SHORT = msgspec.structs.replace(OWN, valid_until_ms=NOON + 5 * DAY)


def replanned(state: PartitionState, entry: PatientEntry) -> PartitionState:
    state.plans.put(entry)
    state.replan("p1")
    return state


def test_one_that_is_known_here_long_after_it_was_entered_is_announced_then_and_once() -> None:
    """The registry was away, or the patient's first reading came days later."""
    state = replanned(started(under(), *at_once(glucose(NOON + DAY, 100))), under(SHORT))
    log = [Tick(NOON + DAY + HOUR), Tick(NOON + 2 * DAY)]
    (told,) = of(step(state, log).transitions, "limit-expiring")
    assert told.at_ms == NOON + DAY
    assert "ends on 2026-09-26 14:00" in told.reason
    restarted = reborn(state, rules(), [under(SHORT)])
    assert of(step(restarted, [Tick(NOON + 2 * DAY + 1)]).transitions, "limit-expiring") == []
    assert restarted.announced == state.announced
    found = step(fresh_state(under(SHORT), rules=rules()), at_once(glucose(NOON + DAY, 100)))
    assert [one.at_ms for one in of(found.transitions, "limit-expiring")] == [NOON]


def test_what_a_patient_brings_along_is_told_after_all_that_came_before() -> None:
    log = [Tick(NOON + HOUR), Tick(NOON + DAY), *at_once(glucose(NOON + DAY, 100))]
    whole, singly = (fresh_state(under(SHORT), rules=rules()) for _ in range(2))
    (told,) = step(whole, log).transitions
    assert told.at_ms == NOON + DAY
    assert [one for each in log for one in step(singly, [each]).transitions] == [told]


def test_one_that_had_ended_before_it_was_known_here_is_not_announced() -> None:
    log = at_once(glucose(NOON + 5 * DAY, 100))
    state = replanned(started(under(), *log), under(SHORT))
    assert step(state, [Tick(NOON + 6 * DAY)]).transitions == []
    assert step(fresh_state(under(SHORT), rules=rules()), log).transitions == []


def test_one_that_no_rule_compares_with_is_announced_once_a_rule_does() -> None:
    elsewhere = msgspec.structs.replace(under(SHORT), books=["windows"])
    state = started(elsewhere, *at_once(glucose(NOON + HOUR, 100)))
    assert of(step(state, [Tick(NOON + DAY)]).transitions, "limit-expiring") == []
    log = [Tick(NOON + 2 * DAY), Tick(NOON + 3 * DAY)]
    (told,) = of(step(replanned(state, under(SHORT)), log).transitions, "limit-expiring")
    assert told.at_ms == NOON + DAY


def test_what_was_told_of_a_limit_is_forgotten_after_its_end() -> None:
    state = started(under(SHORT))
    step(state, [Tick(NOON + HOUR)])
    assert list(state.announced[0].values()) == [SHORT.valid_until_ms]
    later = msgspec.structs.replace(
        OWN, valid_until_ms=NOON + 9 * DAY, entered_at_ms=NOON + 6 * DAY
    )
    step(state, [Tick(NOON + 6 * DAY)])
    step(replanned(state, under(SHORT, later)), [Tick(NOON + 7 * DAY)])
    assert list(state.announced[0].values()) == [later.valid_until_ms]


def test_each_limit_is_announced_and_one_that_never_ends_is_not() -> None:
    later = msgspec.structs.replace(OWN, valid_until_ms=UNTIL + DAY, entered_at_ms=NOON + 1)
    endless = msgspec.structs.replace(OWN, valid_until_ms=None)
    state = started(under(OWN, later, endless))
    found = step(state, [Tick(ANNOUNCED + n * DAY) for n in range(1, 9)]).transitions
    assert [one.at_ms for one in of(found, "limit-expiring")] == [ANNOUNCED, ANNOUNCED + DAY]


def test_a_rule_whose_baseline_stayed_empty_is_told_once() -> None:
    therapy_ms = NOON + 3 * DAY
    state = started(under(therapy_ms=therapy_ms), *at_once(pressure(NOON + 2 * DAY, 120)))
    found = step(state, [Tick(therapy_ms + n * DAY) for n in range(5)]).transitions
    (told,) = of(found, "inactive")
    assert (told.rule, told.severity) == ("rise", "medium")
    assert told.reason == (
        "Risen is not judged: it compares with 2 readings of the 2 days before the therapy began,"
        " and 1 are known"
    )
    restarted = reborn(state, rules(), [under(therapy_ms=therapy_ms)])
    found = step(restarted, [Tick(therapy_ms + n * DAY) for n in range(5, 9)]).transitions
    assert of(found, "inactive") == []


def test_a_rule_with_its_baseline_is_not() -> None:
    therapy_ms = NOON + 3 * DAY
    known = [pressure(NOON + 2 * DAY + n * HOUR, 120) for n in range(2)]
    state = started(under(therapy_ms=therapy_ms), *at_once(*known))
    found = step(state, [Tick(therapy_ms + n * DAY) for n in range(5)]).transitions
    assert of(found, "inactive") == []


def test_without_a_date_of_the_therapy_there_is_no_baseline() -> None:
    state = started(under(), *at_once(pressure(NOON, 120)))
    (told,) = of(step(state, [Tick(NOON + 2 * DAY)]).transitions, "inactive")
    assert told.reason.endswith("and 0 are known")


def test_dates_and_deadlines_come_in_one_order_of_time() -> None:
    """After a silence a page that waited is not told behind what became due the day after it."""
    waits = head("waits", PRESSURE + MOVED) + rule(
        "severe", "systolic > 180 mmHg", 'confirm = { within = "10min" }', severity="critical"
    )
    books = [read_book("windows.toml", BOOK), read_book("waits.toml", waits)]
    entry = PatientEntry("p1", "Robin", ["windows", "waits"])
    log = [*at_once(pressure(NOON, 190)), Tick(NOON + 2 * DAY)]
    found = step(fresh_state(entry, rules=arrange(books)), log).transitions
    assert [one.event for one in found] == ["onset", "confirmed", "inactive"]
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 40 * 24), min_size=1, max_size=12).map(sorted),
    st.lists(st.integers(1, 4), min_size=12, max_size=12),
    st.integers(0, 12),
)
def test_neither_cuts_nor_restarts_change_what_dates_bring(
    hours: list[int], lengths: list[int], restart: int
) -> None:
    entry = msgspec.structs.replace(
        under(OWN, therapy_ms=NOON + 3 * DAY), care_plan_from_ms=NOON - DAY
    )
    log = [
        at_once(pressure(NOON + hour * HOUR, 120 + number))[0] for number, hour in enumerate(hours)
    ]
    whole = step(fresh_state(entry, rules=rules()), log).transitions
    state, rest, found = fresh_state(entry, rules=rules()), list(log), list[Transition]()
    for number, length in enumerate([*lengths, len(log)]):
        found += step(state, rest[:length]).transitions if rest else []
        rest = rest[length:]
        if number == restart and state.patients:
            state = reborn(state, rules(), [entry])
    assert {one.event_id: one for one in found} == {one.event_id: one for one in whole}
