"""What is odd about a log is counted and said with its first line; what is not, is not."""

from alerts.judge.remarks import Remarks
from schemas.kafka import Tick, Withdrawals, WithdrawnReading
from tests.alerts.readings import MINUTE, NOON, pressure, record

NEW_CENTURY = 946_684_800_000  # 2000-01-01T00:00Z


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
    (sentence,) = said(Tick(NEW_CENTURY - 1), Tick(NEW_CENTURY))
    assert sentence.startswith("Line 1: received before the year 2000")
    (sentence,) = said(Tick(1), Tick(2))
    assert sentence.startswith("Line 1 and 1 more: received before the year 2000")


def test_a_name_is_one_patient_s_and_a_second_one_in_one_record_counts_once() -> None:
    one, other = pressure(NOON, 120), pressure(NOON + 1, 121)
    assert said(record(NOON, [one], "p1"), record(NOON, [one], "p2")) == []
    (sentence,) = said(record(NOON, [one, other]), record(NOON, [other, one]))
    assert sentence.startswith("Line 2: a reading_id")


def test_of_each_patient_the_64_newest_names_are_known() -> None:
    """The engine itself does not know many more: a log may be longer than any memory."""
    first, *later = [pressure(NOON + number, 120) for number in range(65)]
    log = [record(NOON, [one]) for one in (first, *later[:63], first)]
    assert said(*log)[0].startswith("Line 65: a reading_id")
    log = [record(NOON, [one]) for one in (first, *later, first)]
    assert said(*log) == []
    log = [record(NOON, [one]) for one in (first, *later, later[0])]
    assert said(*log)[0].startswith("Line 66: a reading_id")


def test_what_was_withdrawn_may_come_back() -> None:
    one = pressure(NOON, 120)
    gone = WithdrawnReading(one.reading_id, "blood_pressure", NOON, "device-clock", {})
    back = Withdrawals("p1", NOON, "another patient's", [gone])
    assert said(record(NOON, [one]), back, record(NOON, [one])) == []
