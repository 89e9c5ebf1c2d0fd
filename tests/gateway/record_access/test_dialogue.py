"""The dialogue against a meter's memory: whatever happens to either, nothing stays behind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway.record_access.cursor import NOWHERE, Cursor
from gateway.record_access.dialogue import (
    ATTEMPTS_MAX,
    CONTEXT_TIMEOUT_S,
    PROBE_TIMEOUT_S,
    PROCEDURE_TIMEOUT_S,
    Command,
    Dialogue,
    Finished,
    Outcome,
    Subscribe,
    Write,
)
from gateway.record_access.doubt import Anew
from schemas.gatt import racp
from schemas.gatt.racp import CountResponse, FilterType, Opcode, ResponseCode, ResponseValue
from simulators.peripherals.records import Record, select

SUCCESS = racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.SUCCESS))
NOTHING = racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.NO_RECORDS_FOUND))
ABORTED = racp.encode_response(ResponseCode(Opcode.ABORT, ResponseValue.SUCCESS))
COUNT = Write(racp.encode_request(racp.COUNT_ALL))
LAST = Write(racp.encode_request(racp.REPORT_LAST))
ALL = Write(racp.encode_request(racp.REPORT_ALL))
ABORT = Write(racp.encode_request(racp.ABORT))


def asked(number: int) -> Write:
    return Write(racp.encode_request(racp.at_least(number)))


def refusal(value: ResponseValue) -> bytes:
    return racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, value))


def record(sequence: int, text: str = "") -> Record:
    return Record(sequence, f"{sequence}{text}".encode())


@dataclass
class Visit:
    """What a collector got in one link, and what it asked for."""

    received: list[bytes]
    cursor: Cursor | None
    outcome: Outcome | None
    asked: list[bytes]
    anew: Anew | None


def visit(
    memory: Sequence[Record],
    cursor: Cursor | None,
    link_records: int = 10_000,
    refused: frozenset[racp.Request] = frozenset(),
) -> Visit:
    """Synchronise over a link that drops after so many records."""
    dialogue = Dialogue(cursor)
    received: list[bytes] = []
    asked: list[bytes] = []

    def result(outcome: Outcome | None) -> Visit:
        return Visit(received, dialogue.reached, outcome, asked, dialogue.anew)

    commands: list[Command] = dialogue.start()
    while commands:
        command = commands.pop(0)
        if isinstance(command, Finished):
            return result(command.outcome)
        assert isinstance(command, Write)
        asked.append(command.payload)
        request = racp.decode_request(command.payload)
        if request in refused:
            unknown = ResponseCode(request.opcode, ResponseValue.OPCODE_NOT_SUPPORTED)
            commands += dialogue.answered(racp.encode_response(unknown))
            continue
        selected = select(request, memory)
        assert not isinstance(selected, ResponseValue)
        if request.opcode is Opcode.REPORT_COUNT:
            commands += dialogue.answered(racp.encode_response(CountResponse(len(selected))))
            continue
        for stored in selected:
            if len(received) == link_records:
                return result(None)
            received.append(stored.measurement)
            dialogue.record(stored.sequence, stored.measurement)
        commands += dialogue.answered(SUCCESS if selected else NOTHING)
    raise AssertionError("the dialogue waits for ever")


def asking(cursor: Cursor | None) -> Dialogue:
    """Give a dialogue that has asked for records of a meter without count and last."""
    dialogue = Dialogue(cursor)
    assert dialogue.start() == [COUNT]
    unknown = ResponseCode(Opcode.REPORT_COUNT, ResponseValue.OPCODE_NOT_SUPPORTED)
    assert dialogue.answered(racp.encode_response(unknown)) == [LAST]
    expected = ALL if cursor is None else asked(cursor.last)
    assert dialogue.answered(refusal(ResponseValue.OPERATOR_NOT_SUPPORTED)) == [expected]
    return dialogue


def at(number: int, held: int | None = None, text: str = "") -> Cursor:
    """Give the cursor of a complete visit."""
    return Cursor.at(number, record(number, text).measurement, held, complete=True)


def test_a_meter_never_read_gives_its_last_record_and_then_everything() -> None:
    memory = [record(number) for number in range(1, 4)]
    first = visit(memory, None)
    assert first.received == [b"3", b"1", b"2", b"3"]
    assert first.asked == [COUNT.payload, LAST.payload, ALL.payload]
    assert first.outcome is Outcome.COMPLETE
    assert first.cursor == at(3, held=3)


def test_a_known_meter_gives_its_last_known_record_and_newer_ones() -> None:
    memory = [record(number) for number in range(1, 6)]
    known = visit(memory, at(3, held=3))
    assert known.received == [b"5", b"3", b"4", b"5"]
    assert (known.cursor, known.anew) == (at(5, held=5), None)


def test_nothing_stored_is_a_normal_outcome() -> None:
    empty = visit([], None)
    assert (empty.outcome, empty.cursor) == (Outcome.COMPLETE, None)
    assert empty.asked == [COUNT.payload, ALL.payload]


def test_an_erased_meter_that_counts_anew_behind_the_cursor_gives_everything() -> None:
    """The trap: "newer than 40" would be answered with "no records"."""
    anew = [record(number, "after the battery change") for number in range(1, 6)]
    again = visit(anew, at(40, held=40))
    assert set(again.received) >= {stored.measurement for stored in anew}
    assert again.anew is Anew.LAST_FELL
    assert again.anew.new_epoch
    assert again.cursor == at(5, 5, "after the battery change")


def test_an_erased_meter_that_counts_anew_beyond_the_cursor_gives_everything() -> None:
    anew = [record(number, "after the battery change") for number in range(1, 6)]
    for held in (None, 3):
        again = visit(anew, at(3, held))
        assert set(again.received) >= {stored.measurement for stored in anew}
        assert again.anew is Anew.NOT_RECOGNISED


def test_another_record_under_the_last_known_number_is_another_memory() -> None:
    anew = [record(number, "of another meter") for number in range(1, 4)]
    assert visit(anew, at(3, held=3)).anew is Anew.LAST_DIFFERS


def test_a_count_that_fell_is_another_memory() -> None:
    assert visit([record(3)], at(3, held=3)).anew is Anew.COUNT_FELL


def test_a_full_memory_that_overwrites_its_oldest_is_still_the_same() -> None:
    memory = [record(number) for number in range(6, 16)]
    full = visit(memory, at(12, held=10))
    assert (full.anew, full.outcome) == (None, Outcome.COMPLETE)
    assert full.received == [b"15", b"12", b"13", b"14", b"15"]


def test_more_records_than_the_newer_ones_explain_are_asked_for() -> None:
    memory = [record(number) for number in (1, 2, 3)]
    restored = Cursor.at(3, b"3", held=1)
    again = visit(memory, restored)
    assert again.anew is Anew.MISSING
    assert set(again.received) == {b"1", b"2", b"3"}
    assert again.cursor == at(3, held=3)


def test_numbers_that_wrap_lose_nothing() -> None:
    memory = [record(number) for number in (65534, 65535, 0, 1)]
    behind = visit(memory, at(65534, held=1))
    assert set(behind.received) == {stored.measurement for stored in memory}
    assert behind.cursor == at(1, held=4)
    at_the_end = visit([*memory, record(2)], at(65535, held=2))
    assert (at_the_end.anew, at_the_end.cursor) == (Anew.NUMBERS_END, at(2, held=5))


def test_a_wrap_in_the_middle_of_an_increment_without_count_and_last() -> None:
    memory = [record(number) for number in (65533, 65534, 65535, 0)]
    simple = frozenset({racp.COUNT_ALL, racp.REPORT_LAST})
    behind = visit(memory, at(65534), refused=simple)
    assert behind.received[-4:] == [b"65533", b"65534", b"65535", b"0"]
    assert behind.anew is Anew.NUMBERS_END
    assert behind.cursor == NOWHERE
    assert visit(memory, behind.cursor, refused=simple).anew is Anew.NUMBERS_END


@pytest.mark.parametrize(
    "count", [b"\x05\x00\x02", b"\x05\x00\x02\x00", b"\x05\x00\x02\x00\x00\x00"]
)
def test_counts_of_one_two_and_four_bytes(count: bytes) -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    assert dialogue.answered(count) == [LAST]
    assert dialogue.answered(SUCCESS) == [ALL]
    for number in (1, 2):
        dialogue.record(number, b"%d" % number)
    assert dialogue.answered(SUCCESS) == [Finished(Outcome.COMPLETE)]
    assert dialogue.reached == at(2, held=2)


def test_omrons_own_filter_type() -> None:
    dialogue = Dialogue(at(0xFF, held=9), FilterType.OMRON_SEQUENCE)
    dialogue.start()
    dialogue.answered(racp.encode_response(CountResponse(9)))
    assert dialogue.answered(SUCCESS) == [Write(bytes.fromhex("010304ff00"))]


def test_fewer_records_than_counted_are_asked_for_once_more() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    dialogue.answered(racp.encode_response(CountResponse(3)))
    dialogue.record(3, b"3")
    assert dialogue.answered(SUCCESS) == [ALL]
    dialogue.record(1, b"1")
    dialogue.record(3, b"3")
    assert dialogue.answered(SUCCESS) == [ALL]  # a notification was lost
    dialogue.record(1, b"1")
    dialogue.record(3, b"3")
    assert dialogue.answered(SUCCESS) == [Finished(Outcome.COMPLETE)]  # the meter counts otherwise


@pytest.mark.parametrize(
    "value",
    [
        ResponseValue.OPERATOR_NOT_SUPPORTED,
        ResponseValue.OPERAND_NOT_SUPPORTED,
        ResponseValue.INVALID_OPERAND,
    ],
)
def test_a_meter_that_knows_only_all_is_asked_for_all(value: ResponseValue) -> None:
    dialogue = asking(at(7))
    assert dialogue.answered(refusal(value)) == [ALL]
    assert dialogue.answered(refusal(value)) == [Finished(Outcome.REFUSED)]


def test_a_meter_that_refuses_every_probe_with_an_att_error_is_read() -> None:
    dialogue = Dialogue(at(7))
    assert dialogue.start() == [COUNT]
    assert dialogue.write_failed(0xFC) == [LAST]
    assert dialogue.write_failed(0xFF) == [asked(7)]
    assert dialogue.write_failed(0x0D) == [ALL]
    assert dialogue.write_failed(0xFC) == [Finished(Outcome.REFUSED)]


def test_a_meter_that_does_not_answer_a_probe_is_interrupted_and_read() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    assert dialogue.patience_s == PROBE_TIMEOUT_S
    assert dialogue.timed_out() == [ABORT]
    assert dialogue.answered(ABORTED) == [ALL]
    assert dialogue.patience_s == PROCEDURE_TIMEOUT_S
    dialogue.record(1, b"1")
    assert dialogue.answered(SUCCESS) == [Finished(Outcome.COMPLETE)]
    assert dialogue.reached == at(1, held=1)


def test_what_a_meter_says_that_answers_nothing_in_time_proves_nothing() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    dialogue.answered(racp.encode_response(ResponseCode(Opcode.REPORT_COUNT, ResponseValue(2))))
    assert dialogue.timed_out() == [ABORT]
    assert dialogue.timed_out() == [ALL]
    dialogue.record(9, b"9")  # late: of the request for the last one
    assert dialogue.answered(SUCCESS) == [Finished(Outcome.COMPLETE)]
    assert dialogue.reached == Cursor.at(9, b"9")
    again = asking(dialogue.reached)
    again.record(9, b"9")
    assert again.answered(SUCCESS) == [ALL]
    assert again.anew is Anew.UNPROVEN


def test_a_procedure_left_running_is_aborted_and_the_request_repeated() -> None:
    for code in (0x80, 0xFE):
        dialogue = Dialogue(None)
        dialogue.start()
        assert dialogue.write_failed(code) == [ABORT]
        dialogue.record(1, b"of the procedure that was running")
        assert dialogue.answered(ABORTED) == [COUNT]
        assert dialogue.answered(racp.encode_response(CountResponse(1))) == [LAST]
        assert dialogue.reached is None


def test_a_meter_that_forgot_the_subscription_is_subscribed_to_again() -> None:
    for code in (0x81, 0xFD):
        dialogue = Dialogue(None)
        dialogue.start()
        assert dialogue.write_failed(code) == [Subscribe(), COUNT]


def test_a_meter_without_bond_is_left_at_once() -> None:
    for code in (0x05, 0x08, 0x0C, 0x0F):
        dialogue = Dialogue(None)
        dialogue.start()
        assert dialogue.write_failed(code) == [Finished(Outcome.NOT_BONDED)]


@pytest.mark.parametrize("code", [0x80, 0xFD])
def test_a_meter_that_refuses_again_and_again_is_left(code: int) -> None:
    dialogue = asking(None)
    answers = []
    for _ in range(2 * ATTEMPTS_MAX):
        answers += dialogue.write_failed(code)
        answers += dialogue.answered(ABORTED) if answers[-1:] == [ABORT] else []
    assert answers[-1] == Finished(Outcome.REFUSED)
    assert dialogue.write_failed(code) == []


def test_a_silent_meter_is_left_and_what_it_gave_in_order_counts() -> None:
    dialogue = asking(None)
    dialogue.record(1, b"1")
    dialogue.record(2, b"2")
    assert dialogue.timed_out() == [Finished(Outcome.SILENT)]
    assert (dialogue.reached, dialogue.complete) == (Cursor.at(2, b"2", held=2), False)
    assert dialogue.timed_out() == []


def test_after_a_drop_it_goes_on_from_the_last_unbroken_number() -> None:
    memory = [record(number) for number in (1, 2, 3, 5, 6, 7)]
    first = visit(memory, None, link_records=6)  # the last one, then 1, 2, 3, 5, 6
    assert first.cursor == Cursor.at(3, b"3", held=3)
    again = visit(memory, first.cursor)
    assert again.received == [b"7", b"3", b"5", b"6", b"7"]
    assert (again.anew, again.cursor) == (None, at(7, held=6))
    known = visit(memory, at(5, held=4), link_records=3)
    assert known.cursor == at(6)


@pytest.mark.parametrize("sent", [[3, 1], [3], [9, 8], [5, 3, 6], []])
def test_of_a_broken_dialogue_out_of_order_nothing_counts(sent: list[int]) -> None:
    dialogue = asking(None)
    for number in sent:
        dialogue.record(number, b"%d" % number)
    assert dialogue.reached is None


def test_a_meter_that_gives_its_newest_first_is_known_by_its_newest() -> None:
    dialogue = asking(None)
    for number in (3, 2, 1):
        dialogue.record(number, b"%d" % number)
    dialogue.answered(SUCCESS)
    assert dialogue.reached == at(3, held=3)


def test_a_late_context_is_awaited_and_one_that_never_comes_is_not() -> None:
    dialogue = asking(None)
    for number in (1, 2):
        dialogue.record(number, b"%d" % number, promises_context=True)
    assert dialogue.context(1) == []
    assert dialogue.answered(SUCCESS) == []
    assert (dialogue.patience_s, dialogue.complete) == (CONTEXT_TIMEOUT_S, False)
    assert dialogue.context(2) == [Finished(Outcome.COMPLETE)]
    broken = asking(None)
    broken.record(1, b"1", promises_context=True)
    assert broken.answered(SUCCESS) == []
    assert broken.timed_out() == [Finished(Outcome.COMPLETE)]


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_no_answer_breaks_it_and_nothing_is_ever_deleted(payloads: list[bytes]) -> None:
    dialogue = Dialogue(at(3))
    commands = dialogue.start()
    for payload in payloads:
        commands += dialogue.answered(payload)
    for command in commands:
        assert not isinstance(command, Write) or command.payload[0] != Opcode.DELETE_RECORDS


def test_an_answer_to_something_else_is_ignored() -> None:
    dialogue = asking(None)
    assert dialogue.answered(racp.encode_response(CountResponse(3))) == []
    other = ResponseCode(Opcode.DELETE_RECORDS, ResponseValue.SUCCESS)
    assert dialogue.answered(racp.encode_response(other)) == []
    assert not dialogue.complete


def test_only_the_dialogue_writes_to_a_meter_and_no_source_names_deletion() -> None:
    writers = set[str]()
    for source in Path(gateway.__file__).parent.rglob("*.py"):
        text = source.read_text("utf-8")
        assert "DELETE_RECORDS" not in text, source
        if re.search(r"\.write\(\s*uuids\.RECORD_ACCESS_CONTROL_POINT", text):
            writers.add(source.name)
    assert writers == {"meter.py"}
