"""What a dialogue leaves behind wherever it breaks: the cursor, and which record is the newest."""

import pytest

from gateway.record_access.cursor import Cursor
from gateway.record_access.dialogue import Dialogue, Finished, Outcome, Write
from gateway.record_access.doubt import Anew
from schemas.gatt import racp
from schemas.gatt.racp import CountResponse, Opcode, ResponseCode, ResponseValue

SUCCESS = racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.SUCCESS))
ALL = Write(racp.encode_request(racp.REPORT_ALL))


def asking(cursor: Cursor | None) -> Dialogue:
    """Give a dialogue that has asked for records of a meter without count and last."""
    dialogue = Dialogue(cursor)
    dialogue.start()
    for opcode in (Opcode.REPORT_COUNT, Opcode.REPORT_RECORDS):
        refused = ResponseCode(opcode, ResponseValue.OPERATOR_NOT_SUPPORTED)
        dialogue.answered(racp.encode_response(refused))
    return dialogue


def at(number: int) -> Cursor:
    """Give the cursor of a complete visit."""
    return Cursor.at(number, b"%d" % number, complete=True)


def test_a_context_that_is_owed_when_the_link_breaks_is_asked_for_once_more() -> None:
    """A meter may send its contexts behind all of its measurements: they come from a number on."""
    broken = asking(at(1))
    for number in (1, 2, 3, 4):
        broken.record(number, b"%d" % number, promises_context=True, again=number == 1)
    assert broken.reached == at(1)
    assert broken.context(2) == []
    assert broken.reached == at(2)


def test_at_its_second_coming_a_record_is_owed_nothing() -> None:
    broken = asking(at(1))
    for number in (1, 2, 3, 4):
        broken.record(number, b"%d" % number, promises_context=True, again=number < 4)
    assert broken.reached == at(3)


def test_what_is_owed_holds_up_a_first_visit_too() -> None:
    broken = asking(None)
    for number in (1, 2):
        broken.record(number, b"%d" % number, promises_context=number == 2)
    assert broken.reached == Cursor.at(1, b"1", held=1)


def test_contexts_finish_nothing_before_the_meter_has_said_that_all_was_given() -> None:
    """One that comes behind its own measurement is no sign of the end; nor is the first of two."""
    dialogue = asking(None)
    for number in (1, 2, 3):
        dialogue.record(number, b"%d" % number, promises_context=True)
        assert dialogue.context(number) == []
    for number in (4, 5):
        dialogue.record(number, b"%d" % number, promises_context=True)
    assert dialogue.answered(SUCCESS) == []
    assert dialogue.context(4) == []
    assert dialogue.context(5) == [Finished(Outcome.COMPLETE)]


@pytest.mark.parametrize("held", [3, None])
def test_a_memory_whose_link_always_breaks_is_read_on_and_on(held: int | None) -> None:
    """How many are safe goes with it, as far as it is known: the count tells then what is not."""
    broken = asking(Cursor.at(3, b"3", held))
    for number in (3, 4, 5):
        broken.record(number, b"%d" % number)
    assert broken.reached == Cursor.at(5, b"5", held=None if held is None else 5)


def counted(cursor: Cursor, count: int, last: int) -> Dialogue:
    """Give one whose meter has counted, shown its last, and is asked for what is newer."""
    dialogue = Dialogue(cursor)
    dialogue.start()
    dialogue.answered(racp.encode_response(CountResponse(count)))
    dialogue.record(last, b"%d" % last)
    assert dialogue.answered(SUCCESS) == [Write(racp.encode_request(racp.at_least(cursor.last)))]
    return dialogue


def test_what_came_in_order_counts_although_all_is_asked_for_and_the_link_breaks_then() -> None:
    """More were counted than came: something older is missing, and what came is no less safe."""
    dialogue = counted(Cursor.at(3, b"3", held=2, complete=True), count=9, last=4)
    for number in (3, 4):
        dialogue.record(number, b"%d" % number)
    assert dialogue.answered(SUCCESS) == [ALL]
    assert dialogue.anew is Anew.MISSING
    assert dialogue.reached == Cursor.at(4, b"4", complete=True)


def test_of_another_memory_nothing_counts_before_all_of_it_came() -> None:
    known = Cursor.at(3, b"3", held=3, complete=True)
    dialogue = counted(known, count=9, last=4)
    dialogue.record(3, b"another")
    dialogue.record(4, b"4")
    assert dialogue.answered(SUCCESS) == [ALL]
    assert dialogue.anew is Anew.NOT_RECOGNISED
    assert dialogue.reached == known


def test_a_meter_that_counts_nothing_has_as_many_safe_as_came() -> None:
    dialogue = asking(Cursor.at(3, b"3", held=3))
    for number in (3, 4, 5):
        dialogue.record(number, b"%d" % number)
    assert dialogue.answered(SUCCESS) == [ALL]  # nobody counted: what is older may be missing
    known = asking(Cursor.at(3, b"3", held=3, complete=True))
    for number in (3, 4, 5):
        known.record(number, b"%d" % number)
    assert known.answered(SUCCESS) == [Finished(Outcome.COMPLETE)]
    assert known.reached == Cursor.at(5, b"5", held=5, complete=True)


def test_an_answer_that_nobody_understands_costs_a_probe_and_ends_a_request() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    assert dialogue.answered(b"\x05") == [Write(racp.encode_request(racp.REPORT_LAST))]
    assert dialogue.answered(b"\x06") == [ALL]
    assert dialogue.answered(b"\x06") == [Finished(Outcome.REFUSED)]


def shown(number: int) -> Dialogue:
    """Give one whose meter has shown this as its last record, and is asked for everything."""
    dialogue = Dialogue(None)
    dialogue.start()
    dialogue.answered(racp.encode_response(CountResponse(number)))
    dialogue.record(number, b"%d" % number)
    return dialogue


def test_a_meters_last_record_is_its_newest_as_soon_as_it_has_come() -> None:
    dialogue = shown(3)
    assert dialogue.gathered.newest == Cursor.at(3, b"3")
    assert asking(None).gathered.newest is None


def test_what_is_measured_meanwhile_is_newer_than_what_was_the_last() -> None:
    dialogue = shown(3)
    dialogue.answered(SUCCESS)
    for number in (1, 2, 3):
        dialogue.record(number, b"%d" % number)
    assert dialogue.gathered.newest == Cursor.at(3, b"3")
    dialogue.record(4, b"4")
    dialogue.record(5, b"5")
    assert dialogue.gathered.newest == Cursor.at(5, b"5")


def test_old_numbers_behind_the_last_are_not_newer() -> None:
    """As a ring buffer gives them whose meter counts anew: 1, 2, and what is older than these."""
    dialogue = shown(2)
    dialogue.answered(SUCCESS)
    for number in (1, 2, 299, 300):
        dialogue.record(number, b"%d" % number)
    assert dialogue.gathered.newest == Cursor.at(2, b"2")
