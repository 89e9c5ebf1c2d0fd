"""A log is read to its end: of one partition, or of all."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from alerts.log import Log, LogRecord
from simulators.stack.kafka import EmbeddedKafka

pytestmark = pytest.mark.timeout(120)

TOPIC, PARTITIONS, RECORDS = "numbers", 2, 3_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with EmbeddedKafka(tmp_path) as kafka:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
        admin.close()
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
        for number in range(RECORDS):
            producer.send(TOPIC, str(number).encode(), partition=number % PARTITIONS)
        producer.flush()
        producer.close(timeout=5)
        with Log(kafka.bootstrap, (TOPIC,), "test") as log:
            yield log


def test_all_is_read_and_then_it_ends(log: Log) -> None:
    log.seek({})
    records = [*chain.from_iterable(log.read_to_end())]
    assert {type(record) for record in records} == {LogRecord}  # not kafka-python's own
    assert sorted(int(record.value or b"") for record in records) == [*range(RECORDS)]
    assert list(log.read_to_end()) == []


def test_one_partition_is_read_to_its_end_though_another_is_held_back(log: Log) -> None:
    log.seek({})
    log.read_on((TOPIC, 0), None)
    read = list(chain.from_iterable(log.read_to_end(partitions=[1])))
    assert {record.partition for record in read} == {1}
    assert len(read) == RECORDS // PARTITIONS


def test_one_partition_is_read_alone_and_from_where_it_was_left(log: Log) -> None:
    left = {(TOPIC, partition): 0 for partition in range(PARTITIONS)}
    read: dict[int, list[int]] = {partition: [] for partition in range(PARTITIONS)}
    for turn in range(400):
        place = min(left, key=lambda one: (left[one], one)) if turn % 3 else (TOPIC, 0)
        records, left[place] = log.read_one(place, left[place], 40)
        assert {record.partition for record in records} <= {place[1]}
        read[place[1]] += [record.offset for record in records]
        if sum(left.values()) == RECORDS:
            break
    assert read == {partition: [*range(RECORDS // PARTITIONS)] for partition in range(PARTITIONS)}
