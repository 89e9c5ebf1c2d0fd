"""Two engines share the work; one is killed, or only stopped for a while: the same everywhere."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.servers import KAFKA_VARIABLE
from simulators.stack.ports import free_port
from simulators.stack.process import LOOPBACK
from simulators.stack.server import KafkaBroker
from tests.alerts.engine.clinic import EVENTS, PARTITIONS, PATIENTS, Clinic, story
from tests.alerts.readings import MINUTE, NOON
from tests.servers import eventually


class Member:
    """An engine of a group, as a process of its own."""

    def __init__(self, server: KafkaBroker, *options: str) -> None:
        self.port = free_port()
        words = ("alerts", "engine", "--monitor-port", str(self.port), *options)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vitalwire", *words],
            env=os.environ | {KAFKA_VARIABLE: server.bootstrap},
        )

    def leads(self) -> int:
        """Tell how many partitions it says that it judges; -1 while it does not say so."""
        if self.waits_for() is not None:
            return -1
        for line in self._ask("/metrics").splitlines():
            if line.startswith("vitalwire_alerts_partitions_led "):
                return int(float(line.split()[1]))
        return -1

    def waits_for(self) -> str | None:
        """Tell why it is not ready."""
        try:
            status = json.loads(self._ask("/readyz"))["status"]
        except OSError as error:
            return str(error)
        return None if status == "ready" else str(status)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _ask(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())


@contextmanager
def members(server: KafkaBroker, count: int, *options: str) -> Iterator[list[Member]]:
    started = [Member(server, *options) for _ in range(count)]
    try:
        yield started
    finally:
        for member in started:
            member.kill()


def tell(clinic: Clinic, step: int) -> None:
    clinic.receive(*((patient, story(patient)[step]) for patient in PATIENTS))


def live_through(clinic: Clinic, first: Member, second: Member) -> None:
    """Let one sleep and the other die; nothing may be missed, nothing may have two names."""
    eventually(lambda: first.leads() == second.leads() == PARTITIONS // 2)
    tell(clinic, 0)
    clinic.wait_for(len(PATIENTS))
    first.pause()  # it is taken for dead, and will believe that it leads
    tell(clinic, 1)
    tell(clinic, 2)
    clinic.wait_for(2 * len(PATIENTS))
    first.go_on()
    eventually(lambda: first.leads() == second.leads() == PARTITIONS // 2)
    second.kill()
    tell(clinic, 3)
    tell(clinic, 4)
    clinic.tick(NOON + 30 * MINUTE)
    events = clinic.wait_for(len(EVENTS) * len(PATIENTS))
    for patient in PATIENTS:
        mine = Counter(one.event for one in events.values() if one.patient_id == patient)
        assert mine == Counter(EVENTS)
    assert all(events[one.event_id] == one for one in clinic.transitions)
