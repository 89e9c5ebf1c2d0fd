"""What a consumer has fetched becomes records at once: kafka-python goes a longer way.

It makes of each record one object, then another one of thirteen fields, and looks at each byte of
its numbers in a function of its own: five to seven microseconds a record, where this takes one or
two. Everything else stays kafka-python's: what is fetched and when, checksums, compression.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch

from alerts.record_batch import entries

_Record = TypeVar("_Record")
Make: TypeAlias = Callable[[str, int, int, bytes | None, bytes | None, int], _Record]
"""Of topic, partition, offset, key, value and time."""

_MAGIC = 2


def give_records(consumer: KafkaConsumer, make: Make[_Record]) -> None:
    """Let a consumer's ``poll`` give lists of what ``make`` makes, by partition."""
    consumer._fetcher.PartitionRecords = partial(_Fetched, make=make)  # noqa: SLF001  (nothing public)


class _Fetched(Fetcher.PartitionRecords, Generic[_Record]):  # type: ignore[misc]  # no types
    """What was fetched of one partition and not given yet."""

    def __init__(self, *given: Any, make: Make[_Record], **named: Any) -> None:  # noqa: ANN401
        self._make = make
        super().__init__(*given, **named)

    def _unpack_records(
        self, place: TopicPartition, fetched: MemoryRecords, *_deserializers: object
    ) -> Iterator[_Record]:
        """Give record by record; ``next_fetch_offset`` is always that behind the last one."""
        make, topic, partition = self._make, place.topic, place.partition
        while (batch := fetched.next_batch()) is not None:
            body = self._body(batch)
            self.leader_epoch = batch.leader_epoch
            base, first_ms, appended = batch.base_offset, batch.first_timestamp, batch.max_timestamp
            stamped = batch.timestamp_type == batch.LOG_APPEND_TIME
            count = 0 if batch.is_control_batch else batch.records_count
            try:
                for further, later_ms, key, value in entries(body, count):
                    offset = base + further
                    self.next_fetch_offset = offset + 1
                    at_ms = appended if stamped else first_ms + later_ms
                    yield make(topic, partition, offset, key, value, at_ms)
            except (ValueError, IndexError) as error:
                raise CorruptRecordError(f"{place}, offset {base}: {error}") from error
            # Of the last record, too, that compaction has taken away: else it is asked for again.
            self.next_fetch_offset = batch.next_offset
        self.drain()

    def _body(self, batch: DefaultRecordBatch) -> bytes:
        """Give a batch's records as bytes, once it is known to be whole."""
        if batch.magic != _MAGIC:  # Kafka 4 has none that is older
            raise CorruptRecordError(f"a batch of format {batch.magic}")
        if self.check_crcs and not batch.validate_crc():
            raise CorruptRecordError(f"offset {batch.base_offset}: a checksum is wrong")
        if batch.is_control_batch:
            return b""
        batch._maybe_uncompress()  # noqa: SLF001  (kafka-python gives its records only one by one)
        return bytes(memoryview(batch._buffer)[batch._pos :])  # noqa: SLF001
