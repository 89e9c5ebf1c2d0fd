"""Writes what the engine found: durable when ``write`` returns, repeated rather than lost."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import Any, Self

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas.backoff import Backoff
from schemas.errors import UnavailableError

_TIMEOUT_MS = 5_000
_BOOTSTRAP_MS = 3_000  # no stop is noticed meanwhile, and it must not take 5 s

_log = structlog.get_logger()
# It would say at length, and again and again, what the engine says once.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Message:
    """A record to write; ``partition`` None: by the key."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None


class Output(AbstractContextManager["Output"]):
    """A connection that writes; use it from one thread."""

    def __init__(self, bootstrap: str, client_id: str) -> None:
        """Connect; raise ``UnavailableError``."""
        settings: dict[str, Any] = {"bootstrap_servers": bootstrap, "client_id": client_id}
        try:
            self._producer = KafkaProducer(
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                request_timeout_ms=_TIMEOUT_MS,
                delivery_timeout_ms=2 * _TIMEOUT_MS,
                max_block_ms=_TIMEOUT_MS,
                reconnect_backoff_max_ms=1_000,
                metrics_enabled=False,
                **settings,
            )
        except KafkaError as error:
            raise UnavailableError(f"Kafka at {bootstrap} does not answer.") from error

    def write(self, messages: Sequence[Message], stop: Event, rng: Random) -> bool:
        """Write all, in order, however long it takes; False only if ``stop`` came first."""
        backoff, said = Backoff(rng), ""
        while True:
            try:
                self._try(messages)
                return True
            except (KafkaError, AssertionError) as error:  # an unknown partition is asserted there
                cause = type(error).__name__
            if cause != said:
                _log.warning("output.refused", cause=cause, records=len(messages))
                said = cause
            if stop.wait(backoff.next_s()):
                return False

    def _try(self, messages: Sequence[Message]) -> None:
        sent = [
            self._producer.send(one.topic, one.value, key=one.key, partition=one.partition)
            for one in messages
        ]
        self._producer.flush(timeout=2 * _TIMEOUT_MS / 1000)
        for future in sent:
            future.get(timeout=0)

    def __enter__(self) -> Self:
        """Nothing to do: connected since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect; everything was written or is written again after the next start."""
        self._producer.close(timeout=1)
