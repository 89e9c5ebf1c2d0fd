"""Records to Kafka, durably: every one is acknowledged by all replicas, or tried again for ever."""

from collections.abc import Callable, Sequence
from random import Random
from threading import Event
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from ingest import kafka_clients
from ingest.outgoing import Outgoing
from ingest.waiting import Condition, until_available
from schemas.backoff import Backoff
from schemas.kafka_clients import hang_up
from schemas.servers import kafka_server

_LOOK_EVERY_S = 0.5
_CLOSE_WITHIN_S = 1.0
_LOOKS_MAX = 16  # 8 s: longer than the producer itself waits before it gives up
_KAFKA = "kafka"


class Delivery:
    """A producer that outlives its broker. Used by one thread."""

    def __init__(self, connect: Callable[[], KafkaProducer], condition: Condition) -> None:
        """``connect`` makes a producer or raises ``UnavailableError``."""
        self._connect = connect
        self._condition = condition
        self._producer: KafkaProducer | None = None

    def deliver(self, records: Sequence[Outgoing], stop: Event) -> bool:
        """Return True once every record is acknowledged, False if ``stop`` came first."""
        backoff = Backoff(Random())
        waiting = list(records)
        while waiting and not stop.is_set():
            producer = self._producer or until_available(
                self._connect, _KAFKA, self._condition, stop
            )
            if producer is None:
                break
            self._producer = producer
            waiting, error = _send(producer, waiting, stop)
            if error is None:
                self._condition.good(_KAFKA)
                continue
            self._condition.bad(_KAFKA, f"a record was not acknowledged: {error}")
            self._hang_up()  # the client that failed is not asked again what is wrong with it
            stop.wait(backoff.next_s())
        return not waiting

    def partitions(self, topic: str, stop: Event) -> set[int]:
        """List a topic's partitions; none if nobody knows it now."""
        producer = self._producer or until_available(self._connect, _KAFKA, self._condition, stop)
        if producer is None:
            return set()
        self._producer = producer
        try:
            return set(producer.partitions_for(topic) or ())
        except KafkaError:
            return set()

    def close(self) -> None:
        """Hang up; what was not acknowledged was never promised to anybody."""
        self._hang_up(_CLOSE_WITHIN_S)

    def _hang_up(self, within_s: float = 0) -> None:
        if self._producer is not None:
            hang_up(self._producer, within_s)
            self._producer = None


def kafka_delivery(client_id: str, condition: Condition) -> Delivery:
    """Deliver to the Kafka of the environment."""
    server = kafka_server()
    return Delivery(lambda: kafka_clients.producer(server, client_id), condition)


def _send(
    producer: KafkaProducer, records: Sequence[Outgoing], stop: Event
) -> tuple[list[Outgoing], KafkaError | None]:
    """Send all, then wait for all; give what to send again, in order, and a reason.

    That is everything from the first failure on, and some of it twice: sent later than its
    successor, a record would be the last of its key, and the one that a compacted topic keeps.
    """
    promises = []
    reason: KafkaError | None = None
    for record in records:
        try:
            promises.append(
                producer.send(record.topic, record.value, record.key, partition=record.partition)
            )
        except KafkaError as error:  # no metadata in time: the others would wait as long
            reason = error
            break
    first_failed = len(promises)
    for position, promise in enumerate(promises):
        refused = _outcome(promise, stop)
        if refused is not None:
            reason = refused
            first_failed = min(first_failed, position)
    return list(records[first_failed:]), reason


def _outcome(promise: Any, stop: Event) -> KafkaError | None:  # noqa: ANN401  (kafka has no types)
    """Wait for one acknowledgement; give what went wrong."""
    waited: KafkaError = KafkaTimeoutError("no acknowledgement in time")
    for _ in range(_LOOKS_MAX):
        try:
            promise.get(timeout=_LOOK_EVERY_S)
            return None
        except KafkaError as error:
            waited = error
        if promise.is_done or stop.is_set():
            break
    return waited
