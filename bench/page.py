"""The page's process starts beside a year of alerts: from its bookmark, and from the beginning.

50,000 alerts of 10,000 patients in 400,000 records of Apache Kafka's two alert topics, in the order
of a year; one in a hundred was never answered. From the start of the process to its readiness, and
the memory that it has then.
"""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from threading import Event as Never

import msgspec

from alerts.feed.bookmark_file import FILE
from bench.engine_world import (
    CLOCK,
    GIVE_UP_S,
    PARTITIONS,
    named,
    producer_to,
    register,
    wait_until_ready,
)
from bench.record import Figure, Reference, Target
from ingest.kafka_clients import Topics
from schemas.alert import Action, Decision, Deed, Event, Evidence, LimitInForce, Transition
from schemas.servers import KAFKA_VARIABLE
from schemas.topics import ACTIONS, ALERTS
from simulators.stack.ports import free_port
from tests.real.apache_kafka import ApacheKafka

ALERTS_COUNT = 50_000
OPEN_EVERY = 100
PATIENTS = 10_000
YEAR_MS = 365 * 24 * 60 * 60 * 1000
MINUTE_MS = 60_000
START_RATIO_MAX = 0.2

Record = Transition | Action


@dataclass(frozen=True, slots=True)
class _Start:
    ready_s: float
    processor_s: float
    memory_mb: float


def run() -> Iterator[Figure]:
    """Measure both starts in one run."""
    with tempfile.TemporaryDirectory() as folder, ApacheKafka(Path(folder)) as kafka:
        _fill(kafka)
        kept = Path(folder) / "bookmark"
        kept.mkdir()
        whole = _start(kafka, kept)
        marked = _start(kafka, kept)
    for name, unit, target in (
        ("ready_s", "s", None),
        ("processor_s", "s", Target("<=", START_RATIO_MAX, "ratio")),
        ("memory_mb", "MB", None),
    ):
        value, beside = getattr(marked, name), getattr(whole, name)
        what = f"page.start_{name.rpartition('_')[0]}"
        yield Figure(what, value, unit, Reference("read from the beginning", beside), target)


def _start(kafka: ApacheKafka, kept: Path) -> _Start:
    """Run a page until it is ready and has written down what it knows."""
    monitor_port = free_port()
    options = ["--port", "0", "--monitor-port", str(monitor_port), "--bookmark", str(kept)]
    began_s = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "vitalwire", "alerts", "feed", *options],
        env=os.environ | {KAFKA_VARIABLE: kafka.bootstrap},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(monitor_port)
        ready_s = time.perf_counter() - began_s
        found = _Start(ready_s, _processor_s(process.pid), _memory_mb(process.pid))
        never, give_up_s = Never(), time.perf_counter() + GIVE_UP_S
        while not (kept / FILE).exists():
            assert time.perf_counter() < give_up_s, "no bookmark"
            never.wait(0.1)
        return found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _processor_s(pid: int) -> float:
    """Give the time that a process has had a processor, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    """Give what a process has of the memory, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _fill(kafka: ApacheKafka) -> None:
    topics = Topics(kafka.bootstrap)
    topics.create_missing(PARTITIONS)
    topics.close()
    with producer_to(kafka) as producer:
        register(producer, map(named, range(PATIENTS)))
        for record in _year(CLOCK.wall_ms() - YEAR_MS):
            topic = ALERTS if isinstance(record, Transition) else ACTIONS
            producer.send(topic, msgspec.json.encode(record), key=record.patient_id.encode())
        producer.flush()


def _year(begin_ms: int) -> Iterator[Record]:
    """Give the records of a year in the order in which they were written."""
    waiting: list[tuple[int, int, Record]] = []
    for number in range(ALERTS_COUNT):
        at_ms = begin_ms + number * YEAR_MS // ALERTS_COUNT
        while waiting and waiting[0][0] < at_ms:
            yield heappop(waiting)[-1]
        for place, record in enumerate(_history(number, at_ms)):
            heappush(waiting, (record.at_ms, 8 * number + place, record))
    while waiting:
        yield heappop(waiting)[-1]


def _history(number: int, at_ms: int) -> Iterator[Record]:
    """Give the eight records of one alert."""
    left_open = number % OPEN_EVERY == 0
    onset = _event(number, 0, "onset", at_ms)
    yield onset
    notice = _action(onset, 0, "notify", 300)
    yield msgspec.structs.replace(notice, reason="onset", to=["nurse"], writer="0" * 16)
    delivered = _action(onset, 1, "delivered", 900)
    yield msgspec.structs.replace(delivered, answers=notice.action_id, note="webhook")
    again = _event(number, 1, "again", at_ms + 7 * MINUTE_MS)
    yield again
    yield msgspec.structs.replace(_action(again, 2, "withhold", 300), reason="attached")
    last = _event(number, 2, "again" if left_open else "returned", at_ms + 60 * MINUTE_MS)
    yield last
    if left_open:
        yield msgspec.structs.replace(_action(last, 3, "withhold", 300), reason="attached")
        yield _event(number, 3, "again", at_ms + 65 * MINUTE_MS)
        return
    yield _action(last, 3, "acknowledge", MINUTE_MS)
    yield msgspec.structs.replace(_action(last, 4, "resolve", 2 * MINUTE_MS), outcome="advised")


def _event(number: int, place: int, event: Event, at_ms: int) -> Transition:
    systolic, diastolic = 181 + number % 40, 100 + number % 30
    values = {"systolic": f"{systolic} mm[Hg]", "diastolic": f"{diastolic} mm[Hg]"}
    return Transition(
        event_id=_name("event", number, place),
        alert_id=_name("alert", number, 0),
        patient_id=named(number % PATIENTS),
        ladder="bp-high",
        rule="bp-severe",
        event=event,
        severity="critical" if number % 5 == 0 else "high",
        at_ms=at_ms,
        title="Severe blood pressure",
        reason=f"{systolic}/{diastolic} mmHg is above the limit of 180/120 mmHg.",
        evidence=Evidence(
            _name("reading", number, place), "blood_pressure", at_ms, "device-clock", values, []
        ),
        book="adult-standard",
        book_sha256="0" * 64,
        advice="Call the patient now. Ask for chest pain, breathlessness, weakness.",
        source="2025 AHA/ACC high blood pressure guideline",
        limits=[
            LimitInForce("systolic", ">", ["180 mm[Hg]"]),
            LimitInForce("diastolic", ">", ["120 mm[Hg]"]),
        ],
    )


def _action(about: Transition, place: int, kind: Deed | Decision, after_ms: int) -> Action:
    return Action(
        action_id=_name(about.alert_id, place, 0),
        alert_ids=[about.alert_id],
        kind=kind,
        who="Anna" if kind in ("acknowledge", "resolve") else "desk",
        at_ms=about.at_ms + after_ms,
        patient_id=about.patient_id,
        event_ids=[about.event_id],
    )


def _name(*parts: object) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:32]
