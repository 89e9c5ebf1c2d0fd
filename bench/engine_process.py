"""The engine's process between an embedded Kafka's topics: throughput and delay.

Throughput: readings of 100,000 patients, mixed vitals, one a record, lie in readings.v1 before the
engine starts; a critical one stands first and last in each partition. What lies between the first
and the last alert, by the time it took. Beside it: a plain consumer that reads and decodes them.

Delay: 500 readings a second, one in five critical, from Kafka's acknowledgement of the record to
the arrival of its alert at a consumer of alerts.v1. Beside it: to its own arrival at a consumer of
readings.v1.
"""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread

import msgspec
import numpy as np
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench.record import Figure, Reference, Target
from ingest.kafka_clients import Topics
from schemas.alert import TRANSITION_DECODER
from schemas.clock import SystemClock
from schemas.kafka import READINGS_DECODER, PatientReadings, Stamp, StampedReading
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import PATIENT_KEY, PatientEntry
from schemas.servers import KAFKA_VARIABLE
from schemas.topics import ALERTS, READINGS, REGISTRY
from simulators.stack.kafka import EmbeddedKafka

PARTITIONS = 4
PATIENTS = 100_000
NEWCOMERS = 2_000
"""Patients of whom nothing was heard before the delay is measured."""
READINGS_COUNT = 60_000
RATE_PER_S = 500
RATE_FOR_S = 20
_GIVE_UP_S = 180.0
_CLOCK = SystemClock()
_BOOKS = ["adult-standard", "adult-diabetes"]


def run() -> Iterator[Figure]:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as kafka:
        topics = Topics(kafka.bootstrap)
        topics.create_missing(PARTITIONS)
        topics.close()
        yield from _throughput(kafka)
        yield from _delay(kafka)


def _throughput(kafka: EmbeddedKafka) -> Iterator[Figure]:
    rng = Random(1)
    now_ms = _CLOCK.wall_ms()
    with _producer(kafka) as producer:
        _register(producer)
        _mark(producer, now_ms, "first")
        for number in range(READINGS_COUNT):
            patient = f"patient-{rng.randrange(PATIENTS):06}"
            producer.send(
                READINGS, _record(patient, f"{number}", now_ms, rng), key=patient.encode()
            )
        producer.flush()
        _mark(producer, now_ms, "last")
    reference = _plain(kafka)
    with _engine(kafka), _consumer(kafka, ALERTS) as alerts:
        seen: dict[str, float] = {}
        give_up_s = time.perf_counter() + _GIVE_UP_S
        while len(seen) < 2 * PARTITIONS and time.perf_counter() < give_up_s:
            for batch in alerts.poll(50).values():
                for one in batch:
                    patient = TRANSITION_DECODER.decode(one.value).patient_id
                    seen.setdefault(patient, time.perf_counter())
    first_s = min(at_s for patient, at_s in seen.items() if "first" in patient)
    last_s = max(at_s for patient, at_s in seen.items() if "last" in patient)
    yield Figure(
        "engine_process.throughput",
        READINGS_COUNT / (last_s - first_s),
        "readings/s",
        Reference("plain consume and decode", reference),
        Target(">=", 10_000),
    )


def _register(producer: KafkaProducer) -> None:
    for number in range(PATIENTS + NEWCOMERS):
        patient = f"patient-{number:06}"
        entry = msgspec.json.encode(PatientEntry(patient, patient, _BOOKS))
        producer.send(REGISTRY, entry, key=f"{PATIENT_KEY}{patient}".encode())
    producer.flush()


def _mark(producer: KafkaProducer, now_ms: int, name: str) -> None:
    for partition in range(PARTITIONS):
        patient = f"{name}-{partition}"
        value = _pressure(patient, name, now_ms, 195)
        producer.send(READINGS, value, key=patient.encode(), partition=partition)
    producer.flush()


def _plain(kafka: EmbeddedKafka) -> float:
    with _consumer(kafka, READINGS) as consumer:
        began_s, count = time.perf_counter(), 0
        while count < READINGS_COUNT:
            for batch in consumer.poll(100).values():
                for one in batch:
                    READINGS_DECODER.decode(one.value)
                    count += 1
        return count / (time.perf_counter() - began_s)


def _delay(kafka: EmbeddedKafka) -> Iterator[Figure]:
    appended: dict[str, float] = {}
    alerted: dict[str, float] = {}
    arrived: dict[str, float] = {}
    stop = Event()
    with _engine(kafka), _consumer(kafka, ALERTS) as alerts, _consumer(kafka, READINGS) as plain:
        threads = [
            Thread(target=_follow, args=(alerts, alerted, stop)),
            Thread(target=_follow, args=(plain, arrived, stop)),
        ]
        with _producer(kafka) as producer:
            _mark(producer, _CLOCK.wall_ms(), "warm")
            for thread in threads:
                thread.start()
            give_up_s = time.perf_counter() + _GIVE_UP_S
            warm = {f"warm-{partition}" for partition in range(PARTITIONS)}
            while not warm <= alerted.keys() and time.perf_counter() < give_up_s:
                stop.wait(0.05)
            _send_steadily(producer, appended, stop)
        while not appended.keys() <= alerted.keys() and time.perf_counter() < give_up_s:
            stop.wait(0.05)
        stop.set()
        for thread in threads:
            thread.join()
    delays_ms = [1000 * (alerted[one] - at_s) for one, at_s in appended.items()]
    plain_ms = [1000 * (arrived[one] - at_s) for one, at_s in appended.items()]
    for share in (50, 99):
        yield Figure(
            f"engine_process.delay_p{share}",
            float(np.percentile(delays_ms, share)),
            "ms",
            Reference("the record at a plain consumer", float(np.percentile(plain_ms, share))),
            Target("<=", 250) if share == 99 else None,
        )


def _send_steadily(producer: KafkaProducer, appended: dict[str, float], stop: Event) -> None:
    rng = Random(2)
    began_s = time.perf_counter()
    for number in range(RATE_PER_S * RATE_FOR_S):
        stop.wait(max(0.0, began_s + number / RATE_PER_S - time.perf_counter()))
        now_ms = _CLOCK.wall_ms()
        name = f"delay-{number}"
        if number % 5:
            patient = f"patient-{rng.randrange(PATIENTS):06}"
            value = _record(patient, name, now_ms, rng)
            producer.send(READINGS, value, key=patient.encode())
        else:
            patient = f"patient-{PATIENTS + number // 5:06}"
            value = _pressure(patient, name, now_ms, 195)
            future = producer.send(READINGS, value, key=patient.encode())
            future.add_callback(
                lambda _, patient=patient: appended.setdefault(patient, time.perf_counter())
            )
    producer.flush()


def _follow(consumer: KafkaConsumer, arrivals: dict[str, float], stop: Event) -> None:
    while not stop.is_set():
        for batch in consumer.poll(50).values():
            at_s = time.perf_counter()
            for one in batch:
                arrivals.setdefault(one.key.decode(), at_s)


def _record(patient: str, name: str, now_ms: int, rng: Random) -> bytes:
    """Make a reading that matches no rule."""
    if rng.random() < 0.5:
        return _pressure(patient, name, now_ms, rng.randint(100, 130))
    glucose = {"glucose": Quantity("mg/dL", str(rng.randint(80, 170)))}
    return _encoded(patient, name, now_ms, "glucose", glucose)


def _pressure(patient: str, name: str, now_ms: int, systolic: int) -> bytes:
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
def _engine(kafka: EmbeddedKafka) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "vitalwire", "alerts", "engine"],
        env=os.environ | {KAFKA_VARIABLE: kafka.bootstrap},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@contextmanager
def _producer(kafka: EmbeddedKafka) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", linger_ms=1)
    try:
        yield producer
    finally:
        producer.close(timeout=5)


@contextmanager
def _consumer(kafka: EmbeddedKafka, topic: str) -> Iterator[KafkaConsumer]:
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        metrics_enabled=False,
    )
    consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
    try:
        yield consumer
    finally:
        consumer.close()
