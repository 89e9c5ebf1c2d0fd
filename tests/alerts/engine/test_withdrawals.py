"""A reading turns out to be another patient's: the alert goes, nothing of the other is shown."""

from alerts.engine.step import step
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.test_corrections import LATER, SEVERE, events, judged, withdrawal
from tests.alerts.readings import DAY, MINUTE, NOON, at_once, fresh_state, pressure, record


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


def test_the_new_patients_reading_is_judged_by_its_age() -> None:
    moved = [record(LATER, [SEVERE], "p2")]
    log = [*at_once(SEVERE), withdrawal(SEVERE), *moved]
    patients = [PatientEntry(name, name, ["adult-standard"]) for name in ("p1", "p2")]
    found = step(fresh_state(*patients), log).transitions
    assert [(one.event, one.patient_id) for one in found] == [
        ("onset", "p1"),
        ("retracted", "p1"),
        ("onset", "p2"),
    ]
