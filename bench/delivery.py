"""From the server's receipt of a critical reading to a screen, to a pager and to an e-mail.

Engine, desk and feed as they are shipped, each a process of its own, between an embedded Kafka's
topics; a hundred patients have one critical reading each, five a second. Screen: until the card is
in the event stream. Page: until a web server has the notice. E-mail: until a mail server, a process
of its own, has taken the message, which goes out beside the page, to the same person. One receipt
stamp begins all. The bridge's part before it, and what pager and mail server do after it, are not
in here. Beside it: the record's own arrival at a plain consumer.
"""

import json
import os
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import msgspec
import numpy as np

from bench.engine_world import (
    CLOCK,
    GIVE_UP_S,
    PARTITIONS,
    consumer_of,
    engine,
    named,
    pressure,
    producer_to,
    register,
    wait_until_ready,
)
from bench.record import Figure, Reference, Target
from ingest.kafka_clients import Topics
from schemas.kafka import READINGS_DECODER, PatientReadings
from schemas.rota import ROTA_KEY, Channel, Contact, OffHours, RotaEntry
from schemas.servers import KAFKA_VARIABLE
from schemas.topics import READINGS, REGISTRY
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.ports import free_port

READINGS_COUNT = 100
EVERY_S = 0.2
SYSTOLIC = 225
"""So high that no repeat is awaited."""

Arrivals = dict[str, int]
"""By patient: when it came first, by the clock that stamps receipts."""


def run() -> Iterator[Figure]:
    """Measure all in one run."""
    plain: Arrivals = {}
    screen: Arrivals = {}
    page: Arrivals = {}
    mail: Arrivals = {}
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder)) as kafka:
        topics = Topics(kafka.bootstrap)
        topics.create_missing(PARTITIONS)
        topics.close()
        with (
            _pager(page) as pager,
            _mail_server(mail) as mail_server,
            engine(kafka, "--alone"),
            _clinic(kafka, pager, mail_server) as url,
        ):
            sent = _send(kafka, url, (plain, screen, page, mail))
    for name, arrivals, limit_ms in (
        ("screen", screen, 1_000),
        ("page", page, 5_000),
        ("mail", mail, 5_000),
    ):
        for share in (50, 99):
            yield Figure(
                f"delivery.{name}_p{share}",
                _percentile(sent, arrivals, share),
                "ms",
                Reference("the record at a plain consumer", _percentile(sent, plain, share)),
                Target("<=", limit_ms) if share == 99 else None,
            )


def _percentile(sent: Arrivals, arrivals: Arrivals, share: int) -> float:
    return float(np.percentile([arrivals[one] - at_ms for one, at_ms in sent.items()], share))


def _send(kafka: EmbeddedKafka, url: str, arrivals: tuple[Arrivals, ...]) -> Arrivals:
    """Send the readings; give their receipt stamps when all have arrived everywhere."""
    plain, screen, *_ = arrivals
    stop, sent = Event(), Arrivals()
    with consumer_of(kafka, READINGS) as consumer, producer_to(kafka) as producer:
        threads = [
            Thread(target=_read_records, args=(consumer, plain, stop)),
            Thread(target=_read_stream, args=(url, screen, stop), daemon=True),
        ]
        for thread in threads:
            thread.start()
        stop.wait(2)  # a first poll and a first frame
        for number in range(READINGS_COUNT):
            patient = named(number)
            sent[patient] = CLOCK.wall_ms()
            value = pressure(patient, f"delivery-{number}", sent[patient], SYSTOLIC)
            producer.send(READINGS, value, key=patient.encode()).get(GIVE_UP_S)
            stop.wait(EVERY_S)
        give_up_s = time.perf_counter() + GIVE_UP_S
        while not all(sent.keys() <= one.keys() for one in arrivals):
            assert time.perf_counter() < give_up_s, [len(one) for one in arrivals]
            stop.wait(0.05)
        stop.set()
        threads[0].join()
    return sent


def _read_records(consumer: object, arrivals: Arrivals, stop: Event) -> None:
    while not stop.is_set():
        for batch in consumer.poll(50).values():  # type: ignore[attr-defined]
            for one in batch:
                record = READINGS_DECODER.decode(one.value)
                if isinstance(record, PatientReadings):
                    arrivals.setdefault(record.patient_id, CLOCK.wall_ms())


def _read_stream(url: str, arrivals: Arrivals, stop: Event) -> None:
    address = f"{url}api/v1/alerts/stream"
    with urllib.request.urlopen(address, timeout=GIVE_UP_S) as stream:  # noqa: S310 (our own)
        for line in stream:
            if stop.is_set():
                return
            frame = json.loads(line[6:]) if line.startswith(b"data: {") else {}
            for card in frame.get("cards", ()):
                arrivals.setdefault(card["patient_id"], CLOCK.wall_ms())


@contextmanager
def _pager(arrivals: Arrivals) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at_ms = CLOCK.wall_ms()
            notice = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrivals.setdefault(notice["subject"].rpartition(" ")[2], at_ms)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _mail_server(arrivals: Arrivals) -> Iterator[str]:
    """Run a mail server that prints what it has taken."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "aiosmtpd", "--nosetuid", "--listen", f"127.0.0.1:{port}"],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    reader = Thread(target=_read_mails, args=(process, arrivals))
    reader.start()
    try:
        _greet(port)
        yield f"smtp://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        reader.join()


def _greet(port: int) -> None:
    """Wait until the mail server speaks."""
    never, give_up_s = Event(), time.perf_counter() + GIVE_UP_S
    while True:
        try:
            smtplib.SMTP("127.0.0.1", port, timeout=5).close()
        except OSError:
            assert time.perf_counter() < give_up_s, "no mail server"
            never.wait(0.05)
        else:
            return


def _read_mails(process: subprocess.Popen[str], arrivals: Arrivals) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Subject: "):
            arrivals.setdefault(line.split()[-1], CLOCK.wall_ms())


@contextmanager
def _clinic(kafka: EmbeddedKafka, pager: str, mail_server: str) -> Iterator[str]:
    """Run desk and feed; give the page's address once both work."""
    rota = RotaEntry(
        "home",
        contacts=[Contact("nurse", [Channel("webhook", pager), Channel("email", "nurse@here")])],
        off_hours=OffHours(["nurse"], ["nurse"]),
        programme_lead=["nurse"],
        technical=["nurse"],
    )
    with producer_to(kafka) as producer:
        register(producer, map(named, range(READINGS_COUNT)))
        producer.send(REGISTRY, msgspec.json.encode(rota), key=f"{ROTA_KEY}home".encode())
        producer.flush()
    page_port, ports = free_port(), [free_port(), free_port()]
    commands = (
        ["desk", "--monitor-port", str(ports[0]), "--mail-server", mail_server],
        ["feed", "--port", str(page_port), "--monitor-port", str(ports[1])],
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "vitalwire", "alerts", *command],
            env=os.environ | {KAFKA_VARIABLE: kafka.bootstrap},
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        for port in ports:
            wait_until_ready(port)
        yield f"http://127.0.0.1:{page_port}/"
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=60)
