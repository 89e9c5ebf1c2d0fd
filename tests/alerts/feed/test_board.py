import msgspec
import pytest

from alerts.desk.answers import HOUR_MS
from alerts.feed.board import Board
from alerts.records import Removed, decode
from schemas.alert import Event, Transition
from schemas.errors import InvalidInput
from schemas.kafka import CorrectedReading, Corrections, Tick, Withdrawals, WithdrawnReading
from schemas.reading import Quantity
from schemas.rota import RotaEntry, Shift
from schemas.topics import ACTIONS, ALERTS
from tests.alert_records import (
    SEVERE,
    acknowledgement,
    patient,
    pressure,
    readings,
    sugar,
    transition,
)


def test_an_alert_is_written_out() -> None:
    board = Board()
    board.take([patient("p", "Wren-01"), transition("1", patient_id="p", marks=["delayed"])])
    (card,) = board.overview().cards
    assert (card.patient, card.what, card.details) == ("Wren-01", "192/124 mmHg", "pulse 88 /min")
    assert card.marks == ["Delayed: call the patient"]
    assert (card.event_id, card.latest, card.answered_by) == ("1", "", "")
    assert card.simulated


@pytest.mark.parametrize("at_ms", [10**18, -(10**14)])
def test_what_no_calendar_can_show_takes_nothing_else_with_it(at_ms: int) -> None:
    board = Board()
    board.take([readings("p", "01" * 16, pressure(128, 79), at_ms)])
    assert board.rows() == []
    for record in (transition("1", at_ms=at_ms), acknowledgement("1", at_ms=at_ms)):
        topic = ALERTS if isinstance(record, Transition) else ACTIONS
        with pytest.raises(InvalidInput):
            decode(topic, None, msgspec.json.encode(record))


def test_somebody_whom_nobody_registered_may_be_real() -> None:
    board = Board()
    board.take([patient("p", "Wren-01"), transition("1", patient_id="stranger")])
    assert (board.overview().patients, board.overview().simulated) == (2, 1)
    board.take([transition("3", alert_id="c", patient_id="", subject="gateway/7")])
    assert board.overview().patients == 2, "what is about no patient is no patient"


def test_a_device_that_is_removed_is_not_a_patient() -> None:
    board = Board()
    board.take([patient("7", "Wren-01")])
    assert not board.take([Removed("device/7")]).patients


def test_a_task_says_what_to_do() -> None:
    board = Board()
    board.take([transition("1", "repeat-asked", marks=["flagged"])])
    (card,) = board.overview().cards
    assert card.marks == ["Ask for a repeat", "Flagged by the device"]


def test_what_came_after_is_said_beside_what_asked() -> None:
    board = Board()
    board.take([transition("1"), acknowledgement("1", who="Anna", at_ms=7)])
    board.take([transition("2", "eased", "high"), transition("3", "returned", "high")])
    (card,) = board.overview().cards
    assert card.latest == "Returned: 192/124 mmHg"
    assert (card.answered_by, card.answered_at_ms) == ("Anna", 7)
    assert card.event_id == "3"  # an answer names all that was on the screen


def test_a_correction_is_said_beside_what_asked_and_shown_among_the_readings() -> None:
    board = Board()
    board.take([readings("p", "01" * 16, pressure(128, 79), 5), transition("1")])
    board.take([transition("2", "corrected")])
    now = CorrectedReading(
        "01" * 16, 2, "blood_pressure", 5, "receipt", pressure(150, 95), pressure(128, 79)
    )
    changes = board.take([Corrections("p", 7, "a decoder was mended", [now])])
    assert (changes.readings, changes.alert_ids, board.newest_stamp_ms) == (True, set(), 7)
    (row,) = board.rows()
    assert (row.what, row.flags) == ("150/95 mmHg", "corrected")
    (card,) = board.overview().cards
    assert (card.attention, card.latest) == ("unacknowledged", "Corrected: 192/124 mmHg")


def test_an_update_brings_a_page_to_what_a_fresh_one_shows() -> None:
    board = Board()
    board.take([transition("1", alert_id="a"), transition("2", alert_id="b")])
    before = {card.alert_id: card for card in board.overview().cards}
    changes = board.take([acknowledgement("1"), transition("3", alert_id="c")])
    update = board.update(changes.alert_ids)
    after = before | {card.alert_id: card for card in update.cards}
    overview = board.overview()
    assert update.order == overview.order
    assert after == {card.alert_id: card for card in overview.cards}
    assert {card.alert_id for card in update.cards} == {"a", "c"}


def test_a_patient_nobody_registered_is_shown_by_id_and_named_later() -> None:
    board = Board()
    board.take([transition("1", patient_id="p")])
    assert board.overview().cards[0].patient == "p"
    assert board.take([patient("p", "Wren-01", simulated=False)]).patients
    assert board.overview().cards[0].patient == "Wren-01"
    assert not board.take([patient("p", "Wren-01", simulated=False)]).patients
    assert (board.overview().patients, board.overview().simulated) == (1, 0)
    assert board.take([Removed("patient/p")]).patients
    assert board.overview().cards[0].patient == "p"


def test_readings_are_written_out_with_what_the_device_noticed() -> None:
    board = Board()
    failed = {"systolic": Quantity("mm[Hg]", absent="not-a-number")}
    board.take(
        [
            readings("p", "01" * 16, pressure(128, 79), 1, status=["irregular-pulse"]),
            readings("p", "02" * 16, failed, 2, outcome="failed"),
            readings("p", "03" * 16, sugar("104"), 3, outcome="control-solution"),
            readings("p", "04" * 16, {"hba1c": Quantity("%", "6")}, 4, vital="glucose_context"),
            Tick(99),
        ]
    )
    shown = [(row.what, row.flags) for row in board.rows()]
    assert shown == [
        ("104 mg/dL", "control solution"),
        ("no value", "failed"),
        ("128/79 mmHg", "irregular pulse"),
    ]
    assert board.newest_stamp_ms == 99


def test_a_number_that_the_device_does_not_stand_by_is_told_but_is_no_value() -> None:
    board = Board()
    spoilt = {"outcome": "failed", "status": ["sample-too-small"]}
    board.take([readings("p", "01" * 16, sugar("45"), 1, **spoilt)])
    (row,) = board.rows()
    assert (row.what, row.details) == ("no value", "the device showed 45 mg/dL")
    assert (row.flags, row.not_assessed) == ("failed, sample too small", "")


def test_what_an_oximeter_says_of_a_good_value_is_no_trouble() -> None:
    board = Board()
    flags = {"status": ["validated", "fully-qualified", "poor-signal"]}
    board.take(
        [readings("p", "01" * 16, {"spo2": Quantity("%", "97")}, 1, vital="oximetry", **flags)]
    )
    (row,) = board.rows()
    assert row.flags == "poor signal"


def test_what_a_device_does_not_look_for_is_said_of_readings_and_alerts() -> None:
    """No flag at all is not the same as a flag that is not set; which are not is said of alerts."""
    board = Board()
    some = {"status": [], "attributes": {"not_assessed": "body-moved improper-position"}}
    board.take(
        [
            readings("p", "01" * 16, pressure(128, 79), 1),
            readings("p", "02" * 16, pressure(128, 79), 2, status=[]),
            readings("p", "03" * 16, pressure(128, 79), 3, **some),
            transition("1"),
        ]
    )
    assert [row.not_assessed for row in board.rows()] == [
        "",
        "",
        "quality not assessed by the device",
    ]
    (card,) = board.overview().cards
    assert card.not_assessed == "quality not assessed by the device"
    evidence = msgspec.structs.replace(SEVERE, status=[], not_assessed=["body-moved"])
    board.take([transition("2", alert_id="c", evidence=evidence)])
    absent = msgspec.structs.replace(SEVERE, reading_id="", quantities={})
    board.take([transition("3", alert_id="b", evidence=absent)])
    said = {card.alert_id: card.not_assessed for card in board.overview().cards}
    assert (said["b"], said["c"]) == ("", "not assessed: body moved")


def test_a_patients_page_has_their_alerts_and_readings_only() -> None:
    board = Board()
    board.take([transition("1", patient_id="p"), transition("2", alert_id="b", patient_id="q")])
    board.take([readings("p", "01" * 16, pressure(128, 79), 1)])
    view = board.patient("p")
    assert view is not None
    assert [card.alert_id for card in view.alerts] == ["a"]
    assert [row.what for row in view.readings] == ["128/79 mmHg"]
    assert board.patient("nobody") is None


def test_work_is_due_at_the_end_of_its_shift_and_listed_by_that() -> None:
    board = Board()
    night_ms, day_ms = 2 * HOUR_MS, 8 * HOUR_MS
    rota = RotaEntry(
        "home", shifts=[Shift("07:00", "15:00", ["a"]), Shift("15:00", "22:00", ["b"])]
    )
    board.take(
        [
            transition("1", severity="medium", at_ms=16 * HOUR_MS, alert_id="evening"),
            transition("2", "stale", "medium", day_ms, "day"),
            transition("3", severity="medium", at_ms=night_ms, alert_id="night"),
            transition("4", severity="critical", at_ms=night_ms, alert_id="now"),
            transition("5", severity="info", at_ms=night_ms, alert_id="record"),
            rota,
        ]
    )
    overview = board.overview()
    due = {card.alert_id: card.due_ms // HOUR_MS for card in overview.cards}
    assert due == {"evening": 22, "day": 15, "night": 15, "now": 0, "record": 15}
    assert overview.order.work == ["day", "night", "evening"]
    assert (overview.order.waiting, overview.order.settled) == (["now"], ["record"])
    assert board.take([rota]).patients is False


def test_a_repeat_is_due_while_it_counts_not_by_the_end_of_the_shift() -> None:
    board = Board()
    rota = RotaEntry("home", shifts=[Shift("07:00", "15:00", ["a"])])
    by_ms = 8 * HOUR_MS + 900_000
    board.take(
        [
            rota,
            transition("1", "repeat-asked", at_ms=8 * HOUR_MS, confirm_by_ms=by_ms),
            transition("2", "warming", "medium", 8 * HOUR_MS, "b", confirm_by_ms=by_ms),
        ]
    )
    due = {card.alert_id: card.due_ms for card in board.overview().cards}
    assert due == {"a": by_ms, "b": 15 * HOUR_MS}
    assert board.take([Removed("rota/home")]).patients is True


def test_what_rises_again_less_far_does_not_hide_the_critical_value_that_nobody_answered() -> None:
    values = {"systolic": "165 mm[Hg]", "diastolic": "95 mm[Hg]"}
    high = msgspec.structs.replace(SEVERE, reading_id="03" * 16, quantities=values)
    board = Board()
    board.take([transition("1"), transition("2", "eased", "medium", 10)])
    later = transition("3", "worsened", "high", 20, title="High", evidence=high)
    board.take([later])
    (card,) = board.overview().cards
    assert (card.severity, card.title, card.what) == (
        "critical",
        "Severe blood pressure",
        "192/124 mmHg",
    )
    assert card.latest == "Worsened to high severity: 165/95 mmHg"
    board.take([acknowledgement("1", alert_ids=("a",), at_ms=30)])  # of the critical one alone
    (card,) = board.overview().cards
    assert (card.severity, card.title, card.latest) == ("high", "High", "")


def test_a_worse_value_as_severe_as_the_first_stays_on_the_card_until_it_is_answered() -> None:
    extreme = {"systolic": "231 mm[Hg]", "diastolic": "140 mm[Hg]"}
    worse = msgspec.structs.replace(SEVERE, reading_id="02" * 16, quantities=extreme)
    milder = {"systolic": "165 mm[Hg]", "diastolic": "95 mm[Hg]"}
    eased = msgspec.structs.replace(SEVERE, reading_id="03" * 16, quantities=milder)
    board = Board()
    board.take([transition("1"), transition("2", "again", at_ms=10, evidence=worse)])
    (card,) = board.overview().cards
    assert (card.what, card.beside, card.latest) == ("192/124 mmHg", "", "Again: 231/140 mmHg")
    board.take([transition("3", "eased", severity="high", at_ms=20, evidence=eased)])
    (card,) = board.overview().cards
    assert (card.what, card.latest) == ("192/124 mmHg", "Eased to high severity: 165/95 mmHg")
    assert card.beside == "Also critical, unanswered: 231/140 mmHg"
    board.take([acknowledgement("1", "3", alert_ids=("a",), at_ms=30)])
    (card,) = board.overview().cards
    assert (card.attention, card.beside) == ("acknowledged", "")


def test_what_matched_less_far_is_not_called_as_severe() -> None:
    board = Board()
    board.take([transition("1"), transition("2", "again", at_ms=10, matched="high")])
    board.take([transition("3", "returned", at_ms=20)])
    (card,) = board.overview().cards
    assert card.beside == ""


def test_of_many_values_as_severe_the_last_are_named_and_the_others_counted() -> None:
    board = Board()
    board.take([transition("1")])
    board.take([transition(f"{number}", "again", at_ms=number) for number in range(2, 13)])
    board.take([transition("13", "returned", at_ms=13)])
    (card,) = board.overview().cards
    assert card.beside.count("192/124 mmHg") == 8
    assert card.beside.endswith(" and 3 more")


def test_a_reading_that_is_another_patient_s_is_shown_no_longer() -> None:
    board = Board()
    wrong, right = "01" * 16, "02" * 16
    board.take([readings("p", wrong, pressure(192, 124), 5), readings("p", right, sugar("106"), 6)])
    gone = WithdrawnReading(wrong, "blood_pressure", 5, "receipt", {})
    assert board.take([Withdrawals("p", 7, "another's", [gone])]).readings
    assert [row.reading_id for row in board.rows()] == [right]
    view = board.patient("p")
    assert view is not None
    assert [row.reading_id for row in view.readings] == [right]
    board.take([readings("q", wrong, pressure(192, 124), 8)])
    assert [(row.patient_id, row.reading_id) for row in board.rows()] == [
        ("q", wrong),
        ("p", right),
    ]


@pytest.mark.parametrize("event", ["returned", "not-confirmed", "confirmed"])
def test_no_repeat_is_awaited_once_it_came(event: Event) -> None:
    board = Board()
    board.take([transition("1", marks=["awaiting-confirmation", "delayed"])])
    assert "A repeat is awaited" in board.overview().cards[0].marks
    board.take([transition("2", event)])
    assert board.overview().cards[0].marks == ["Delayed: call the patient"]
