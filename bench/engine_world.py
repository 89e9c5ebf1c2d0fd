"""What stands around an engine that is measured: its Kafka, readings, patients, who listens."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from random import Random
from threading import Event

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas.clock import SystemClock
from schemas.errors import UnavailableError
from schemas.kafka import PatientReadings, Stamp, StampedReading
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import PATIENT_KEY, PatientEntry
from schemas.servers import KAFKA_VARIABLE
from schemas.topics import READINGS, REGISTRY
from simulators.stack.server import KafkaBroker

PARTITIONS = 4
GIVE_UP_S = 180.0
CLOCK = SystemClock()
BOOKS = ["adult-standard", "adult-diabetes"]


def named(number: int) -> str:
    """Name a patient."""
    return f"patient-{number:07}"


def register(producer: KafkaProducer, patients: Iterable[str]) -> None:
    """Put patients into the registry."""
    for patient in patients:
        entry = msgspec.json.encode(PatientEntry(patient, patient, BOOKS))
        producer.send(REGISTRY, entry, key=f"{PATIENT_KEY}{patient}".encode())
    producer.flush()


def mark(producer: KafkaProducer, now_ms: int, name: str) -> None:
    """Give each partition a critical reading: its alert tells how far the engine is."""
    for partition in range(PARTITIONS):
        patient = f"{name}-{partition}"
        value = pressure(patient, name, now_ms, 195)
        producer.send(READINGS, value, key=patient.encode(), partition=partition)
    producer.flush()


def follow(consumer: KafkaConsumer, arrivals: dict[str, float], stop: Event) -> None:
    """Note when the first record of each key arrives, by ``time.perf_counter``."""
    while not stop.is_set():
        for batch in consumer.poll(50).values():
            at_s = time.perf_counter()
            for one in batch:
                arrivals.setdefault(one.key.decode(), at_s)


def quiet_reading(patient: str, name: str, now_ms: int, rng: Random) -> bytes:
    """Make a reading that matches no rule."""
    if rng.random() < 0.5:
        return pressure(patient, name, now_ms, rng.randint(100, 130))
    glucose = {"glucose": Quantity("mg/dL", str(rng.randint(80, 170)))}
    return _encoded(patient, name, now_ms, "glucose", glucose)


def pressure(patient: str, name: str, now_ms: int, systolic: int) -> bytes:
    """Make a record with one blood pressure."""
    quantities = {
        "systolic": Quantity("mm[Hg]", str(systolic)),
        "diastolic": Quantity("mm[Hg]", "78"),
        "pulse": Quantity("/min", "70"),
    }
    return _encoded(patient, name, now_ms, "blood_pressure", quantities)


def _encoded(
    patient: str, name: str, now_ms: int, vital: str, quantities: dict[str, Quantity]
) -> bytes:
    reading = Reading(
        seq=1,
        reading_id=hashlib.sha256(f"{patient} {name}".encode()).hexdigest()[:32],
        vital=vital,
        device=Device("A0:00:00:00:00:01"),
        characteristic="2a35",
        raw="1e" + "00" * 17,
        quantities=quantities,
        session_id="0" * 16,
        capture=Capture("0" * 32, now_ms),
        status=[],
    )
    stamp = Stamp(now_ms, now_ms, now_ms, now_ms, now_ms, "device-clock")
    stamped = StampedReading(reading, stamp, "device", "assignment")
    record = PatientReadings(patient, "home-1", "0" * 16, now_ms, [stamped])
    return msgspec.json.encode(record)


@contextmanager
def engine(kafka: KafkaBroker, *options: str, core: int = -1) -> Iterator[subprocess.Popen[bytes]]:
    """Run an engine as a process of its own, on one core.

    Its threads take turns in one interpreter: spread over several cores, they take more processor
    time (docs/design/025).
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "vitalwire", "alerts", "engine", *options],
        env=os.environ | {KAFKA_VARIABLE: kafka.bootstrap},
        stderr=subprocess.DEVNULL,
    )
    os.sched_setaffinity(process.pid, {sorted(os.sched_getaffinity(0))[core]})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_until_ready(port: int, within_s: float = GIVE_UP_S) -> None:
    """Wait until the engine that says so at this port judges."""
    never = Event()
    give_up_s = time.perf_counter() + within_s
    while time.perf_counter() < give_up_s:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
        except OSError:
            never.wait(0.02)
        else:
            return
    raise UnavailableError("The engine is not ready.", "Look at its log.")


_IN_BULK = {"linger_ms": 100, "batch_size": 768 * 1024}
"""As an engine writes: Kafka's usual 16 KiB hold eight patients, and each request costs alike."""


@contextmanager
def producer_to(kafka: KafkaBroker, *, in_bulk: bool = False) -> Iterator[KafkaProducer]:
    """Connect somebody who writes: each record at once, or many in bulk."""
    pace = _IN_BULK if in_bulk else {"linger_ms": 1}
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", **pace)
    try:
        yield producer
    finally:
        producer.close(timeout=5)


@contextmanager
def consumer_of(kafka: KafkaBroker, topic: str) -> Iterator[KafkaConsumer]:
    """Connect somebody who reads a topic from its beginning."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        metrics_enabled=False,
    )
    consumer.assign(
        [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
    )
    try:
        yield consumer
    finally:
        consumer.close()
