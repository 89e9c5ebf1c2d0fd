"""What the engine says of an alert: each kind of event has its place, and older readers go on."""

from typing import get_args

import msgspec

from schemas.alert import ENDING, TRANSITION_DECODER, WORK_LIST, Event, Transition
from schemas.kafka import READINGS_DECODER, Withdrawals, WithdrawnReading
from schemas.reading import Quantity
from tests.alert_records import transition


def test_what_ends_an_alert_is_no_item_of_the_work_list() -> None:
    assert set(get_args(Event)) >= ENDING | WORK_LIST
    assert not ENDING & WORK_LIST


def test_an_explanation_that_is_not_given_does_not_travel() -> None:
    record = msgspec.to_builtins(transition("1"))
    assert not {"limits", "window", "held_before", "subject", "notify"} & set(record)
    assert TRANSITION_DECODER.decode(msgspec.json.encode(record)) == transition("1")


def test_a_reader_of_an_earlier_release_ignores_what_it_does_not_know() -> None:
    class Earlier(msgspec.Struct):
        event_id: str
        reason: str

    explained = transition("1", notify=False, held_before=["adult-standard/bp-severe"])
    found = msgspec.json.decode(msgspec.json.encode(explained), type=Earlier)
    assert (found.event_id, found.reason) == ("1", explained.reason)
    assert isinstance(explained, Transition)


def test_a_withdrawal_is_a_record_of_readings() -> None:
    values = {"glucose": Quantity("mg/dL", "50")}
    reading = WithdrawnReading("00" * 16, "glucose", 7, "device-clock", values)
    record = Withdrawals("p-1", 9, "the meter was Kim's since Monday", [reading])
    assert READINGS_DECODER.decode(msgspec.json.encode(record)) == record
