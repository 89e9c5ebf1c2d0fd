"""The clinic on this machine: three servers, then the daemons that the real clinic runs.

The daemons are the shipped command lines in processes of their own. Two groups stop one after the
other: the daemons while the servers still answer, then the servers.
"""

import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Self

from schemas.errors import MisconfiguredError, UnavailableError
from schemas.servers import DATABASE_VARIABLE, KAFKA_VARIABLE, MQTT_VARIABLE
from simulators.demo.supervisor import Report, Supervisor
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.ports import free_port
from simulators.stack.postgres import EmbeddedPostgres
from simulators.stack.process import LOOPBACK, Child, Program, last_line
from simulators.stack.server import KafkaBroker, MqttBroker, Server

PARTITIONS = 4
READY_WITHIN_S = 30.0
_SETUP_WITHIN_S = 60.0
_ASK_EVERY_S = 0.05
VITALWIRE = (sys.executable, "-P", "-m", "vitalwire")


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon of the clinic and where it says whether it is ready."""

    child: Child
    monitor_port: int


@dataclass(frozen=True, slots=True)
class Servers:
    """What the daemons need, not yet started."""

    kafka: KafkaBroker
    mqtt: MqttBroker
    postgres: EmbeddedPostgres


ChooseServers = Callable[[Path], Servers]
"""Says which servers shall keep their data under a directory."""


def embedded_servers(directory: Path) -> Servers:
    """Choose those that a Python environment can carry."""
    return Servers(EmbeddedKafka(directory), EmbeddedMqtt(directory), EmbeddedPostgres(directory))


class Clinic(AbstractContextManager["Clinic"]):
    """Servers and daemons under one directory; ``step`` keeps them alive.

    ``with Clinic(directory, port, rng, report) as clinic: clinic.start()``.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        rng: Random,
        report: Report,
        choose: ChooseServers = embedded_servers,
    ) -> None:
        """Serve the page on ``port``; tell ``report`` of anything that ends by itself."""
        self.logs = directory / "logs"
        self.port = port
        place = directory / "servers"
        place.mkdir(exist_ok=True)
        place.chmod(0o711)  # PostgreSQL's own user passes through
        chosen = choose(place)
        self.kafka, self.mqtt, self.postgres = chosen.kafka, chosen.mqtt, chosen.postgres
        self._server_group = Supervisor(rng, report)
        self._daemon_group = Supervisor(rng, report)
        self._daemons: list[Daemon] = []
        self._exit = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """What the daemons need to find the servers."""
        return {
            DATABASE_VARIABLE: self.postgres.url,
            KAFKA_VARIABLE: self.kafka.bootstrap,
            MQTT_VARIABLE: self.mqtt.url,
        }

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{LOOPBACK}:{self.port}/"

    @property
    def crashes(self) -> list[str]:
        """What ended by itself so far, in words."""
        return self._server_group.crashes + self._daemon_group.crashes

    def start_servers(self) -> None:
        """Start the three side by side and wait for each; raises ``UnavailableError``."""
        servers: tuple[Server, ...] = (self.kafka, self.mqtt, self.postgres)
        for server in servers:
            mend = self._mend_kafka if server is self.kafka else None
            self._server_group.adopt(server.start().child, mend)
        for server in servers:
            server.wait()

    def set_up(self) -> None:
        """Make the database's tables and Kafka's topics: `vitalwire ingest setup`."""
        run_to_end(
            Program(
                name="ingest-setup",
                command=(*VITALWIRE, "ingest", "setup", "--partitions", str(PARTITIONS)),
                log=self.logs / "ingest-setup.log",
                environment=self.environment,
            ),
            _SETUP_WITHIN_S,
        )

    def start_daemons(self) -> None:
        """Start every daemon of the clinic without waiting."""
        for name, words in {
            "ingest-registry": ("ingest", "registry"),
            "ingest-bridge": ("ingest", "bridge"),
            "ingest-sink": ("ingest", "sink"),
            "alerts-engine": ("alerts", "engine", "--alone"),
            "alerts-desk": ("alerts", "desk", "--page-url", self.url),
            "alerts-projector": ("alerts", "projector"),
            "alerts-feed": ("alerts", "feed", "--port", str(self.port)),
            "alerts-watch": ("alerts", "watch", "--period-s", "15"),
        }.items():
            monitor_port = free_port()
            command = (*VITALWIRE, *words, "--monitor-port", str(monitor_port))
            log = self.logs / f"{name}.log"
            child = Child(Program(name, command, log, self.environment))
            self._daemons.append(Daemon(self._daemon_group.start(child), monitor_port))

    def wait_for_daemons(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait until every daemon says that it does its work; raises ``UnavailableError``."""
        deadline_s = time.monotonic() + within_s
        waiting = self._daemons
        while waiting := [daemon for daemon in waiting if not is_ready(daemon.monitor_port)]:
            self.step()
            if time.monotonic() > deadline_s:
                names = ", ".join(daemon.child.program.name for daemon in waiting)
                raise UnavailableError(
                    f"Not ready within {within_s:.0f} s: {names}.", f"Their logs: {self.logs}."
                )
            time.sleep(_ASK_EVERY_S)

    def step(self) -> None:
        """Start again what ended by itself; call it a few times a second."""
        self._server_group.step()
        self._daemon_group.step()

    def take_away(self, server: Server) -> None:
        """Stop one of the servers until ``put_back``."""
        self._server_group.pause(server.child)

    def put_back(self, server: Server) -> None:
        """Start it on the data that it left, and wait for it."""
        self._server_group.resume(server.child)
        server.wait()

    def take_database_away(self) -> None:
        """Stop PostgreSQL until ``put_database_back``."""
        self.take_away(self.postgres)

    def put_database_back(self) -> None:
        """Start PostgreSQL on the data that it left, and wait for it."""
        self.put_back(self.postgres)

    @property
    def database_is_away(self) -> bool:
        """Whether PostgreSQL was taken away on purpose."""
        return self._server_group.is_paused(self.postgres.child)

    def monitor_port_of(self, name: str) -> int:
        """Give where a daemon tells its figures; raises ``KeyError`` for a name that none has."""
        return {one.child.program.name: one.monitor_port for one in self._daemons}[name]

    def daemon(self, name: str) -> Child:
        """Find a daemon by name, such as ``ingest-sink``."""
        return next(one.child for one in self._daemons if one.child.program.name == name)

    def _mend_kafka(self) -> None:
        """Make the topics again: the embedded Kafka keeps nothing over a restart."""
        self.kafka.wait()
        self.set_up()

    def __enter__(self) -> Self:
        """Start nothing yet, but stop whatever will have started."""
        self._exit.callback(self.postgres.close)
        self._exit.enter_context(self._server_group)
        self._exit.enter_context(self._daemon_group)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the daemons, then the servers."""
        self._exit.close()


def run_to_end(program: Program, within_s: float) -> None:
    """Run a program that ends by itself; raises ``UnavailableError`` with its last words."""
    with Child(program) as child:
        code = child.wait_for_end(within_s)
    if code != 0:
        how = f"did not end within {within_s:.0f} s" if code is None else f"failed (exit {code})"
        raise UnavailableError(
            f"{program.name} {how}: {last_line(program.log)}.", f"Its log is {program.log}."
        )


def page_port(wanted: int) -> int:
    """Give the page's port, for 0 a free one; raises ``MisconfiguredError`` if it is taken."""
    if wanted == 0:
        return free_port()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((LOOPBACK, wanted))
        except OSError as error:
            raise MisconfiguredError(
                f"Port {wanted} cannot be used: {error.strerror}.",
                "Choose another with --port, or 0 for any free one.",
            ) from error
    return wanted


def is_ready(monitor_port: int) -> bool:
    """Ask a daemon whether it does its work."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{monitor_port}/readyz", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
