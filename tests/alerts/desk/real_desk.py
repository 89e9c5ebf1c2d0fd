"""The desk as it is shipped, in a thread or as a process, and the log that it works by."""

import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import msgspec

from alerts.desk.bookmark_file import BookmarkFile
from alerts.desk.channels import Channels, senders
from alerts.desk.daemon import DeskDaemon
from alerts.desk.delivery import Delivery
from alerts.log import Log
from alerts.records import decode
from schemas.alert import Action, Transition
from schemas.clock import Clock, SystemClock
from schemas.rota import ROTA_KEY, Channel, Contact, OffHours, RotaEntry
from schemas.servers import KAFKA_VARIABLE
from schemas.topics import ACTIONS, REGISTRY
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.ports import free_port
from simulators.stack.process import Child, Program
from tests.alert_log import AlertLog
from tests.alert_records import transition
from tests.servers import eventually


@contextmanager
def running(
    kafka: EmbeddedKafka,
    clock: Clock | None = None,
    name: str = "desk-1",
    bookmark: Path | None = None,
) -> Iterator[DeskDaemon]:
    stop, rng = threading.Event(), Random(1)
    delivery = Delivery(Channels(senders(None), rng, stop))
    clock = clock or SystemClock()
    daemon = DeskDaemon(kafka.bootstrap, delivery, clock, rng, stop, "http://feed/", name)
    daemon.bookmark = BookmarkFile(bookmark)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        eventually(lambda: daemon.waiting_for is None)
        yield daemon
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def process(kafka: EmbeddedKafka, folder: Path) -> Iterator[Child]:
    """Run a desk as a process of its own; it has read the log when this gives it."""
    port = free_port()
    command = (sys.executable, "-m", "vitalwire", "alerts", "desk", "--monitor-port", str(port))
    log = folder / f"desk-{port}.log"
    program = Program("desk", command, log, {KAFKA_VARIABLE: kafka.bootstrap})
    with Child(program).start() as child:
        eventually(lambda: is_ready(port))
        yield child


def is_ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
    except OSError:
        return False
    return True


def staff(log: AlertLog, url: str, **contacts: str) -> None:
    """Put somebody on duty day and night; further names have addresses of their own."""
    addresses = {"nurse": url, **contacts}
    rota = RotaEntry(
        "home",
        contacts=[
            Contact(name, [Channel("webhook", address)]) for name, address in addresses.items()
        ],
        off_hours=OffHours(["nurse"], ["second"]),
        programme_lead=["nurse"],
        technical=["technician"],
    )
    put_rota(log, rota)


def put_rota(log: AlertLog, rota: RotaEntry) -> None:
    log.put_raw(REGISTRY, f"{ROTA_KEY}{rota.programme}", msgspec.json.encode(rota))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def onset(event_id: str = "1", **fields: object) -> Transition:
    return transition(event_id, **{"at_ms": now_ms(), **fields})  # type: ignore[arg-type]


def actions(kafka: EmbeddedKafka) -> list[Action]:
    """Give alerts.actions.v1, in its order."""
    with Log(kafka.bootstrap, (ACTIONS,), "test") as log:
        log.seek({})
        ends, found = log.ends(), []
        while any(log.position()[place] < end for place, end in ends.items()):
            found += [decode(ACTIONS, one.key, one.value) for one in log.poll(100)]
    return [one for one in found if isinstance(one, Action)]


def kinds(kafka: EmbeddedKafka) -> list[str]:
    return [one.kind for one in actions(kafka)]
