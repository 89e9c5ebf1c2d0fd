"""A Kafka with the topics that engines use, engines beside it, and who writes and reads there."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from schemas.alert import TRANSITION_DECODER, Transition
from schemas.kafka import Tick, Unassigned
from schemas.registry import PATIENT_KEY, PatientEntry
from schemas.topics import ALERTS, ENGINES, GATEWAYS, READINGS, REGISTRY, STATE, UNASSIGNED
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.server import KafkaBroker
from tests.alerts.readings import BASIC, BOTH, MINUTE, NOON, encoded, glucose, pressure, record
from tests.servers import empty_kafka

PARTITIONS = 2
PATIENTS = [f"p{number}" for number in range(6)]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker whose records are as old as their senders say: the clinic's noon is long ago."""
    with empty_kafka(tmp_path) as server:
        create_topics(server)
        yield server


def create_topics(server: EmbeddedKafka) -> None:
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    compact = {"cleanup.policy": "compact"}
    kept = {"retention.ms": "-1"}  # else Apache's broker soon deletes what is as old as that noon
    admin.create_topics(
        [
            NewTopic(READINGS, PARTITIONS, 1, topic_configs=kept),
            NewTopic(ALERTS, PARTITIONS, 1, topic_configs=kept),
            NewTopic(STATE, PARTITIONS, 1, topic_configs=compact),
            NewTopic(REGISTRY, 1, 1, topic_configs=compact),
            NewTopic(ENGINES, 1, 1, topic_configs=compact),
            NewTopic(UNASSIGNED, 1, 1, topic_configs=kept),
            NewTopic(GATEWAYS, 1, 1, topic_configs=kept),
        ]
    )
    admin.close()


@contextmanager
def engine(server: EmbeddedKafka, books: Path = BASIC) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "vitalwire", "alerts", "engine", "--books", str(books), "--alone"],
        env=os.environ | {"VITALWIRE_KAFKA": server.bootstrap},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Clinic:
    """What stands around the engine: a producer of readings, a reader of alerts."""

    def __init__(self, server: KafkaBroker) -> None:
        self.producer = KafkaProducer(bootstrap_servers=server.bootstrap, acks="all")
        self.consumer = KafkaConsumer(
            bootstrap_servers=server.bootstrap, group_id=None, auto_offset_reset="earliest"
        )
        self.consumer.assign([TopicPartition(ALERTS, place) for place in range(PARTITIONS)])
        self.transitions: list[Transition] = []

    def enrol(self, *patients: str, books: Sequence[str] = BOTH, from_ms: int = 0) -> None:
        for patient in patients:
            plan = PatientEntry(patient, patient, list(books), care_plan_from_ms=from_ms)
            entry = msgspec.json.encode(plan)
            self.producer.send(REGISTRY, entry, key=f"{PATIENT_KEY}{patient}".encode())
        self.producer.flush()

    def receive(self, *values: tuple[str, bytes], appended_ms: int = NOON) -> None:
        for patient, value in values:
            self.producer.send(READINGS, value, key=patient.encode(), timestamp_ms=appended_ms)
        self.producer.flush()

    def tick(self, at_ms: int) -> None:
        value = encoded(Tick(at_ms))
        for partition in range(PARTITIONS):
            self.producer.send(READINGS, value, partition=partition, timestamp_ms=at_ms)
        self.producer.flush()

    def wait_for(self, count: int) -> dict[str, Transition]:
        """Read until there are so many different events; the test's timeout bounds it."""
        while len({one.event_id for one in self.transitions}) < count:
            self.look()
        return {one.event_id: one for one in self.transitions}

    def look(self) -> None:
        """Read what comes within half a second."""
        for batch in self.consumer.poll(500).values():
            self.transitions += [TRANSITION_DECODER.decode(one.value) for one in batch]


@contextmanager
def clinic_at(server: KafkaBroker) -> Iterator[Clinic]:
    clinic = Clinic(server)
    clinic.enrol(*PATIENTS)
    try:
        yield clinic
    finally:
        clinic.producer.close(timeout=1)
        clinic.consumer.close()


@pytest.fixture
def clinic(kafka: EmbeddedKafka) -> Iterator[Clinic]:
    with clinic_at(kafka) as clinic:
        yield clinic


def story(patient: str) -> list[bytes]:
    """An alert that begins, goes on, returns; and a flagged match that nobody repeats."""
    log = [
        record(NOON, [pressure(NOON, 192, 100)], patient),
        record(NOON + MINUTE, [glucose(NOON + MINUTE, 100)], patient),
        record(NOON + 2 * MINUTE, [pressure(NOON + 2 * MINUTE, 195, 100)], patient),
        record(NOON + 3 * MINUTE, [pressure(NOON + 3 * MINUTE, 150, 90)], patient),
        record(NOON + 4 * MINUTE, [pressure(NOON + 4 * MINUTE, 85, 50, "body-moved")], patient),
    ]
    return [encoded(one) for one in log]


EVENTS = ["onset", "again", "returned", "repeat-asked", "onset"]


def nobodys(minute: int) -> bytes:
    """Make a critical reading of a device that belongs to nobody."""
    at_ms = NOON + minute * MINUTE
    (reading,) = record(at_ms, [pressure(at_ms, 230 + minute)]).readings
    return msgspec.json.encode(Unassigned("home-1", "0" * 16, at_ms, "unknown-device", reading))
