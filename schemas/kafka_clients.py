"""What kafka-python's clients leave to whoever uses them: how they begin, and how they end."""

from collections.abc import Callable
from socket import socket
from typing import Any, TypeVar
from weakref import WeakSet

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.net.selector import NetworkSelector

_FORCED_CLOSE_WITHIN_S = 2.0
_Client = TypeVar("_Client")


class _Network(NetworkSelector):  # type: ignore[misc]  # kafka-python has no types
    """A client's event loop, which closes at its end what its failed connects have left.

    Each leaves its socket to the garbage collector, in a cycle with its error: in a process with
    many objects there may be no descriptors any more before there is a full collection.
    """

    def __init__(self, **given: Any) -> None:  # noqa: ANN401  (kafka-python's)
        super().__init__(**given)
        self._met: WeakSet[socket] = WeakSet()

    def register_event(self, fileobj: socket, event: int, task: object) -> None:
        """Wait for a socket."""
        self._met.add(fileobj)
        super().register_event(fileobj, event, task)

    def close(self) -> None:
        """End."""
        super().close()
        for met in self._met:
            met.close()


def connected(kind: Callable[..., _Client], **settings: Any) -> _Client:  # noqa: ANN401  (no types)
    """Make a consumer, producer or admin client; raise ``KafkaError`` if no broker answers.

    One that met none leaves nothing behind. kafka-python 3.0.12 begins the thread of a consumer's
    or admin client's network before it looks for a broker, and never ends it if there is none: a
    thread and three descriptors for each try, and Kafka may be away for a weekend.

    Nor does a client make a topic that its broker lost, with another number of partitions: that is
    left to `vitalwire ingest setup`. kafka-python takes ``allow_auto_create_topics`` and does not
    hand it on (its net/manager.py).
    """
    networks: list[KafkaNetClient] = []

    def network(**given: Any) -> KafkaNetClient:  # noqa: ANN401
        made = KafkaNetClient(net=_Network(**given), **given)
        made.cluster.config["allow_auto_create_topics"] = False
        networks.append(made)
        return made

    try:
        return kind(kafka_client=network, **settings)
    except BaseException:
        for made in networks:
            made.close()
        raise


def hang_up(producer: KafkaProducer, within_s: float) -> None:
    """Close a producer; records that were not acknowledged by then fail.

    kafka-python's close() flushes first and, if a record is still under way, raises and leaves its
    thread and sockets behind. Ending the thread fails such records; then nothing is left to flush.
    """
    try:
        producer.close(timeout=within_s)
    except KafkaTimeoutError:
        producer._sender.force_close()  # noqa: SLF001  (nothing public ends the thread)
        producer.close(timeout=_FORCED_CLOSE_WITHIN_S)
