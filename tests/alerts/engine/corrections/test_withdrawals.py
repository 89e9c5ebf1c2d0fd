"""A reading turns out to be another patient's: the alert goes, nothing of the other is shown."""

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.fold import Desk
from alerts.engine.state.archive import decode_patient
from alerts.engine.step import step
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.correcting import LATER, SEVERE, events, judged, kept, withdrawal
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.one_patient import restore_patient
from tests.alerts.engine.window_book import fresh, measurements, memory_of, named
from tests.alerts.readings import (
    DAY,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    pressure,
    record,
)


def test_the_old_patients_alert_is_retracted_and_shows_nothing_of_the_other() -> None:
    onset, over = judged(*at_once(SEVERE), withdrawal(SEVERE))
    assert (over.event, over.alert_id) == ("retracted", onset.alert_id)
    assert over.evidence.quantities == {}
    assert over.reason == "Retracted: the reading is another patient's"


def test_what_waits_for_a_withdrawn_reading_is_dropped_and_what_rests_on_another_is_told() -> None:
    flagged = pressure(NOON, 200, 80, "body-moved")
    assert events(judged(*at_once(flagged), withdrawal(flagged), Tick(NOON + DAY))) == [
        "repeat-asked"
    ]
    again = pressure(NOON + MINUTE, 195, 124)
    assert events(judged(*at_once(SEVERE, again), withdrawal(SEVERE), withdrawal(again))) == [
        "onset",
        "again",
        "corrected",
        "retracted",
    ]


def test_who_was_called_for_another_patients_reading_hears_it_though_the_alert_is_over() -> None:
    normal, next_one = pressure(NOON + MINUTE, 120), pressure(NOON + 2 * MINUTE, 195, 124)
    found = judged(*at_once(SEVERE, normal, next_one), withdrawal(SEVERE), withdrawal(normal))
    assert events(found) == ["onset", "returned", "onset", "retracted"]
    assert found[3].alert_id == found[0].alert_id != found[2].alert_id


def test_what_was_a_task_or_over_before_anybody_saw_it_is_not_taken_back() -> None:
    flagged, normal = pressure(NOON, 200, 80, "body-moved"), pressure(NOON + MINUTE, 120)
    assert events(judged(*at_once(flagged, normal), withdrawal(flagged))) == ["repeat-asked"]
    log = [*at_once(normal), record(NOON + 2 * MINUTE, [SEVERE]), withdrawal(SEVERE)]
    assert events(judged(*log)) == ["resolved-before-seen"]


def test_an_alert_that_ended_four_weeks_ago_is_not_spoken_of() -> None:
    normal = pressure(NOON + MINUTE, 120)
    for days, taken_back in ((28, ["retracted"]), (29, [])):
        log = [*at_once(SEVERE, normal), Tick(NOON + days * DAY), withdrawal(SEVERE)]
        assert events(judged(*log)) == ["onset", "returned", *taken_back]


def test_the_new_patients_reading_is_judged_by_its_age() -> None:
    moved = [record(LATER, [SEVERE], "p2")]
    log = [*at_once(SEVERE), withdrawal(SEVERE), *moved]
    patients = [PatientEntry(name, name, ["adult-standard"]) for name in ("p1", "p2")]
    found = by_cuts(log, *patients)
    assert [(one.event, one.patient_id) for one in found] == [
        ("onset", "p1"),
        ("retracted", "p1"),
        ("onset", "p2"),
    ]


BACK = record(LATER + MINUTE, [SEVERE])


def test_a_reading_that_comes_back_counts_again() -> None:
    """Moved to another patient by mistake, and back: its alert is open again, as a new event."""
    log = [*at_once(SEVERE), withdrawal(SEVERE), BACK]
    assert events(judged(*at_once(SEVERE), BACK)) == ["onset"]  # it has only come twice
    found = judged(*log, withdrawal(SEVERE, at_ms=LATER + 2 * MINUTE), BACK, BACK)
    assert events(found) == ["onset", "retracted", "onset", "retracted", "onset"]
    assert len({one.alert_id for one in found}) == 1
    assert len({one.event_id for one in found}) == 5
    desk = Desk()
    for one in found:
        desk.found(one)
    case = desk.case(found[0].alert_id)
    assert case is not None
    assert (case.condition, case.attention, case.demand) == (
        "active",
        "unacknowledged",
        found[-1],
    )


def test_a_reading_that_comes_back_after_a_restart_counts_again() -> None:
    state, restarted = fresh_state(), fresh_state()
    whole = step(state, [*at_once(SEVERE), withdrawal(SEVERE)]).transitions
    found = decode_patient(kept(state)[0])
    assert found is not None
    restore_patient(restarted, "p1", found)
    restarted.log_ms = state.log_ms
    again = step(restarted, [BACK]).transitions
    assert again == step(state, [BACK]).transitions
    assert events(again) == ["onset"]
    assert again[0].event_id not in {one.event_id for one in whole}


@settings(max_examples=60)
@given(measurements(), st.data())
def test_memory_is_as_if_what_came_back_had_never_gone(
    measured: list[Measured], data: st.DataObject
) -> None:
    readings = [named(one) for one in measured]
    moved = readings[data.draw(st.integers(0, len(readings) - 1))]
    end = readings[-1].at_ms
    state, other = fresh(), fresh()
    step(state, [*at_once(*readings), withdrawal(moved, at_ms=end), record(end, [moved])])
    step(other, at_once(*readings))
    assert memory_of(state, arrivals=False) == memory_of(other, arrivals=False)
