"""How long an engine is away: a restart with the state of many patients, and a takeover.

Restart: registry.v1 and alerts.state.v1 of an embedded Kafka hold 100,000 patients with a blood
pressure and a glucose each. From the start of the process to its readiness: with Kafka alone, and
with a local snapshot. Beside it: a plain consumer that reads both topics to their ends.

Takeover: two engines share the partitions, critical readings of ever other patients come 50 times a
second, one engine is killed. The longest wait of a reading for its alert is the takeover; every
reading must have its alert, under one name. Beside it: the wait while both live.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Thread

import msgspec
from kafka import KafkaProducer

from alerts.engine.ladders.ladder import arrange
from alerts.engine.partitions.replica import Replica
from alerts.engine.state.plans import Plans
from alerts.log import Log
from alerts.rules.load import load_books
from bench.engine_world import (
    CLOCK,
    GIVE_UP_S,
    PARTITIONS,
    consumer_of,
    engine,
    named,
    pressure,
    producer_to,
    quiet_reading,
    register,
    wait_until_ready,
)
from bench.record import Figure, Reference, Target
from ingest.kafka_clients import Topics
from schemas.alert import TRANSITION_DECODER
from schemas.kafka import Tick
from schemas.topics import ALERTS, READINGS, REGISTRY, STATE
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.ports import free_port

PATIENTS = 100_000
RESTART_S_MAX = 6
CRITICAL_PER_S = 50
LIVE_FOR_S = 8
GONE_FOR_S = 16
TAKEOVER_S_MAX = 10
SURE_S = 2
"""What came so long before the kill had its alert already."""
_BATCH = 5_000
_PATIENCE = 10
"""How many times as long as it should take is waited for."""


def run() -> Iterator[Figure]:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as kafka:
        create(kafka)
        yield from restarts(kafka, Path(folder), PATIENTS, RESTART_S_MAX)
        yield from _takeover(kafka)


def create(kafka: EmbeddedKafka) -> None:
    """Create the topics."""
    topics = Topics(kafka.bootstrap)
    topics.create_missing(PARTITIONS)
    topics.close()


def restarts(
    kafka: EmbeddedKafka, folder: Path, patients: int, target_s: float
) -> Iterator[Figure]:
    """Fill the topics, then start an engine with and without a snapshot."""
    with producer_to(kafka, in_bulk=True) as producer:
        register(producer, map(named, range(patients)))
        for number in range(PARTITIONS):
            tick = msgspec.json.encode(Tick(CLOCK.wall_ms()))
            producer.send(READINGS, tick, partition=number).get(GIVE_UP_S)  # the offset 0 below
            _fill(kafka, producer, number, range(number, patients, PARTITIONS))
    snapshots = folder / "snapshots"
    snapshots.mkdir()
    plain_s = _plain_s(kafka, REGISTRY) + _plain_s(kafka, STATE)
    keep = ("--snapshots", str(snapshots), "--snapshot-every", "1")
    within_s = GIVE_UP_S + _PATIENCE * target_s
    from_kafka_s = _restart_s(kafka, keep, within_s, partial(_wait_for, snapshots, within_s))
    from_snapshot_s = _restart_s(kafka, keep, within_s)
    reference = Reference("plain consumer of both topics", plain_s)
    target = Target("<=", target_s)
    thousands = patients // 1_000
    name = f"engine_restart.{thousands}k_patients"
    yield Figure(f"{name}_from_kafka", from_kafka_s, "s", reference, target)
    yield Figure(f"{name}_from_snapshot", from_snapshot_s, "s", reference, target)


def _fill(kafka: EmbeddedKafka, producer: KafkaProducer, number: int, patients: range) -> None:
    """Judge readings of a partition's patients here, and write what an engine would."""
    rules, rng, now_ms = arrange(load_books()), Random(number), CLOCK.wall_ms()
    with Log(kafka.bootstrap, (READINGS,), "bench") as log:
        topic_id = log.life(READINGS).topic_id
    replica = Replica(rules, Plans(rules), topic_id)
    writes = replica.lead("bench")
    for begin in range(0, len(patients), _BATCH):
        values = [
            quiet_reading(named(patient), f"{patient} {place}", now_ms + place, rng)
            for patient in patients[begin : begin + _BATCH]
            for place in range(2)  # at two times: two of one time would be walked one by one
        ]
        first: list[tuple[int, bytes | None]] = [(0, value) for value in values]
        writes += replica.judge(replica.partition.read(first))[1]
        for key, value in writes:
            producer.send(STATE, value, key=key, partition=number)
        writes = []
        producer.flush()


def _plain_s(kafka: EmbeddedKafka, topic: str) -> float:
    with consumer_of(kafka, topic) as consumer:
        began_s = time.perf_counter()
        ends = consumer.end_offsets(list(consumer.assignment()))
        while any(consumer.position(one) < end for one, end in ends.items()):
            consumer.poll(100)
        return time.perf_counter() - began_s


def _restart_s(
    kafka: EmbeddedKafka,
    options: tuple[str, ...],
    within_s: float,
    then: Callable[[], None] = lambda: None,
) -> float:
    """Start one, wait until it judges; do something more before it is stopped."""
    port = free_port()
    began_s = time.perf_counter()
    with engine(kafka, "--alone", "--monitor-port", str(port), *options):
        wait_until_ready(port, within_s)
        took_s = time.perf_counter() - began_s
        then()
    return took_s


def _wait_for(snapshots: Path, within_s: float) -> None:
    never, give_up_s = Event(), time.perf_counter() + within_s
    while len(list(snapshots.glob("*.state"))) < PARTITIONS:
        assert time.perf_counter() < give_up_s, "no snapshots"
        never.wait(0.1)


def _takeover(kafka: EmbeddedKafka) -> Iterator[Figure]:
    appended: dict[str, float] = {}
    alerted: dict[str, float] = {}
    names: dict[str, set[str]] = {}
    stop = Event()
    ports = free_port(), free_port()
    with (
        engine(kafka, "--monitor-port", str(ports[0]), core=0) as victim,
        engine(kafka, "--monitor-port", str(ports[1])),
        consumer_of(kafka, ALERTS) as alerts,
        producer_to(kafka) as producer,
    ):
        for port in ports:
            wait_until_ready(port)

        def listen() -> None:
            while not stop.is_set():
                for batch in alerts.poll(50).values():
                    at_s = time.perf_counter()
                    for one in batch:
                        found = TRANSITION_DECODER.decode(one.value)
                        alerted.setdefault(found.patient_id, at_s)
                        names.setdefault(found.patient_id, set()).add(found.event_id)

        listener = Thread(target=listen)
        listener.start()
        _send_critical(producer, appended, "before", LIVE_FOR_S, stop)
        victim.kill()
        _send_critical(producer, appended, "after", GONE_FOR_S, stop)
        give_up_s = time.perf_counter() + GIVE_UP_S
        while not appended.keys() <= alerted.keys() and time.perf_counter() < give_up_s:
            stop.wait(0.05)
        stop.set()
        listener.join()
    yield from _waits(appended, alerted)
    wrong = sum(len(names[patient]) != 1 for patient in appended)
    yield Figure("engine_restart.missed_or_doubled", wrong, "alerts", None, Target("<=", 0))


def _waits(appended: dict[str, float], alerted: dict[str, float]) -> Iterator[Figure]:
    """Give the longest wait, beside the longest of those that no death delayed."""
    waits = {patient: alerted[patient] - at_s for patient, at_s in appended.items()}
    killed_s = max(at_s for patient, at_s in appended.items() if patient.startswith("before"))
    lived_s = max(waits[patient] for patient, at_s in appended.items() if at_s < killed_s - SURE_S)
    yield Figure(
        "engine_restart.takeover",
        max(waits.values()),
        "s",
        Reference("the longest wait while both live", lived_s),
        Target("<=", TAKEOVER_S_MAX),
    )


def _send_critical(
    producer: KafkaProducer, appended: dict[str, float], name: str, for_s: int, stop: Event
) -> None:
    began_s = time.perf_counter()
    for number in range(CRITICAL_PER_S * for_s):
        stop.wait(max(0.0, began_s + number / CRITICAL_PER_S - time.perf_counter()))
        patient = f"{name}-{number}"
        value = pressure(patient, patient, CLOCK.wall_ms(), 230)
        future = producer.send(READINGS, value, key=patient.encode())
        future.add_callback(
            lambda _, patient=patient: appended.setdefault(patient, time.perf_counter())
        )
    producer.flush()
