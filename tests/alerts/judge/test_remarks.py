"""What is odd about a log is counted and said with its first line; what is not, is not."""

from alerts.judge.remarks import Remarks
from schemas.kafka import Tick
from tests.alerts.readings import MINUTE, NOON, pressure, record


def said(*records: object) -> list[str]:
    remarks = Remarks()
    for number, one in enumerate(records, start=1):
        remarks.take(number, one)  # type: ignore[arg-type]
    return remarks.sentences()


def test_of_a_log_in_order_in_which_nothing_comes_twice_nothing_is_said() -> None:
    assert said(record(NOON, [pressure(NOON, 120)]), Tick(NOON + MINUTE)) == []


def test_each_oddity_is_said_once_with_its_first_line_and_how_many_follow() -> None:
    one = record(NOON, [pressure(NOON, 120)])
    (sentence,) = said(one, one, Tick(NOON), one, one)
    assert sentence.startswith("Line 2 and 2 more: a reading_id that its patient had already")
    (sentence,) = said(Tick(NOON), Tick(NOON - 2 * MINUTE))
    assert sentence.startswith("Line 2: received earlier than a line above")
    (sentence,) = said(Tick(1), Tick(2))
    assert sentence.startswith("Line 1 and 1 more: received before the year 2000")


def test_a_name_is_one_patient_s_and_a_second_one_in_one_record_counts_once() -> None:
    one, other = pressure(NOON, 120), pressure(NOON + 1, 121)
    assert said(record(NOON, [one], "p1"), record(NOON, [one], "p2")) == []
    (sentence,) = said(record(NOON, [one, other]), record(NOON, [other, one]))
    assert sentence.startswith("Line 2: a reading_id")
