"""What was fetched is given as kafka-python itself would give it: whatever came, however taken."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.util import calc_crc32c

from alerts.fetched import give_records
from alerts.log import LogRecord
from alerts.record_batch import entries

PLACE = TopicPartition("numbers", 3)
HEADER_BYTES, COUNT_PLACE = 61, 57
PLAIN, GZIP = 0, 1
STAMPED_BY_BROKER, OF_TRANSACTIONS, CONTROL = 0x08, 0x10, 0x20

OCTETS = st.none() | st.binary(max_size=10) | st.binary(min_size=60, max_size=200)
HEADERS = st.lists(st.tuples(st.text(max_size=3), OCTETS), max_size=2)
TIMES = st.integers(0, 2**42)
RECORDS = st.lists(st.tuples(st.integers(1, 300), TIMES, OCTETS, OCTETS, HEADERS), min_size=1)
"""How much further on each is, its time, key, value and headers."""
BATCHES = st.lists(
    st.tuples(RECORDS, st.sampled_from([PLAIN, GZIP]), st.sampled_from([0, STAMPED_BY_BROKER])),
    max_size=4,
)


def batch(base: int, records: list[Any], codec: int = PLAIN, attributes: int = 0) -> bytes:
    """Make a batch whose first record is at an offset."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    offset = 0
    for further, at_ms, key, value, headers in records:
        offset += further
        assert builder.append(offset, at_ms, key, value, headers)
    return stamped(bytes(builder.build()), base, attributes)


def stamped(built: bytes, base: int, attributes: int) -> bytes:
    """Let a batch be what a broker makes of it, with its checksum."""
    whole = bytearray(built)
    whole[:8] = base.to_bytes(8, "big")
    whole[22] |= attributes
    whole[17:21] = calc_crc32c(memoryview(whole)[21:]).to_bytes(4, "big")
    return bytes(whole)


def ours(fetched: bytes, offset: int = 0) -> Any:  # noqa: ANN401  (no types)
    consumer = SimpleNamespace(_fetcher=SimpleNamespace())
    give_records(consumer, LogRecord)
    return consumer._fetcher.PartitionRecords(offset, PLACE, MemoryRecords(fetched))


def theirs(fetched: bytes, offset: int = 0) -> Any:  # noqa: ANN401  (no types)
    return Fetcher.PartitionRecords(offset, PLACE, MemoryRecords(fetched))


def laid_out(batches: list[Any]) -> bytes:
    whole, base = b"", 0
    for records, codec, attributes in batches:
        whole += batch(base, records, codec, attributes)
        base += sum(further for further, *_ in records) + 1
    return whole


def as_records(given: list[Any]) -> list[LogRecord]:
    return [
        LogRecord(one.topic, one.partition, one.offset, one.key, one.value, one.timestamp)
        for one in given
    ]


@given(batches=BATCHES, offset=st.integers(0, 400), at_once=st.integers(1, 7))
def test_the_same_records_are_given_and_the_same_is_asked_for_next(
    batches: list[Any], offset: int, at_once: int
) -> None:
    fetched = laid_out(batches)
    mine, their = ours(fetched, offset), theirs(fetched, offset)
    while their:
        assert mine.take(at_once) == as_records(their.take(at_once))
        assert mine.next_fetch_offset == their.next_fetch_offset
        assert mine.leader_epoch == their.leader_epoch
    assert not mine


def test_what_transactions_leave_in_the_log_is_passed_over() -> None:
    records: list[Any] = [(1, 5, b"key", b"value", [])]
    marker = batch(10, [(0, 5, b"\0\0\0\1", b"\0" * 6, [])], PLAIN, OF_TRANSACTIONS | CONTROL)
    mine = ours(batch(0, records) + marker + batch(11, records))
    assert [one.offset for one in mine.take()] == [1, 12]
    mine = ours(marker)
    assert mine.take() == []
    assert mine.next_fetch_offset == 11


def test_a_batch_that_lost_its_last_record_to_compaction_is_not_asked_for_again() -> None:
    whole = bytearray(batch(20, [(0, 5, b"key", b"value", [])]))
    whole[23:27] = (4).to_bytes(4, "big")
    mine = ours(stamped(bytes(whole), 20, 0))
    assert [one.offset for one in mine.take()] == [20]
    assert not mine
    assert mine.next_fetch_offset == 25


@given(place=st.integers(21, 200), bit=st.integers(0, 7))
def test_no_record_is_given_of_a_batch_that_is_not_whole(place: int, bit: int) -> None:
    good = batch(0, [(1, 5, b"key", b"good", [])])
    bad = bytearray(batch(2, [(0, 5, b"key", bytes(90), []), (1, 5, b"key", bytes(90), [])]))
    bad[place] ^= 1 << bit
    mine = ours(good + bytes(bad))
    assert [one.value for one in mine.take()] == [b"good"]
    with pytest.raises(CorruptRecordError):
        mine.take()


def test_a_batch_that_says_more_than_it_has_is_refused_though_its_checksum_is_right() -> None:
    whole = bytearray(batch(0, [(0, 5, b"key", b"value", [])]))
    whole[COUNT_PLACE : COUNT_PLACE + 4] = (2).to_bytes(4, "big")
    mine = ours(stamped(bytes(whole), 0, 0))
    assert len(mine.take()) == 1
    with pytest.raises(CorruptRecordError):
        mine.take()


@given(body=st.binary(max_size=60), count=st.integers(0, 5))
def test_what_is_no_batch_is_refused_and_nothing_beyond_its_end_is_read(
    body: bytes, count: int
) -> None:
    try:
        found = list(entries(body, count))
    except (ValueError, IndexError):
        return
    assert len(found) == count
    assert sum(len(key or b"") + len(value or b"") for _, _, key, value in found) <= len(body)


def test_a_record_that_is_cut_short_is_refused_at_every_place() -> None:
    body = batch(0, [(0, 300, b"key", b"value", [("name", b"text")])])[HEADER_BYTES:]
    assert list(entries(body, 1)) == [(0, 0, b"key", b"value")]
    for ends in range(len(body)):
        with pytest.raises((ValueError, IndexError)):
            list(entries(body[:ends], 1))


def test_records_of_one_batch_may_go_back_in_time() -> None:
    times = [1_000, 999, 70_000, 0]
    fetched = batch(0, [(1, at_ms, None, b"", []) for at_ms in times])
    given_ = ours(fetched).take()
    assert [one.appended_ms for one in given_] == times
    assert all(later.offset == one.offset + 1 for one, later in pairwise(given_))


def test_a_batch_of_a_kafka_of_long_ago_is_refused() -> None:
    builder = LegacyRecordBatchBuilder(1, 0, 1 << 20)
    builder.append(0, 5, b"key", b"value")
    with pytest.raises(CorruptRecordError, match="format 1"):
        ours(bytes(builder.build())).take()
