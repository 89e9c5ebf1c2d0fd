"""The dialogue against a meter's memory: whatever happens to either, nothing stays behind."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialogue import (
    ATTEMPTS_MAX,
    Command,
    Cursor,
    Dialogue,
    Finished,
    Outcome,
    Subscribe,
    Write,
)
from schemas.gatt import racp
from schemas.gatt.racp import CountResponse, Opcode, Operator, ResponseCode, ResponseValue
from simulators.peripherals.records import Record, select

SUCCESS = racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.SUCCESS))
NOTHING = racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.NO_RECORDS_FOUND))
ABORTED = racp.encode_response(ResponseCode(Opcode.ABORT, ResponseValue.SUCCESS))
ALL = Write(racp.encode_request(racp.REPORT_ALL))


def asked(number: int) -> Write:
    return Write(racp.encode_request(racp.at_least(number)))


def refusal(value: ResponseValue) -> bytes:
    return racp.encode_response(ResponseCode(Opcode.REPORT_RECORDS, value))


def record(sequence: int, text: str = "") -> Record:
    return Record(sequence, f"{sequence}{text}".encode())


@dataclass
class Visit:
    """What a collector got in one link."""

    received: list[bytes]
    cursor: Cursor | None
    outcome: Outcome | None


def visit(memory: Sequence[Record], cursor: Cursor | None, link_records: int = 10_000) -> Visit:
    """Synchronise over a link that drops after so many records."""
    dialogue = Dialogue(cursor)
    received: list[bytes] = []
    commands: list[Command] = dialogue.start()
    while commands:
        command = commands.pop(0)
        if isinstance(command, Finished):
            return Visit(received, dialogue.reached, command.outcome)
        assert isinstance(command, Write)
        selected = select(racp.decode_request(command.payload), memory)
        assert not isinstance(selected, ResponseValue)
        for stored in selected:
            if len(received) == link_records:
                return Visit(received, dialogue.reached, None)
            received.append(stored.measurement)
            dialogue.record(stored.sequence, stored.measurement)
        commands += dialogue.answered(SUCCESS if selected else NOTHING)
    raise AssertionError("the dialogue waits for ever")


def test_a_meter_never_read_gives_everything() -> None:
    memory = [record(number) for number in range(1, 4)]
    first = visit(memory, None)
    assert first.received == [b"1", b"2", b"3"]
    assert first.outcome is Outcome.COMPLETE
    assert first.cursor == Cursor.at(3, b"3")


def test_a_known_meter_gives_its_last_known_record_and_newer_ones() -> None:
    memory = [record(number) for number in range(1, 6)]
    assert visit(memory, Cursor.at(3, b"3")).received == [b"3", b"4", b"5"]


def test_nothing_stored_is_a_normal_outcome() -> None:
    empty = visit([], None)
    assert (empty.outcome, empty.cursor) == (Outcome.COMPLETE, None)


def test_an_erased_meter_that_counts_anew_beyond_the_cursor_gives_everything() -> None:
    anew = [record(number, "after the battery change") for number in range(1, 6)]
    again = visit(anew, Cursor.at(3, b"3"))
    assert set(again.received) >= {stored.measurement for stored in anew}
    assert again.cursor == Cursor.at(5, anew[-1].measurement)


def test_numbers_that_wrap_lose_nothing() -> None:
    memory = [record(number) for number in (65534, 65535, 0, 1)]
    behind = visit(memory, Cursor.at(65534, b"65534"))
    assert set(behind.received) == {stored.measurement for stored in memory}
    assert behind.cursor == Cursor.at(1, b"1")


class Meter:
    """A memory that patients fill, and that battery changes empty."""

    def __init__(self) -> None:
        self.memory: list[Record] = []
        self.taken = 0
        self.next_sequence = 0

    def take(self) -> None:
        self.taken += 1
        self.memory.append(Record(self.next_sequence, f"measurement {self.taken}".encode()))
        self.next_sequence = (self.next_sequence + 1) % 0x10000

    def erase(self) -> None:
        self.memory.clear()
        self.next_sequence = 0


STEPS = st.lists(
    st.one_of(
        st.integers(1, 6).map(lambda count: ("take", count)),
        st.just(("erase", 0)),
        st.integers(0, 8).map(lambda records: ("visit", records)),
    ),
    max_size=20,
)


@given(start=st.sampled_from([0, 65530]), steps=STEPS)
def test_whatever_is_in_the_meter_at_a_complete_visit_has_been_received(
    start: int, steps: list[tuple[str, int]]
) -> None:
    meter, cursor, received = Meter(), None, set[bytes]()
    meter.next_sequence = start
    for step, number in [*steps, ("visit", 10_000)]:
        match step:
            case "take":
                for _ in range(number):
                    meter.take()
            case "erase":
                meter.erase()
            case _:
                result = visit(meter.memory, cursor, number)
                received.update(result.received)
                cursor = result.cursor
    assert received >= {stored.measurement for stored in meter.memory}


@pytest.mark.parametrize(
    "value",
    [
        ResponseValue.OPERATOR_NOT_SUPPORTED,
        ResponseValue.OPERAND_NOT_SUPPORTED,
        ResponseValue.INVALID_OPERAND,
    ],
)
def test_a_meter_that_knows_only_all_is_asked_for_all(value: ResponseValue) -> None:
    dialogue = Dialogue(Cursor.at(7, b"7"))
    assert dialogue.start() == [asked(7)]
    assert dialogue.answered(refusal(value)) == [ALL]
    assert dialogue.answered(refusal(value)) == [Finished(Outcome.REFUSED)]
    assert dialogue.reached == Cursor.at(7, b"7")


def test_a_procedure_left_running_is_aborted_and_the_request_repeated() -> None:
    for code in (0x80, 0xFE):
        dialogue = Dialogue(None)
        assert dialogue.start() == [ALL]
        assert dialogue.write_failed(code) == [Write(bytes((Opcode.ABORT, Operator.NULL)))]
        dialogue.record(1, b"of the procedure that was running")
        assert dialogue.answered(ABORTED) == [ALL]
        assert dialogue.reached is None


def test_a_meter_that_forgot_the_subscription_is_subscribed_to_again() -> None:
    for code in (0x81, 0xFD):
        dialogue = Dialogue(None)
        dialogue.start()
        assert dialogue.write_failed(code) == [Subscribe(), ALL]


def test_a_meter_without_bond_is_left_at_once() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    assert dialogue.write_failed(0x05) == [Finished(Outcome.NOT_BONDED)]


def test_a_meter_that_refuses_again_and_again_is_left() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    answers = [dialogue.write_failed(0xFD) for _ in range(ATTEMPTS_MAX)]
    assert answers[-1] == [Finished(Outcome.REFUSED)]
    assert dialogue.write_failed(0xFD) == []


def test_a_silent_meter_is_left_and_what_it_gave_in_order_counts() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    dialogue.record(1, b"1")
    dialogue.record(2, b"2")
    assert dialogue.timed_out() == [Finished(Outcome.SILENT)]
    assert (dialogue.reached, dialogue.complete) == (Cursor.at(2, b"2"), False)
    assert dialogue.timed_out() == []


def test_of_a_broken_dialogue_out_of_order_nothing_counts() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    dialogue.record(3, b"3")
    dialogue.record(1, b"1")
    assert dialogue.reached is None


@given(st.binary(max_size=20))
def test_no_answer_breaks_it(payload: bytes) -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    assert all(isinstance(command, Finished) for command in dialogue.answered(payload))


def test_an_answer_to_something_else_is_ignored() -> None:
    dialogue = Dialogue(None)
    dialogue.start()
    assert dialogue.answered(racp.encode_response(CountResponse(3))) == []
    other = ResponseCode(Opcode.DELETE_RECORDS, ResponseValue.SUCCESS)
    assert dialogue.answered(racp.encode_response(other)) == []
    assert not dialogue.complete
