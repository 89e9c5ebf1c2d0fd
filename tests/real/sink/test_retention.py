"""The sink finds that Kafka has deleted what it has not stored yet."""

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from schemas import topics
from simulators.stack.mqtt import EmbeddedMqtt
from tests.ingest.factories import patient_record, reading
from tests.ingest.sink.conftest import Bench
from tests.ingest.sink.looking import Database, held, offset, stored
from tests.ingest.sink.running import RunningSink
from tests.servers import eventually

PARTITION = TopicPartition(topics.READINGS, 0)


def send(bench: Bench, *numbers: int) -> None:
    for seq in numbers:
        bench.send(topics.READINGS, patient_record([reading(seq)]))


def delete_before(bench: Bench, offset: int) -> None:
    """Do now what retention does after two weeks."""
    admin = KafkaAdminClient(bootstrap_servers=bench.kafka.bootstrap)
    admin.delete_records({PARTITION: offset})
    admin.close()


def test_the_rest_is_stored_and_what_is_gone_is_in_nobodys_custody(
    bench: Bench, mqtt: EmbeddedMqtt, other: Database
) -> None:
    send(bench, 1)
    bench.sink().drain()
    send(bench, 2, 3, 4, 5, 6)
    delete_before(bench, 4)
    with RunningSink(bench, mqtt):
        eventually(lambda: offset(other) == (6,))
    assert stored(other) == [1, 5, 6]
    assert held(other) == [(1, 1), (5, 6)]


def test_a_sink_that_is_overtaken_begins_again_behind_the_gap(
    bench: Bench, other: Database
) -> None:
    send(bench, 1)
    sink = bench.sink()
    sink.drain()
    send(bench, 2, 3, 4)
    delete_before(bench, 3)
    with pytest.raises(KafkaError):  # which leads a running sink back to its beginning
        sink.drain()
    bench.sink().drain()
    assert stored(other) == [1, 4]
