"""Writes what the engine found: durable when ``write`` returns, repeated rather than lost."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import Self

import msgspec
import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from alerts.records import Place
from schemas.backoff import Backoff
from schemas.errors import UnavailableError
from schemas.kafka_clients import connected, hang_up

_CONNECT_MS = 3_000  # nobody can stop it meanwhile, and a stop must not take 5 s
_REQUEST_MS = 5_000
_DELIVERY_MS = 10_000
_LOOK_S = 0.5
# ``write`` hands over many records and flushes: until then nothing need be sent, or each record
# would wake kafka-python's thread.
_LINGER_MS = 100
# More than a round's states of one partition, or each further record would wake it; with room to a
# broker's limit of 1 MiB (message.max.bytes).
_BATCH_BYTES = 768 * 1024
_CLOSE_WITHIN_S = 1.0

_log = structlog.get_logger()
# It would say at length, and again and again, what the engine says once.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class Message(msgspec.Struct, frozen=True, gc=False):  # a dataclass takes ten times as long
    """A record to write; ``value`` None removes; ``partition`` None: by the key."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """What to do while a server does not answer."""

    stop: Event
    rng: Random
    waiting: Callable[[str | None], None]
    """Is told why it takes so long, and None when it is over."""
    may: Callable[[], bool] = lambda: True
    """Asked before each try: whether there still is a reason to write."""


class Output(AbstractContextManager["Output"]):
    """A connection that writes; use it from one thread."""

    def __init__(self, bootstrap: str, client_id: str) -> None:
        """Connect; raise ``UnavailableError``."""
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._producer: KafkaProducer | None = self._connect()
        self.ends: dict[Place, int] = {}
        """By (topic, partition): the offset behind the last record written there."""

    def write(self, messages: Sequence[Message], patience: Patience) -> bool:
        """Write all, in order, however long it takes; False if ``stop`` or ``may`` ended that."""
        backoff, said = Backoff(patience.rng), ""
        while patience.may():
            try:
                self._try(messages, patience)
            except UnavailableError as error:
                if error.cause != said:
                    _log.warning("output.refused", cause=error.cause, records=len(messages))
                said = error.cause
                patience.waiting(said)
            else:
                if said:
                    patience.waiting(None)
                return True
            if patience.stop.wait(backoff.next_s()):
                return False
        return False

    def _try(self, messages: Sequence[Message], patience: Patience) -> None:
        """Write all or fail; what failed is tried on a new connection.

        An idempotent producer may refuse for ever to go on after an error, and records that were
        written all the same come twice, under the same names.
        """
        try:
            self._producer = self._producer or self._connect()
            sent = [
                self._producer.send(one.topic, one.value, key=one.key, partition=one.partition)
                for one in messages
            ]
            while (
                patience.may()
                and not patience.stop.is_set()
                and not all(future.is_done for future in sent)
            ):
                with suppress(KafkaTimeoutError):  # each future has its own, longer limit
                    self._producer.flush(timeout=_LOOK_S)
            for future in sent:
                done = future.value if future.succeeded() else future.get(timeout=0)
                self.ends[done.topic, done.partition] = done.offset + 1
        except (KafkaError, AssertionError) as error:  # it asserts that the partition exists
            self._disconnect()
            raise UnavailableError(f"Kafka takes no records: {type(error).__name__}.") from error

    def _connect(self) -> KafkaProducer:
        try:
            return connected(
                KafkaProducer,
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                bootstrap_timeout_ms=_CONNECT_MS,
                request_timeout_ms=_REQUEST_MS,
                delivery_timeout_ms=_DELIVERY_MS,
                max_block_ms=_CONNECT_MS,
                linger_ms=_LINGER_MS,
                batch_size=_BATCH_BYTES,
                reconnect_backoff_max_ms=1_000,
                metrics_enabled=False,
            )
        except KafkaError as error:
            raise UnavailableError(f"Kafka at {self._bootstrap} does not answer.") from error

    def _disconnect(self) -> None:
        if self._producer is not None:
            hang_up(self._producer, _CLOSE_WITHIN_S)
            self._producer = None

    def __exit__(self, *_: object) -> None:
        """Disconnect; everything was written or is written again after the next start."""
        self._disconnect()

    def __enter__(self) -> Self:
        """Nothing to do: connected since it was made."""
        return self
