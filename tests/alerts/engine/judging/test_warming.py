"""Windows are kept of every vital, so that a book that comes later finds what came before it."""

from dataclasses import replace

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.archive import PatientRecord, Source, decode_patient
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.load import load_books
from alerts.rules.reader import read_book
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.book_text import GLUCOSE, head, rule
from tests.alerts.desk.virtual_desk import VirtualDesk
from tests.alerts.engine.one_patient import encode_patient, restore_patient
from tests.alerts.engine.window_rules import rules
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    glucose,
    pressure,
)

BOOKS = {book.name: book for book in load_books()}
PRESSURE = arrange([BOOKS["adult-standard"]])
BOTH = arrange([BOOKS["adult-standard"], BOOKS["adult-diabetes"]])


def carried_over(
    state: PartitionState, rules: RuleSet, *books: str, since: PatientRecord | None = None
) -> PartitionState:
    """The same partition under other books, as a change of books and a restart do it."""
    other = fresh_state(PatientEntry("p1", "Robin", list(books)), rules=rules)
    other.log_ms = state.log_ms
    kept = since or decode_patient(encode_patient(state, 0, Source("topic", 1)))
    assert kept is not None
    restore_patient(other, "p1", kept)
    return other


def known(*measured: Measured) -> PartitionState:
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]), rules=PRESSURE)
    step(state, at_once(pressure(NOON, 120), *measured))
    return state


def of_the_release_before() -> PatientRecord:
    """What an engine wrote that kept readings of those vitals alone that a book judged."""
    kept = decode_patient(encode_patient(known(), 0, Source("topic", 1)))
    assert kept is not None
    return msgspec.structs.replace(kept, kept_vitals=["blood_pressure"])


def upgraded(rules: RuleSet, *books: str) -> PartitionState:
    return carried_over(known(), rules, *books, since=of_the_release_before())


def told(state: PartitionState, *records: ReadingsRecord) -> list[tuple[str, str, str]]:
    found = step(state, records).transitions
    return [(one.event, one.rule, one.severity) for one in found]


DIABETES = ("adult-standard", "adult-diabetes")


def test_a_book_of_a_new_vital_finds_the_readings_that_came_before_it() -> None:
    """260 twice in 24 h is high; the first of them came when no book judged glucose."""
    state = known(glucose(NOON, 260))
    assert told(state, Tick(NOON + MINUTE)) == []
    later = carried_over(state, BOTH, *DIABETES)
    assert told(later, Tick(NOON + MINUTE)) == [("standing", "glucose-above-250", "medium")]
    assert told(later, *at_once(glucose(NOON + HOUR, 260))) == [
        ("worsened", "glucose-very-high-twice", "high")
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from([53, 100, 260, "HI", "NaN"])), max_size=30
    )
)
def test_what_is_remembered_does_not_depend_on_whether_a_book_judges_it(
    sent: list[tuple[int, object]],
) -> None:
    log = at_once(
        pressure(NOON, 120), *(glucose(NOON + hours * HOUR, value) for hours, value in sent)
    )
    unjudged, judged = (
        fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]), rules=rules)
        for rules in (PRESSURE, BOTH)
    )
    assert step(unjudged, log).transitions == step(judged, log).transitions == []
    later = carried_over(unjudged, BOTH, *DIABETES)
    place = next(one.index for one in BOTH.vitals if one.vital.name == "glucose")
    rows = np.array(list(judged.rows.values()))
    assert later.memories[place].encoded(rows) == judged.memories[place].encoded(rows)
    assert later.newest_ms[rows, place].tolist() == judged.newest_ms[rows, place].tolist()


def test_a_reading_of_which_a_device_reports_anything_waits_for_the_book_that_knows_it() -> None:
    """Which flags spoil a reading the book says: until then each keeps it out of windows."""
    state = known(replace(glucose(NOON, 260), flags=("battery-low",)))
    later = carried_over(state, BOTH, *DIABETES)
    assert told(later, Tick(NOON + MINUTE)) == []


def test_readings_that_no_book_judges_are_not_counted_as_judged() -> None:
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]), rules=PRESSURE)
    outcome = step(state, at_once(glucose(NOON, 260), glucose(NOON, 260)))
    assert (outcome.ages_ms, outcome.duplicates, outcome.touched) == ([], 0, {0})


def test_windows_that_a_former_release_did_not_keep_are_told_to_be_empty_once() -> None:
    state = upgraded(BOTH, *DIABETES)
    (one,) = step(state, [Tick(NOON + MINUTE)]).transitions
    assert (one.event, one.severity, one.evidence.vital) == ("warming", "info", "glucose")
    assert one.reason.startswith(
        "Not all readings of glucose from before now are known to these rules, which look at"
        " several: "
    )
    assert "(2 of the last 3 readings)" in one.reason
    assert one.confirm_by_ms == NOON + 7 * DAY
    assert told(state, Tick(NOON + 2 * MINUTE)) == []
    again = carried_over(state, BOTH, *DIABETES)
    assert told(again, Tick(NOON + 3 * MINUTE)) == []


def test_a_book_that_comes_long_after_the_release_is_told_of_too() -> None:
    state = upgraded(PRESSURE, "adult-standard")
    assert told(state, *at_once(glucose(NOON + HOUR, 100))) == []
    later = carried_over(carried_over(state, PRESSURE, "adult-standard"), BOTH, *DIABETES)
    assert [event for event, _, _ in told(later, Tick(NOON + 2 * HOUR))] == ["warming"]


def test_windows_that_have_filled_since_then_are_not_told() -> None:
    state = upgraded(PRESSURE, "adult-standard")
    step(state, at_once(*(glucose(NOON + n * HOUR, 100) for n in range(1, 11))))
    later = carried_over(state, BOTH, *DIABETES)
    assert told(later, Tick(NOON + 11 * HOUR)) == []


def test_a_change_of_books_before_it_was_told_does_not_hide_it() -> None:
    state = carried_over(upgraded(BOTH, *DIABETES), BOTH, *DIABETES)
    assert [event for event, _, _ in told(state, Tick(NOON))] == ["warming"]


def test_whom_no_such_rule_judges_is_told_nothing() -> None:
    assert told(upgraded(BOTH, "adult-standard"), Tick(NOON + MINUTE)) == []


def taken(position: str) -> str:
    twice = "window = { matching = 2, of = 4 }"
    asks = f'requires = {{ position = ["{position}"] }}'
    return rule(position, "systolic >= 140 mmHg", twice, asks)


def test_circumstances_are_found_again_by_name_when_a_book_asks_for_others() -> None:
    """A reading taken lying must not count as one taken sitting, for its bit is the first now."""
    before, after = rules(taken("lying")), rules(taken("lying"), taken("standing"), taken("angled"))
    state = fresh_state(PatientEntry("p1", "Robin", ["edges"]), rules=before)
    high = [
        replace(pressure(NOON + n * HOUR, 150), attributes={"position": position})
        for n, position in enumerate(["lying", "angled", "standing", "lying"])
    ]
    assert told(state, *at_once(high[0])) == []
    later = carried_over(state, after, "edges")
    assert told(later, *at_once(*high[1:3])) == []
    assert told(later, *at_once(high[3])) == [("onset", "lying", "high")]


def test_the_item_leaves_the_work_list_when_the_windows_have_had_their_time() -> None:
    desk = VirtualDesk()
    desk.find("1", "warming", "info", confirm_by_ms=desk.now_ms + 7 * DAY)
    desk.after(6 * DAY)
    assert desk.case().attention == "unacknowledged"
    desk.after(2 * DAY)
    assert desk.case().attention == "resolved"
    assert desk.told() == []


def test_windows_that_began_empty_are_told_of_until_the_longest_may_be_full() -> None:
    """Seven days at least; a mean of eight days, and two of three in nine, take longer."""
    mean, two = "the mean of 8 days, from 3 readings on", "2 of the last 3 readings"
    for window, days, needed in [
        ("{ mean_days = 8, readings = 3, days = 2 }", 8, mean),
        ('{ matching = 2, of = 3, within = "9d" }', 9, two),
        ('{ matching = 2, of = 3, within = "1d" }', 7, two),
        ("{ matching = 2, of = 3 }", 7, two),
    ]:
        text = head("sugar", GLUCOSE) + rule(
            "high", "glucose > (180 mg/dL, 10.0 mmol/L)", f"window = {window}", vital="glucose"
        )
        books = arrange([BOOKS["adult-standard"], read_book("sugar.toml", text)])
        state = upgraded(books, "adult-standard", "sugar")
        (one,) = step(state, [Tick(NOON + MINUTE)]).transitions
        assert (one.event, one.confirm_by_ms) == ("warming", NOON + days * DAY)
        assert one.reason.endswith(f" several: high ({needed})")
