"""What a card says of an alert: since when, why now, and nothing that was not measured."""

import msgspec
import pytest

from alerts.feed.board import Board
from alerts.feed.cards import Card
from alerts.records import Record
from schemas.alert import Action, Event, Evidence, Expired
from schemas.rota import RotaEntry
from tests.alert_records import SEVERE, acknowledgement, transition


def card_of(*records: Record) -> Card:
    board = Board()
    board.take(records)
    (card,) = board.overview().cards
    return card


def test_what_was_confirmed_says_so_also_when_it_came_again() -> None:
    onset = transition("1", marks=["awaiting-confirmation"], reason="one reading: it pages once")
    confirmed = transition("2", "confirmed", reason="no repeat says otherwise")
    card = card_of(onset, confirmed, transition("3", "again"))
    assert card.marks == []
    assert card.reason == "no repeat says otherwise"


def test_a_repeat_beyond_another_limit_is_told_with_its_own_values() -> None:
    """Beside 192/124 the card said why: diastolic 130 is above 120. It was the repeat's."""
    repeat = msgspec.structs.replace(
        SEVERE,
        reading_id="02" * 16,
        quantities={"systolic": "171 mm[Hg]", "diastolic": "130 mm[Hg]"},
    )
    why = "Diastolic 130 mmHg is above 120 mmHg; confirmed by a repeat"
    confirmed = transition("2", "confirmed", evidence=repeat, reason=why)
    card = card_of(transition("1", marks=["awaiting-confirmation"]), confirmed)
    assert card.what == "192/124 mmHg"
    assert card.reason == f"The repeat was 171/130 mmHg: {why}"


def test_what_was_critical_and_eased_says_so_beside_the_value_that_was() -> None:
    """An acknowledged 53 mg/dL, clinically significant, was high and nothing else."""
    eased = transition("2", "eased", "high")
    card = card_of(transition("1"), acknowledgement("1"), eased)
    assert (card.severity, card.marks) == ("high", ["Was critical"])
    assert card_of(transition("1"), acknowledgement("1")).marks == []


def test_an_alert_that_goes_on_says_since_when() -> None:
    assert card_of(transition("1", at_ms=5)).opened_at_ms == 0
    began = transition("1", severity="high", at_ms=5)
    assert card_of(began, transition("2", "worsened", at_ms=60_005)).opened_at_ms == 5
    at_once = transition("2", "worsened", at_ms=60_004)
    assert card_of(began, at_once).opened_at_ms == 0, "the headline's minute says it"


def test_a_severity_beside_a_low_value_is_not_read_as_a_high_value() -> None:
    low = msgspec.structs.replace(SEVERE, quantities={"glucose": "72 mg/dL"}, vital="glucose")
    eased = transition("2", "eased", "high", evidence=low)
    assert card_of(transition("1"), eased).latest == "Eased to high severity: 72 mg/dL"
    again = [transition(f"{number}", "again", "high", evidence=low) for number in (2, 3)]
    card = card_of(transition("1", severity="high"), *again)
    assert card.beside == "Also high severity, unanswered: 72 mg/dL"


def test_a_silence_has_no_value_and_was_not_measured() -> None:
    """It said `-/-, measured 3 days ago`, and of its end that the same had returned then."""
    nothing = Evidence("", "blood_pressure", 1_000, "receipt", {})
    onset = transition("1", severity="medium", at_ms=9_000, evidence=nothing, cause="not-measured")
    card = card_of(onset)
    assert (card.what, card.measured, card.measured_at_ms) == ("", "silence began", 1_000)
    assert (card.time_note, card.charted, card.chart) == ("", False, "")
    over = msgspec.structs.replace(onset, event_id="2", event="returned", at_ms=20_000)
    card = card_of(onset, msgspec.structs.replace(over, reason="The patient has measured again"))
    assert card.latest == "Returned: The patient has measured again"
    assert card.latest_at_ms == 20_000


def test_the_clinics_zone_is_the_one_that_all_rotas_name() -> None:
    board = Board()
    assert board.zone == ""
    board.take([RotaEntry("day", zone="Europe/Berlin"), RotaEntry("night", zone="Europe/Berlin")])
    assert board.zone == "Europe/Berlin"
    board.take([RotaEntry("other", zone="America/New_York")])
    assert board.zone == ""


def test_what_was_taken_back_says_by_whom_and_whose_answer_it_was() -> None:
    given = acknowledgement("1", at_ms=7)
    undone = msgspec.structs.replace(
        given, action_id="y", kind="undo", who="Berta", at_ms=9, answers="x"
    )
    card = card_of(transition("1"), given, undone)
    assert (card.attention, card.answered_by) == ("unacknowledged", "")
    assert (card.withdrawn, card.withdrawn_answer_ms) == ("Acknowledged by Anna", 7)
    assert (card.withdrawn_by, card.withdrawn_at_ms) == ("taken back by Berta", 9)
    again = msgspec.structs.replace(given, action_id="z", who="Carl", at_ms=11)
    card = card_of(transition("1"), given, undone, again)
    assert (card.answered_by, card.withdrawn_by) == ("Carl", "taken back by Berta")


def test_of_two_who_take_back_one_answer_the_card_names_who_did_it() -> None:
    given = acknowledgement("1", at_ms=7)
    first, second = (
        msgspec.structs.replace(
            given, action_id=who, kind="undo", who=who, at_ms=at_ms, answers="x"
        )
        for who, at_ms in (("Berta", 9), ("Anton", 10))
    )
    card = card_of(transition("1"), second, given, first)
    assert (card.withdrawn_by, card.withdrawn_at_ms) == ("taken back by Berta", 9)
    other = acknowledgement("1", action_id="other", at_ms=11, who="Carl")
    gone = msgspec.structs.replace(first, action_id="gone", at_ms=12, answers="other")
    card = card_of(transition("1"), given, first, other, gone)
    assert (card.withdrawn, card.withdrawn_at_ms) == ("Acknowledged by Carl", 12)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no-outcome", "ran out without an outcome"),
        ("no-reading", "ran out: no outcome, and no reading came"),
    ],
)
def test_an_acknowledgement_that_ran_out_says_why(reason: Expired, said: str) -> None:
    over = Action("y", ["a"], "expire", "desk", 9, "p", answers="x", reason=reason)
    card = card_of(transition("1"), acknowledgement("1", at_ms=7), over)
    assert (card.withdrawn, card.withdrawn_by) == ("Acknowledged by Anna", said)


def test_a_shelf_that_ended_says_whose_it_was_and_why() -> None:
    shelf = Action(
        "x", ["a"], "shelve", "Anna", 7, "p", note="in hospital", event_ids=["1"], until_ms=8
    )
    over = Action("y", ["a"], "expire", "desk", 9, "p", answers="x", reason="shelf-ended")
    card = card_of(transition("1"), shelf, over)
    assert card.withdrawn == "Shelved by Anna: in hospital"
    assert (card.withdrawn_by, card.withdrawn_at_ms) == ("that time was over", 9)
    assert card_of(transition("1"), shelf).withdrawn == ""


@pytest.mark.parametrize(
    ("event", "advised"), [("returned", True), ("retracted", False), ("not-confirmed", False)]
)
def test_because_of_what_never_was_nobody_is_told_to_call_a_patient(
    event: Event, *, advised: bool
) -> None:
    card = card_of(transition("1"), transition("2", event))
    assert ("Call the patient now" in card.advice) == advised
