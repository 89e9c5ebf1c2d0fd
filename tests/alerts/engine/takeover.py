"""Two engines share the work; one is killed, or only stopped for a while: the same everywhere."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.servers import KAFKA_VARIABLE
from simulators.stack.process import LOOPBACK, free_port
from simulators.stack.server import KafkaBroker


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
        self.process.wait(timeout=10)

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
