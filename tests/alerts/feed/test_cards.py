"""What a card says of an alert: since when, why now, and nothing that was not measured."""

import msgspec

from alerts.feed.board import Board
from alerts.feed.cards import Card
from alerts.records import Record
from schemas.alert import Evidence
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
    worse = transition("2", "worsened", at_ms=9)
    assert card_of(transition("1", severity="high", at_ms=5), worse).opened_at_ms == 5


def test_a_silence_has_no_value_and_was_not_measured() -> None:
    """It said `-/-, measured 3 days ago`, and of its end that the same had returned then."""
    nothing = Evidence("", "blood_pressure", 1_000, "receipt", {})
    onset = transition("1", severity="medium", at_ms=9_000, evidence=nothing, cause="not-measured")
    card = card_of(onset)
    assert (card.what, card.measured, card.measured_at_ms) == ("", "silent since", 1_000)
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
