"""A way to write what the feed and the projector read."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import msgspec
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from schemas.alert import Action, Transition
from schemas.kafka import PatientReadings, Tick
from schemas.registry import PATIENT_KEY, PatientEntry
from schemas.topics import ACTIONS, ALERTS, READINGS, REGISTRY
from simulators.stack.kafka import EmbeddedKafka
from tests.servers import PARTITIONS

TOPICS = {ALERTS: PARTITIONS, READINGS: PARTITIONS, ACTIONS: 1, REGISTRY: 1}
WITHIN_S = 10


class AlertLog(AbstractContextManager["AlertLog"]):
    """Writes records as the other stages do."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect: kafka-python leaves sockets open if its broker goes first."""
        self._producer.close(timeout=5)
        self._admin.close()

    def create_again(self) -> None:
        """Lose everything: the same names, other topics."""
        former = self._lives()
        self._admin.delete_topics(list(TOPICS))
        try:
            self._admin.create_topics([NewTopic(name, count, 1) for name, count in TOPICS.items()])
        except TopicAlreadyExistsError:  # asked twice: kafka-python repeats a slow request
            lives = self._lives()
            assert {name: count for name, (_, count) in lives.items()} == TOPICS
            assert all(lives[name][0] != former[name][0] for name in TOPICS)

    def _lives(self) -> dict[str, tuple[str, int]]:
        """Give each topic's id and number of partitions."""
        described = self._admin.describe_topics(list(TOPICS))
        return {one["name"]: (str(one["topic_id"]), len(one["partitions"])) for one in described}

    def put(self, *records: Transition | Action | PatientEntry | PatientReadings | Tick) -> None:
        """Write records; they are in the log when this returns."""
        for record in records:
            topic, key = _place(record)
            self.put_raw(topic, key, msgspec.json.encode(record))

    def put_raw(self, topic: str, key: str | None, value: bytes) -> None:
        self._producer.send(topic, key=key.encode() if key else None, value=value).get(WITHIN_S)


@pytest.fixture
def log(kafka: EmbeddedKafka) -> Iterator[AlertLog]:
    """The log of ``kafka``, to be written."""
    with AlertLog(kafka.bootstrap) as written:
        yield written


def _place(
    record: Transition | Action | PatientEntry | PatientReadings | Tick,
) -> tuple[str, str | None]:
    match record:
        case Transition():
            return ALERTS, record.patient_id
        case Action():
            return ACTIONS, record.patient_id
        case PatientEntry():
            return REGISTRY, f"{PATIENT_KEY}{record.patient_id}"
        case PatientReadings():
            return READINGS, record.patient_id
        case Tick():
            return READINGS, None
