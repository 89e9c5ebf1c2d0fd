"""Where a broken dialogue leaves the cursor, beside numbers that are missing."""

from gateway.cursor import Cursor
from gateway.dialogue import Dialogue
from schemas.gatt import racp
from schemas.gatt.racp import Opcode, ResponseCode, ResponseValue


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
