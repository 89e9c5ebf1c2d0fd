"""What only Apache Kafka can show: its settings, its limits, the deletion of topics."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from alerts.log import Log, TopicsChangedError
from ingest.bridge.parse import parse
from ingest.delivery import Delivery
from ingest.kafka_clients import producer
from ingest.outgoing import Outgoing
from ingest.registry.view import RegistryView
from ingest.waiting import Condition
from schemas import topics
from schemas.topics import KAFKA_TOPICS
from schemas.wire import ITEMS_MAX, PACKET_BYTES_MAX
from tests.ingest.factories import message, reading
from tests.real.apache_kafka import ApacheKafka
from tests.servers import create_topics, eventually

DAY_MS = 24 * 3600 * 1000
STOP_WITHIN_S = 10.0


@pytest.fixture
def admin(kafka: ApacheKafka) -> Iterator[KafkaAdminClient]:
    asking = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    yield asking
    asking.close()


@pytest.fixture
def condition() -> Condition:
    return Condition()


@pytest.fixture
def delivery(kafka: ApacheKafka, condition: Condition) -> Iterator[Delivery]:
    delivering = Delivery(lambda: producer(kafka.bootstrap, "test"), condition)
    yield delivering
    delivering.close()


def settings(admin: KafkaAdminClient, topic: str) -> dict[str, str]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic)]
    found = admin.describe_configs(asked, config_filter="all")["topic"][topic]
    return {name: setting["value"] for name, setting in found.items()}


def test_each_topic_is_kept_as_it_is_meant(admin: KafkaAdminClient) -> None:
    found = {topic.name: settings(admin, topic.name) for topic in KAFKA_TOPICS}
    assert {name: setting["cleanup.policy"] for name, setting in found.items()} == {
        topic.name: "compact" if topic.compacted else "delete" for topic in KAFKA_TOPICS
    }
    assert {name: setting["retention.ms"] for name, setting in found.items()} == {
        topic.name: "-1" if topic.kept else str(14 * DAY_MS) for topic in KAFKA_TOPICS
    }
    stamped = {
        name for name, one in found.items() if one["message.timestamp.type"] == "LogAppendTime"
    }
    assert stamped == {topics.READINGS}, "the engine bounds stamps by the broker's clock"
    assert {setting["max.message.bytes"] for setting in found.values()} == {str(2**20)}


def test_a_topic_that_nobody_made_is_not_made_by_accident(
    admin: KafkaAdminClient, delivery: Delivery, condition: Condition
) -> None:
    stop = Event()
    misspelt = [Outgoing("misspelt", b"key", b"value")]
    with ThreadPoolExecutor(1) as pool:
        delivered = pool.submit(delivery.deliver, misspelt, stop)
        eventually(lambda: "not acknowledged" in (condition.reason() or ""))
        stop.set()
        assert not delivered.result(STOP_WITHIN_S)
    assert "misspelt" not in admin.list_topics()


def test_the_largest_messages_become_records_that_fit(delivery: Delivery) -> None:
    room = PACKET_BYTES_MAX // ITEMS_MAX - 500  # beside what every reading of the test has
    many = [reading(seq + 1, attributes={"meal": "x" * room}) for seq in range(ITEMS_MAX)]
    one = b'{"a reading":"' + b"x" * (PACKET_BYTES_MAX - 200) + b'"}'
    for largest in (message(many), message([one])):
        assert 0.8 * PACKET_BYTES_MAX < len(largest.payload) <= PACKET_BYTES_MAX
        records = parse(largest, RegistryView([]).attribute).records
        assert delivery.deliver(records, Event())


def test_a_log_that_is_made_again_is_noticed_by_whoever_reads_it(
    kafka: ApacheKafka, admin: KafkaAdminClient
) -> None:
    with Log(kafka.bootstrap, (topics.ALERTS,), "test") as log:
        log.check()
        admin.delete_topics([topics.ALERTS])
        eventually(lambda: "no topic" in complaint(log))  # the broker takes its time
        create_topics(kafka)
        eventually(lambda: "created again" in complaint(log))


def complaint(log: Log) -> str:
    try:
        log.check()
    except TopicsChangedError as error:
        return str(error)
    return ""
