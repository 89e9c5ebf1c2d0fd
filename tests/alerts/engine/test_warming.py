"""A book that judges a vital of which nobody kept readings begins with empty windows: told."""

from alerts.engine.archive import Source, decode_patient, encode_patient, restore_patient
from alerts.engine.ladders import RuleSet, arrange
from alerts.engine.state import PartitionState
from alerts.engine.step import step
from alerts.rules.load import load_books
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from tests.alerts.desk.virtual_desk import VirtualDesk
from tests.alerts.readings import DAY, MINUTE, NOON, at_once, fresh_state, glucose, pressure

BOOKS = {book.name: book for book in load_books()}
PRESSURE = arrange([BOOKS["adult-standard"]])
BOTH = arrange([BOOKS["adult-standard"], BOOKS["adult-diabetes"]])


def carried_over(state: PartitionState, rules: RuleSet, *books: str) -> PartitionState:
    """The same partition under other books, as a change of books and a restart do it."""
    other = fresh_state(PatientEntry("p1", "Robin", list(books)), rules=rules)
    other.log_ms = state.log_ms
    kept = decode_patient(encode_patient(state, 0, Source("topic", 1)))
    assert kept is not None
    restore_patient(other, "p1", kept)
    return other


def known() -> PartitionState:
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]), rules=PRESSURE)
    step(state, at_once(pressure(NOON, 120)))
    return state


def test_windows_of_a_vital_that_nobody_judged_before_are_told_to_be_empty_once() -> None:
    state = carried_over(known(), BOTH, "adult-standard", "adult-diabetes")
    (told,) = step(state, [Tick(NOON + MINUTE)]).transitions
    assert (told.event, told.severity, told.evidence.vital) == ("warming", "info", "glucose")
    assert told.reason.startswith(
        "No readings of glucose from before now are known to these rules, which look at several: "
    )
    assert "(2 of the last 3 readings)" in told.reason
    assert told.confirm_by_ms == NOON + 7 * DAY
    assert step(state, [Tick(NOON + 2 * MINUTE)]).transitions == []
    again = carried_over(state, BOTH, "adult-standard", "adult-diabetes")
    assert step(again, [Tick(NOON + 3 * MINUTE)]).transitions == []


def test_a_change_of_books_before_it_was_told_does_not_hide_it() -> None:
    state = carried_over(
        carried_over(known(), BOTH, "adult-standard", "adult-diabetes"),
        BOTH,
        "adult-standard",
        "adult-diabetes",
    )
    assert [one.event for one in step(state, [Tick(NOON)]).transitions] == ["warming"]


def test_whom_no_such_rule_judges_is_told_nothing() -> None:
    state = carried_over(known(), BOTH, "adult-standard")
    assert step(state, [Tick(NOON + MINUTE)]).transitions == []


def test_windows_that_were_kept_before_the_book_was_the_patients_are_not_empty() -> None:
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]), rules=BOTH)
    step(state, at_once(glucose(NOON, 100)))
    later = carried_over(state, BOTH, "adult-standard", "adult-diabetes")
    assert step(later, [Tick(NOON + MINUTE)]).transitions == []


def test_the_item_leaves_the_work_list_when_the_windows_have_had_their_time() -> None:
    desk = VirtualDesk()
    desk.find("1", "warming", "info", confirm_by_ms=desk.now_ms + 7 * DAY)
    desk.after(6 * DAY)
    assert desk.case().attention == "unacknowledged"
    desk.after(2 * DAY)
    assert desk.case().attention == "resolved"
    assert desk.told() == []
