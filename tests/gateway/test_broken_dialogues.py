"""What a dialogue leaves behind wherever it breaks: the cursor, and which record is the newest."""

from gateway.cursor import Cursor
from gateway.dialogue import Dialogue
from schemas.gatt import racp
from schemas.gatt.racp import CountResponse, Opcode, ResponseCode, ResponseValue

SUCCESS = racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.SUCCESS))


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


def shown(number: int) -> Dialogue:
    """Give one whose meter has shown this as its last record, and is asked for everything."""
    dialogue = Dialogue(None)
    dialogue.start()
    dialogue.answered(racp.encode_response(CountResponse(number)))
    dialogue.record(number, b"%d" % number)
    return dialogue


def test_a_meters_last_record_is_its_newest_as_soon_as_it_has_come() -> None:
    dialogue = shown(3)
    assert dialogue.newest == Cursor.at(3, b"3")
    assert asking(None).newest is None


def test_what_is_measured_meanwhile_is_newer_than_what_was_the_last() -> None:
    dialogue = shown(3)
    dialogue.answered(SUCCESS)
    for number in (1, 2, 3):
        dialogue.record(number, b"%d" % number)
    assert dialogue.newest == Cursor.at(3, b"3")
    dialogue.record(4, b"4")
    dialogue.record(5, b"5")
    assert dialogue.newest == Cursor.at(5, b"5")


def test_old_numbers_behind_the_last_are_not_newer() -> None:
    """As a ring buffer gives them whose meter counts anew: 1, 2, and what is older than these."""
    dialogue = shown(2)
    dialogue.answered(SUCCESS)
    for number in (1, 2, 299, 300):
        dialogue.record(number, b"%d" % number)
    assert dialogue.newest == Cursor.at(2, b"2")
