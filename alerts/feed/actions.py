"""Writes what people did to alerts.actions.v1, before it takes effect anywhere."""

import threading

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas.alert import Action
from schemas.errors import UnavailableError
from schemas.kafka_clients import connected, hang_up
from schemas.topics import ACTIONS

_TIMEOUT_S = 5.0
_CLOSE_WITHIN_S = 1.0


class ActionWriter:
    """A producer that is made when first needed; ``append`` may be called from any thread."""

    def __init__(self, bootstrap: str, timeout_s: float = _TIMEOUT_S) -> None:
        """Remember where Kafka is; connect later, so that a page can be read without it."""
        self._bootstrap = bootstrap
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None

    def append(self, action: Action) -> None:
        """Return once every replica has the record; raises ``UnavailableError`` if that fails.

        After a failure the record may still arrive: it then counts as what the person asked for.
        """
        try:
            future = self._connected().send(
                ACTIONS, key=action.patient_id.encode(), value=msgspec.json.encode(action)
            )
            future.get(self._timeout_s)
        except KafkaError as error:
            raise UnavailableError(
                f"Kafka did not confirm the action: {type(error).__name__}.", "Try again."
            ) from error

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._producer is not None:
                hang_up(self._producer, _CLOSE_WITHIN_S)
                self._producer = None

    def _connected(self) -> KafkaProducer:
        timeout_ms = int(self._timeout_s * 1000)
        with self._lock:
            if self._producer is None:
                self._producer = connected(
                    KafkaProducer,
                    bootstrap_servers=self._bootstrap,
                    client_id="vitalwire-feed",
                    acks="all",
                    bootstrap_timeout_ms=timeout_ms,
                    max_block_ms=timeout_ms,
                    request_timeout_ms=timeout_ms // 2,
                    delivery_timeout_ms=timeout_ms,
                    reconnect_backoff_max_ms=1_000,
                    metrics_enabled=False,
                )
            return self._producer
