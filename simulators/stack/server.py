"""What servers as children share: start, wait, stop; together as a context."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Self

from simulators.stack.process import LOOPBACK, Child


class Server(AbstractContextManager["Server"], ABC):
    """A server as a child process. ``start`` and ``wait`` apart let several come up side by side.

    It can be stopped and started again at the same address.
    """

    child: Child

    def start(self) -> Self:
        """Start without waiting; raises ``UnavailableError`` or ``MisconfiguredError``."""
        self.child.start()
        return self

    @abstractmethod
    def wait(self) -> Self:
        """Wait until clients are served; raises ``UnavailableError`` after a bound."""

    def stop(self) -> None:
        """Stop it; ``start`` takes it up again."""
        self.child.stop()

    def close(self) -> None:
        """Stop it for good."""
        self.stop()

    def __enter__(self) -> Self:
        """Start and wait."""
        try:
            return self.start().wait()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        """Stop for good."""
        self.close()


class KafkaBroker(Server):
    """A server that speaks Kafka's protocol."""

    @property
    @abstractmethod
    def bootstrap(self) -> str:
        """``host:port`` for clients, and the value of VITALWIRE_KAFKA."""


class MqttBroker(Server):
    """A server that speaks MQTT 5."""

    port: int

    @property
    def url(self) -> str:
        """``mqtt://host:port``, the value of VITALWIRE_MQTT."""
        return f"mqtt://{LOOPBACK}:{self.port}"
