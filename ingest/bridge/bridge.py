"""The bridge as a daemon: MQTT messages in, Kafka records out, PUBACK only after Kafka has them.

Invariants: messages are acknowledged in the order of their receipt, each only after every record
of it is acknowledged by Kafka; a failed produce is tried again here, for no broker re-delivers on a
live connection; at most RECEIVE_MAXIMUM messages wait, because the broker sends no more.
"""

from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event

import msgspec
import paho.mqtt.client as paho
import structlog
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.bridge import metrics
from ingest.bridge.opening import Message
from ingest.bridge.parse import parse
from ingest.delivery import Delivery
from ingest.mqtt_link import MqttLink, Session
from ingest.outgoing import Outgoing
from ingest.registry.follower import RegistryFollower
from ingest.waiting import Condition
from schemas import topics
from schemas.clock import Clock
from schemas.kafka import Tick
from schemas.servers import MqttServer

RECEIVE_MAXIMUM = 100
SESSION_EXPIRY_S = 7 * 24 * 3600
TICK_EVERY_MS = 15_000
_TAKE_WITHIN_S = 0.2
_DO_NOT_SEND_RETAINED = 2
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Received:
    """A message and the connection that it came by."""

    epoch: int
    raw: paho.MQTTMessage
    message: Message


class Bridge:
    """Moves messages until told to stop. One thread moves; MQTT and the registry have their own."""

    def __init__(self, delivery: Delivery, registry: RegistryFollower, clock: Clock) -> None:
        """``registry`` is started by its owner; nothing is taken before it is complete."""
        self._delivery = delivery
        self._registry = registry
        self._clock = clock
        self._inbox: SimpleQueue[Received] = SimpleQueue()
        self._inbox_epoch = 0
        self._link: MqttLink | None = None
        self._tick_due_ms = 0

    def connect(self, server: MqttServer, client_id: str, condition: Condition) -> MqttLink:
        """Make the link whose messages this bridge moves; its owner starts and stops it."""
        readings = SubscribeOptions(
            qos=1, retainAsPublished=True, retainHandling=_DO_NOT_SEND_RETAINED
        )
        session = Session(
            client_id,
            (
                (topics.mqtt_filter("readings"), readings),
                (topics.mqtt_filter("health"), SubscribeOptions(qos=1)),
                (topics.mqtt_filter("canary"), readings),
            ),
            SESSION_EXPIRY_S,
            RECEIVE_MAXIMUM,
        )
        self._link = MqttLink(server, session, condition, self._put_aside)
        return self._link

    def _put_aside(self, epoch: int, raw: paho.MQTTMessage) -> None:
        """Note when a message came; runs in MQTT's thread.

        What an earlier connection brought comes again by this one: were it kept while Kafka is
        away, each loss of the connection would add as much as the broker may send.
        """
        if epoch != self._inbox_epoch:
            metrics.lapsed.inc(self._inbox.qsize())
            self._inbox, self._inbox_epoch = SimpleQueue(), epoch
        properties = getattr(raw.properties, "UserProperty", [])
        message = Message(
            _topic(raw),
            bytes(raw.payload),
            self._clock.wall_ms(),
            list(properties),
            bool(raw.retain),
            getattr(raw.properties, "MessageExpiryInterval", None),
        )
        self._inbox.put(Received(epoch, raw, message))

    def run(self, stop: Event) -> None:
        """Move messages until ``stop``; what was not acknowledged comes again."""
        while not stop.is_set():
            if self._registry.complete.wait(_TAKE_WITHIN_S):
                break
        while not stop.is_set():
            self._tick(stop)
            batch = self._take()
            if batch:
                with metrics.seconds.time():
                    self._move(batch, stop)

    def _take(self) -> list[Received]:
        """Take what waits, at most a batch; messages of a lost connection come again."""
        taken: list[Received] = []
        try:
            taken.append(self._inbox.get(timeout=_TAKE_WITHIN_S))
            while len(taken) < RECEIVE_MAXIMUM:
                taken.append(self._inbox.get_nowait())
        except Empty:
            pass
        assert self._link is not None, "connect() comes before run()"
        current = [received for received in taken if received.epoch == self._link.epoch]
        metrics.lapsed.inc(len(taken) - len(current))
        metrics.waiting.set(self._inbox.qsize())
        return current

    def _move(self, batch: list[Received], stop: Event) -> None:
        """Parse, produce, wait, and only then acknowledge, in order."""
        records: list[Outgoing] = []
        view = self._registry.view
        for received in batch:
            parsed = parse(received.message, view.attribute, view.zone_of)
            records.extend(parsed.records)
            for (outcome, reason), count in parsed.outcomes.items():
                metrics.items.labels(outcome, reason).inc(count)
        metrics.messages.inc(len(batch))
        if not self._delivery.deliver(records, stop):
            return
        assert self._link is not None
        for received in batch:
            if self._link.acknowledge(received.epoch, received.raw):
                metrics.acknowledged.inc()
            else:
                metrics.lapsed.inc()

    def _tick(self, stop: Event) -> None:
        """Move log time in every partition when nothing arrives."""
        now_ms = self._clock.monotonic_ms()
        if now_ms < self._tick_due_ms:
            return
        self._tick_due_ms = now_ms + TICK_EVERY_MS
        value = msgspec.json.encode(Tick(self._clock.wall_ms()))
        ticks = [
            Outgoing(topics.READINGS, None, value, partition)
            for partition in sorted(self._delivery.partitions(topics.READINGS, stop))
        ]
        if self._delivery.deliver(ticks, stop):
            metrics.ticks.inc(len(ticks))


def _topic(raw: paho.MQTTMessage) -> str:
    """Read the topic; one that is no UTF-8 names no gateway, and its message is kept as that."""
    try:
        return raw.topic
    except UnicodeDecodeError:
        return ""
