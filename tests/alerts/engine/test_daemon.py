"""The engine's process against a real Kafka protocol: killed at will, nothing lost or doubled."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from alerts.engine.daemon import Engine
from alerts.engine.library import Library
from alerts.engine.replica import Replica
from alerts.rules.load import load_books
from schemas.alert import TRANSITION_DECODER, Transition
from schemas.clock import SystemClock
from schemas.errors import UnavailableError
from schemas.kafka import Tick, Unassigned
from schemas.registry import BOOK_KEY, PATIENT_KEY, BookEntry, PatientEntry
from schemas.topics import ALERTS, ENGINES, GATEWAYS, READINGS, REGISTRY, STATE, UNASSIGNED
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.server import KafkaBroker
from tests.alerts.readings import BASIC, BOTH, DAY, MINUTE, NOON, encoded, glucose, pressure, record
from tests.servers import eventually

pytestmark = pytest.mark.timeout(120)  # processes start and die here, beside other tests

PARTITIONS = 2
PATIENTS = [f"p{number}" for number in range(6)]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(tmp_path) as server:
        create_topics(server)
        yield server


def create_topics(server: EmbeddedKafka) -> None:
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    compact = {"cleanup.policy": "compact"}
    admin.create_topics(
        [
            NewTopic(READINGS, PARTITIONS, 1),
            NewTopic(ALERTS, PARTITIONS, 1),
            NewTopic(STATE, PARTITIONS, 1, topic_configs=compact),
            NewTopic(REGISTRY, 1, 1, topic_configs=compact),
            NewTopic(ENGINES, 1, 1, topic_configs=compact),
            NewTopic(UNASSIGNED, 1, 1),
            NewTopic(GATEWAYS, 1, 1),
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
        process.wait(timeout=10)


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


def test_an_alert_reaches_the_topic_and_says_why(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    with engine(kafka):
        clinic.receive(("p1", encoded(record(NOON, [pressure(NOON, 192, 100)]))))
        (onset,) = clinic.wait_for(1).values()
    assert (onset.event, onset.severity, onset.patient_id) == ("onset", "critical", "p1")
    assert onset.reason == "Systolic 192 mmHg is above 180 mmHg (adult-standard, bp-severe)"


def test_killed_anywhere_nothing_is_lost_and_nothing_has_two_names(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    stories = {patient: story(patient) for patient in PATIENTS}
    rng = Random(7)
    sent = 0
    for step in range(5):
        with engine(kafka) as process:
            clinic.receive(*((patient, lines[step]) for patient, lines in stories.items()))
            sent += len(PATIENTS) if step != 1 else 0
            # It dies while it writes, between records of a batch, or just after all of them.
            clinic.wait_for(max(1, sent - rng.randrange(len(PATIENTS))))
            process.send_signal(signal.SIGKILL)
    with engine(kafka):
        clinic.tick(NOON + 30 * MINUTE)
        events = clinic.wait_for(len(EVENTS) * len(PATIENTS))
    for patient in PATIENTS:
        mine = [one.event for one in events.values() if one.patient_id == patient]
        assert sorted(mine) == sorted(EVENTS)
    repeated = {one.event_id: one for one in reversed(clinic.transitions)}
    assert repeated == events, "an event that was written twice says the same twice"


def test_what_cannot_be_read_stops_nothing(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    with engine(kafka):
        clinic.receive(("p1", b"{"), ("p1", b""), ("p1", b'{"kind":"tick","received_at_ms":"x"}'))
        clinic.receive(("p1", b'{"kind":"tick","received_at_ms":1,"version":9}'))
        clinic.receive(("p1", encoded(record(NOON, [pressure(NOON, 192, 100)]))))
        assert len(clinic.wait_for(1)) == 1


def test_a_clock_that_is_ahead_ends_no_wait(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    flagged = record(NOON, [pressure(NOON, 192, 100, "body-moved")])
    with engine(kafka):
        clinic.receive(("p1", encoded(flagged)))
        clinic.wait_for(1)
        clinic.receive(("p1", encoded(Tick(NOON + 1_000 * DAY))))
        clinic.receive(("p1", encoded(record(NOON + MINUTE, [pressure(NOON + MINUTE, 193)]))))
        found = [one.event for one in clinic.wait_for(2).values()]
    assert found == ["repeat-asked", "onset"]
    assert clinic.transitions[-1].marks == []


def test_a_book_is_changed_while_its_alerts_are_open(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    text = (BASIC / "adult-standard.toml").read_text(encoding="utf-8")
    stricter = text.replace("systolic > 180 mmHg", "systolic > 170 mmHg")
    assert stricter != text

    def activate(book: str) -> None:
        sha256 = hashlib.sha256(book.encode()).hexdigest()
        value = msgspec.json.encode(BookEntry("adult-standard", book, sha256, "Dr. Who", NOON))
        clinic.producer.send(REGISTRY, value, key=f"{BOOK_KEY}adult-standard".encode())
        clinic.producer.flush()

    def high(patient: str, minute: int, systolic: int) -> tuple[str, bytes]:
        at_ms = NOON + minute * MINUTE
        return patient, encoded(record(at_ms, [pressure(at_ms, systolic, 100)], patient))

    with engine(kafka):
        clinic.receive(high("p1", 0, 192))
        clinic.wait_for(1)
        activate(stricter)
        activate("no book at all")  # refused: the stricter one stays
        minute = 1
        while len(clinic.transitions) < 2:  # it is adopted between two steps, soon
            clinic.receive(high(f"n{minute}", minute, 175))
            clinic.look()
            minute += 1
        clinic.receive(high("p1", minute, 176))
        events = {(one.patient_id, one.event) for one in clinic.wait_for(3).values()}
    assert ("p1", "onset") in events
    assert ("p1", "again") in events, "the alert is known by the name of its rule"


def nobodys(minute: int) -> bytes:
    """Make a critical reading of a device that belongs to nobody."""
    at_ms = NOON + minute * MINUTE
    (reading,) = record(at_ms, [pressure(at_ms, 230 + minute)]).readings
    return msgspec.json.encode(Unassigned("home-1", "0" * 16, at_ms, "unknown-device", reading))


def test_a_device_that_belongs_to_nobody_is_told_once_across_restarts(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    with engine(kafka):
        clinic.producer.send(UNASSIGNED, b"{", timestamp_ms=NOON)
        clinic.producer.send(UNASSIGNED, nobodys(0), timestamp_ms=NOON)
        clinic.wait_for(1)
    with engine(kafka):
        clinic.producer.send(UNASSIGNED, nobodys(1), timestamp_ms=NOON)
        told = list(clinic.wait_for(2).values())
    assert [one.event for one in told] == ["onset", "again"]
    assert {one.severity for one in told} == {"high"}
    assert len({one.alert_id for one in told}) == 1


def test_care_plans_are_followed_as_they_change(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    def high(patient: str, minute: int) -> tuple[str, bytes]:
        at_ms = NOON + minute * MINUTE
        return patient, encoded(record(at_ms, [pressure(at_ms, 190 + minute)], patient))

    with engine(kafka):
        clinic.receive(high("p1", 0))
        clinic.wait_for(1)
        clinic.enrol("p1", books=["adult-diabetes", "no-such-book"])
        clinic.producer.send(REGISTRY, b"not an entry", key=f"{PATIENT_KEY}p1".encode())
        clinic.enrol("newcomer")  # met for the first time: the registry is read before judging
        clinic.receive(high("newcomer", 1))
        clinic.wait_for(2)
        clinic.receive(high("p1", 2), high("newcomer", 3))
        found = clinic.wait_for(4)
    for patient, expected in {"p1": ["onset", "retired"], "newcomer": ["onset", "again"]}.items():
        assert [one.event for one in found.values() if one.patient_id == patient] == expected


def test_state_of_which_only_half_was_read_is_read_to_its_end(
    kafka: EmbeddedKafka, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow, followed = Replica.follow, 0

    def interrupted(replica: Replica, key: bytes, value: bytes | None) -> bool:
        nonlocal followed
        followed += 1
        if followed == 2:
            raise UnavailableError("Kafka went away.")
        return follow(replica, key, value)

    with engine(kafka):
        clinic.receive(*((one, story(one)[0]) for one in PATIENTS))
        clinic.wait_for(len(PATIENTS))
        clinic.receive(*((one, story(one)[2]) for one in PATIENTS))
        clinic.wait_for(2 * len(PATIENTS))  # so the state behind the first ones is in the log
    monkeypatch.setattr(Replica, "follow", interrupted)
    stop = Event()
    daemon = Engine(kafka.bootstrap, Library(load_books(BASIC)), SystemClock(), Random(1), stop)
    thread = Thread(target=daemon.run)
    thread.start()
    try:
        clinic.receive(*((one, story(one)[3]) for one in PATIENTS))
        events = clinic.wait_for(3 * len(PATIENTS))
    finally:
        stop.set()
        thread.join()
    assert followed > 2
    assert {one.event for one in events.values()} == {"onset", "again", "returned"}
    onsets = [one for one in clinic.transitions if one.event == "onset"]
    assert len(onsets) == len(PATIENTS), "the log was judged from its beginning again"


def test_a_broker_that_lost_everything_is_read_from_the_beginning(kafka: EmbeddedKafka) -> None:
    def at(minute: int, systolic: int) -> tuple[str, bytes]:
        at_ms = NOON + minute * MINUTE
        return "p1", encoded(record(at_ms, [pressure(at_ms, systolic, 100)]))

    with engine(kafka):
        with clinic_at(kafka) as clinic:
            clinic.receive(*(at(minute, 150) for minute in range(5)), at(5, 192))
            (onset,) = clinic.wait_for(1).values()
        kafka.stop()
        kafka.start().wait()
        create_topics(kafka)
        with clinic_at(kafka) as clinic:
            clinic.receive(at(5, 192), at(6, 195))
            (again,) = clinic.wait_for(1).values()
    assert (again.event, again.alert_id) == ("again", onset.alert_id)


def test_unassigned_readings_are_read_afresh_when_their_topic_is_made_again(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    stop = Event()
    daemon = Engine(kafka.bootstrap, Library(load_books(BASIC)), SystemClock(), Random(1), stop)
    thread = Thread(target=daemon.run)
    thread.start()
    try:
        clinic.producer.send(UNASSIGNED, nobodys(0), timestamp_ms=NOON)
        clinic.wait_for(1)
        admin.delete_topics([UNASSIGNED])
        eventually(lambda: daemon.waiting_for == f"Kafka has no topic {UNASSIGNED}.")
        admin.create_topics([NewTopic(UNASSIGNED, 1, 1)])
        clinic.producer.send(UNASSIGNED, nobodys(1), timestamp_ms=NOON)
        told = list(clinic.wait_for(2).values())
    finally:
        stop.set()
        thread.join()
        admin.close()
    assert [one.event for one in told] == ["onset", "again"]
