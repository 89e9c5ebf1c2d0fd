"""What a request selects from a meter's memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gatt import racp
from schemas.gatt.racp import FilterType, Opcode, Operator, Request, ResponseValue
from simulators.peripherals.records import MEMORY_RECORDS, RecordStore, select

SEQUENCES = st.integers(0, 0xFFFF)


def filled(first_sequence: int, count: int) -> RecordStore:
    store = RecordStore(first_sequence)
    for number in range(count):
        store.add(number.to_bytes(2), None)
    return store


STORES = st.builds(filled, SEQUENCES, st.integers(0, 30))


def sequences(request: Request, store: RecordStore) -> list[int]:
    selected = select(request, store.all())
    assert not isinstance(selected, ResponseValue)
    return [record.sequence for record in selected]


def test_numbers_wrap_and_the_order_stays_that_of_measuring() -> None:
    store = filled(65_534, 4)
    assert sequences(racp.REPORT_ALL, store) == [65_534, 65_535, 0, 1]
    assert sequences(racp.REPORT_LAST, store) == [1]
    assert sequences(racp.at_least(65_535), store) == [65_535]


def test_a_full_memory_overwrites_the_oldest() -> None:
    store = filled(0, MEMORY_RECORDS + 1)
    assert sequences(racp.REPORT_FIRST, store) == [1]
    assert len(store.all()) == MEMORY_RECORDS


@given(STORES, SEQUENCES, SEQUENCES)
def test_a_filter_selects_what_it_says(store: RecordStore, low: int, high: int) -> None:
    every = sequences(racp.REPORT_ALL, store)
    assert sequences(racp.at_least(low), store) == [n for n in every if n >= low]
    assert sequences(racp.at_most(high), store) == [n for n in every if n <= high]
    if low <= high:
        assert sequences(racp.between(low, high), store) == [n for n in every if low <= n <= high]


@given(STORES, st.sampled_from([racp.REPORT_ALL, racp.REPORT_FIRST, racp.REPORT_LAST]))
def test_a_count_counts_what_a_report_reports(store: RecordStore, report: Request) -> None:
    count = Request(Opcode.REPORT_COUNT, report.operator)
    assert select(count, store.all()) == select(report, store.all())


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("0201", ResponseValue.OPCODE_NOT_SUPPORTED),  # delete all
        ("6301", ResponseValue.OPCODE_NOT_SUPPORTED),
        ("0100", ResponseValue.INVALID_OPERATOR),
        ("0163", ResponseValue.OPERATOR_NOT_SUPPORTED),
        ("010101", ResponseValue.INVALID_OPERAND),  # all, with an operand
        ("0103", ResponseValue.INVALID_OPERAND),  # at least what?
        ("010301FF", ResponseValue.INVALID_OPERAND),  # half a number
        ("01040105000300", ResponseValue.INVALID_OPERAND),  # from 5 to 3
        ("010304FFFF", ResponseValue.OPERAND_NOT_SUPPORTED),  # Omron's own filter
    ],
)
def test_a_request_that_makes_no_sense_is_answered(payload: str, expected: ResponseValue) -> None:
    request = racp.decode_request(bytes.fromhex(payload))
    assert select(request, filled(1, 3).all()) is expected


def test_filtering_by_time_is_not_supported() -> None:
    request = Request(
        Opcode.REPORT_RECORDS, Operator.AT_LEAST, bytes([FilterType.USER_FACING_TIME]) + bytes(7)
    )
    assert select(request, filled(1, 3).all()) is ResponseValue.OPERAND_NOT_SUPPORTED
