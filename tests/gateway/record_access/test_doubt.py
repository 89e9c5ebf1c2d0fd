"""What says against a cursor, and what does not; test_dialogue.py has whole dialogues."""

from gateway.record_access.cursor import Cursor, Harvest
from gateway.record_access.doubt import Anew, after_answer, before_asking
from schemas.gatt.racp import ResponseValue


def test_only_the_meters_own_count_can_fall() -> None:
    """What is safe of an incomplete cursor is our count, of another memory's part perhaps."""
    counted, safe = Cursor(9, "d", held=5, complete=True), Cursor(9, "d", held=5)
    assert before_asking(counted, None, 4) is Anew.COUNT_FELL
    assert before_asking(safe, None, 4) is None


def test_a_procedure_that_was_not_completed_says_nothing_about_the_memory() -> None:
    cursor = Cursor(9, "d", held=5, complete=True)
    unfinished = ResponseValue.PROCEDURE_NOT_COMPLETED
    assert after_answer(cursor, 6, Harvest(cursor), unfinished) is None
    assert after_answer(cursor, 6, Harvest(cursor), ResponseValue.SUCCESS) is Anew.NOT_RECOGNISED
