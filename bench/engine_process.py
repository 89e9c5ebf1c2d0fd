"""The engine's process between Apache Kafka's topics: throughput and delay.

Not the embedded broker: it wakes no fetch that waits, and a record takes 20 ms to a plain consumer
that Apache's gives it in 4.

Throughput: readings of 100,000 patients, mixed vitals, one a record. One of each is judged, and a
critical one at the end of each partition has its alert; then 60,000 by chance come while the engine
is held (SIGSTOP), so that nobody who sends shares its core, and again a critical one at each end.
Those 60,000, by the time from its release to the last alert. It does not count from an alert on:
partitions are not judged in step, and what of one partition came before its mark would be judged
and not counted while another one's mark has its alert. Beside it: a plain consumer that reads and
decodes all.

Delay: 500 readings a second, one in five critical, from Kafka's acknowledgement of the record to
the arrival of its alert at a consumer of alerts.v1. Beside it: to its own arrival at a consumer of
readings.v1.
"""

import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from threading import Event, Thread

import numpy as np
from kafka import KafkaConsumer, KafkaProducer

from bench.engine_world import (
    CLOCK,
    GIVE_UP_S,
    PARTITIONS,
    consumer_of,
    engine,
    follow,
    mark,
    named,
    pressure,
    producer_to,
    quiet_reading,
    register,
)
from bench.record import Figure, Reference, Target
from ingest.kafka_clients import Topics
from schemas.alert import TRANSITION_DECODER
from schemas.errors import UnavailableError
from schemas.kafka import READINGS_DECODER
from schemas.topics import ALERTS, READINGS
from tests.real.apache_kafka import ApacheKafka

PATIENTS = 100_000
NEWCOMERS = 2_000
"""Patients of whom nothing was heard before the delay is measured."""
READINGS_COUNT = 60_000
BEFORE_MS = 3_600_000
RATE_PER_S = 500
RATE_FOR_S = 20


def run() -> Iterator[Figure]:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder, ApacheKafka(Path(folder)) as kafka:
        topics = Topics(kafka.bootstrap)
        topics.create_missing(PARTITIONS)
        topics.close()
        yield from _throughput(kafka)
        yield from _delay(kafka)


def _throughput(kafka: ApacheKafka) -> Iterator[Figure]:
    rng = Random(1)
    now_ms = CLOCK.wall_ms()
    with producer_to(kafka, in_bulk=True) as producer:
        register(producer, map(named, range(PATIENTS + NEWCOMERS)))
        for number in range(PATIENTS):
            patient = named(number)
            value = quiet_reading(patient, f"before {number}", now_ms - BEFORE_MS, rng)
            producer.send(READINGS, value, key=patient.encode())
        producer.flush()
        mark(producer, now_ms - READINGS_COUNT, "first")
        patients = [named(rng.randrange(PATIENTS)) for _ in range(READINGS_COUNT)]
        first_ms = now_ms - READINGS_COUNT
        values = [
            quiet_reading(patient, f"{number}", first_ms + number, rng)
            for number, patient in enumerate(patients)
        ]
        with engine(kafka, "--alone") as process, consumer_of(kafka, ALERTS) as alerts:
            _wait_for(alerts, "first")
            process.send_signal(signal.SIGSTOP)
            try:
                for patient, value in zip(patients, values, strict=True):
                    producer.send(READINGS, value, key=patient.encode())
                producer.flush()
                mark(producer, now_ms, "last")
            finally:
                process.send_signal(signal.SIGCONT)  # or it would never end
            began_s = time.perf_counter()
            _wait_for(alerts, "last")
            took_s = time.perf_counter() - began_s
    yield Figure(
        "engine_process.throughput",
        READINGS_COUNT / took_s,
        "readings/s",
        Reference("plain consume and decode", _plain(kafka)),
        Target(">=", 10_000),
    )


def _wait_for(alerts: KafkaConsumer, name: str) -> None:
    """Wait until the mark of this name has its alert in each partition."""
    missing = {f"{name}-{partition}" for partition in range(PARTITIONS)}
    give_up_s = time.perf_counter() + GIVE_UP_S
    while missing:
        if time.perf_counter() > give_up_s:
            raise UnavailableError(f"No alert came of {min(missing)}.", "Look at the engine's log.")
        for batch in alerts.poll(50).values():
            missing -= {TRANSITION_DECODER.decode(one.value).patient_id for one in batch}


def _plain(kafka: ApacheKafka) -> float:
    with consumer_of(kafka, READINGS) as consumer:
        began_s, count = time.perf_counter(), 0
        while count < PATIENTS + READINGS_COUNT:
            for batch in consumer.poll(100).values():
                for one in batch:
                    READINGS_DECODER.decode(one.value)
                    count += 1
        return count / (time.perf_counter() - began_s)


def _delay(kafka: ApacheKafka) -> Iterator[Figure]:
    alerted: dict[str, float] = {}
    arrived: dict[str, float] = {}
    stop = Event()
    with (
        engine(kafka, "--alone"),
        consumer_of(kafka, ALERTS) as alerts,
        consumer_of(kafka, READINGS) as plain,
        producer_to(kafka) as producer,
        ProcessPoolExecutor(1, get_context("spawn")) as sender,
    ):
        threads = [
            Thread(target=follow, args=(alerts, alerted, stop)),
            Thread(target=follow, args=(plain, arrived, stop)),
        ]
        mark(producer, CLOCK.wall_ms(), "warm")
        for thread in threads:
            thread.start()
        give_up_s = time.perf_counter() + GIVE_UP_S
        warm = {f"warm-{partition}" for partition in range(PARTITIONS)}
        while not warm <= alerted.keys() and time.perf_counter() < give_up_s:
            stop.wait(0.05)
        appended = sender.submit(send_steadily, kafka.bootstrap).result(GIVE_UP_S)
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


def send_steadily(bootstrap: str) -> dict[str, float]:
    """Send the readings in a process that does nothing else; say when Kafka had the critical ones.

    Processes of one machine share the clock: ``time.perf_counter`` of Linux is CLOCK_MONOTONIC.
    """
    appended: dict[str, float] = {}
    rng, never = Random(2), Event()
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=1)
    began_s = time.perf_counter()
    for number in range(RATE_PER_S * RATE_FOR_S):
        never.wait(max(0.0, began_s + number / RATE_PER_S - time.perf_counter()))
        now_ms = CLOCK.wall_ms()
        name = f"delay-{number}"
        if number % 5:
            patient = named(rng.randrange(PATIENTS))
            value = quiet_reading(patient, name, now_ms, rng)
            producer.send(READINGS, value, key=patient.encode())
        else:
            patient = named(PATIENTS + number // 5)
            value = pressure(patient, name, now_ms, 195)
            future = producer.send(READINGS, value, key=patient.encode())
            future.add_callback(
                lambda _, patient=patient: appended.setdefault(patient, time.perf_counter())
            )
    producer.flush()
    producer.close(timeout=5)
    return appended
