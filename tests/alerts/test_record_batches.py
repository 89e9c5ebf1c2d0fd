"""A batch as kafka-python's producer writes it is read as kafka-python's consumer would."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c

from alerts.log import LogRecord, _Records
from alerts.record_batches import records_in

PLACE = TopicPartition("readings.v1", 3)
AT_MS = 1_790_000_000_000
FORMAT, PLAIN, GZIP = 2, 0, 1
ATTRIBUTES = slice(21, 23)
APPEND_TIME, CONTROL = 8, 32

fields = some.none() | some.sampled_from([b"", b"p1", b"x" * 63, b"x" * 64, b"x" * 8192])
headers = some.sampled_from([[], [("who", b"bridge"), ("none", None)]])
records = some.tuples(some.integers(-(2**40), 2**40), fields, fields, headers)


def batch(*entries: tuple[int, Any, Any, Any], codec: int = PLAIN, first: int = 0) -> bytearray:
    builder = MemoryRecordsBuilder(FORMAT, codec, 1_000_000_000)
    for after_ms, key, value, said in entries:
        builder.append(AT_MS + after_ms, key, value, said)
    builder.close()
    written = bytearray(builder.buffer())
    written[:8] = first.to_bytes(8)
    return written


def read(written: bytes | bytearray, begin: int = 0) -> _Records:
    return _Records(begin, PLACE, MemoryRecords(bytes(written)))


def theirs(written: bytes | bytearray, begin: int = 0) -> list[LogRecord]:
    found = Fetcher.PartitionRecords(begin, PLACE, MemoryRecords(bytes(written)), check_crcs=False)
    return [
        LogRecord(one.topic, one.partition, one.offset, one.key, one.value, one.timestamp)
        for one in found.take()
    ]


@settings(max_examples=30)
@given(
    some.lists(some.lists(records, min_size=1, max_size=4), min_size=1, max_size=3),
    some.sampled_from([PLAIN, GZIP]),
    some.integers(0, 12),
    some.integers(1, 12),
)
def test_is_read_as_by_kafka_python_from_any_offset_in_any_portions(
    batches: list[list[tuple[int, Any, Any, Any]]], codec: int, begin: int, portion: int
) -> None:
    written = b"".join(
        batch(*entries, codec=codec, first=4 * number) for number, entries in enumerate(batches)
    )
    reading, found = read(written, begin), list[LogRecord]()
    while reading.record_iterator is not None:
        found += reading.take(portion)
        assert reading.next_fetch_offset >= max((one.offset + 1 for one in found), default=0)
    assert found == theirs(written, begin)
    assert reading.next_fetch_offset == 4 * (len(batches) - 1) + len(batches[-1])


def test_the_brokers_time_counts_where_it_says_so() -> None:
    written = batch((0, b"a", b"1", []), (7, b"b", b"2", []))
    written[ATTRIBUTES] = APPEND_TIME.to_bytes(2)
    found = read(with_sum(written)).take()
    assert [one.appended_ms for one in found] == [AT_MS + 7, AT_MS + 7]
    assert found == theirs(written)


def test_marks_of_transactions_are_left_out_and_gone_past() -> None:
    mark = batch((0, b"\0\0\0\1", b"\0" * 6, []), first=0)
    mark[ATTRIBUTES] = CONTROL.to_bytes(2)
    reading = read(with_sum(mark) + batch((0, b"a", b"1", []), first=1))
    assert [one.offset for one in reading.take()] == [1]
    alone = read(with_sum(mark))
    assert alone.take() == []
    assert alone.next_fetch_offset == 1


def test_a_batch_whose_sum_is_wrong_is_not_read() -> None:
    written = batch((0, b"a", b"1", []))
    written[-2] ^= 1
    with pytest.raises(CorruptRecordError):
        read(written).take()


def test_a_batch_of_an_older_format_is_not_read() -> None:
    builder = MemoryRecordsBuilder(1, PLAIN, 1_000)
    builder.append(AT_MS, b"a", b"1")
    builder.close()
    with pytest.raises(CorruptRecordError):
        read(builder.buffer()).take()


def test_a_batch_that_holds_fewer_records_than_it_says_is_not_read() -> None:
    written = batch((0, b"a", b"1", []))
    written[57:61] = (2).to_bytes(4)
    with pytest.raises(CorruptRecordError):
        read(with_sum(written)).take()


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (b"\x0c\0\0\0\1\1\0\0", 1),  # a byte behind the last record
        (b"\x0c\0\0\0\1\1", 1),  # ends in the midst
        (b"\x0c\0\0\0\x08\1\0" + b"\x0c\0\0\0\1\1\0", 2),  # a key longer than its record
        (b"\x0a\0\0\0\1\1", 1),  # says nothing of headers
        (b"\x0c\0\0\0\1\1\0", 2),
    ],
)
def test_what_is_no_batch_is_refused(written: bytes, count: int) -> None:
    assert records_in(b"\x0c\0\0\0\1\1\0", 0, 1) == [(0, 0, None, None)]
    with pytest.raises(ValueError, match="record"):
        records_in(written, 0, count)


def with_sum(written: bytearray) -> bytearray:
    written[17:21] = calc_crc32c(memoryview(written)[21:]).to_bytes(4)
    return written
