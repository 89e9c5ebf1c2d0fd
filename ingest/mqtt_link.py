"""One MQTT 5 connection in a thread of its own, which comes back for ever.

paho's own reconnect has no jitter, and its thread hides the first failure; hence this loop. What
the broker sends is only put aside here (callbacks decide nothing).
"""

import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from random import Random

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.waiting import Condition
from schemas.backoff import Backoff
from schemas.servers import MqttServer

MQTT = "mqtt"
KEEPALIVE_S = 30
CONNECT_WITHIN_S = 3.0
QUEUED_MAX = 10_000
_LOOP_S = 0.5
_STOP_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Session:
    """How this client wants to be treated by the broker.

    ``expiry_s``: how long the broker keeps the session without us; 0: not at all.
    ``receive_maximum``: messages sent to us and not yet acknowledged.
    """

    client_id: str
    subscriptions: tuple[tuple[str, SubscribeOptions], ...] = ()
    expiry_s: int = 0
    receive_maximum: int = 100


class MqttLink:
    """Connect, subscribe, stay connected. ``epoch`` changes with every loss of the connection."""

    def __init__(
        self,
        server: MqttServer,
        session: Session,
        condition: Condition,
        on_message: Callable[[int, paho.MQTTMessage], None] | None = None,
    ) -> None:
        """``on_message`` gets the epoch and the message, in the link's thread."""
        self._server = server
        self._session = session
        self._condition = condition
        self._on_message = on_message
        self._epoch_lock = threading.Lock()
        self._epoch = 0
        self._stop = threading.Event()
        self._leaving = False
        self._thread: threading.Thread | None = None
        self.subscribed = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=session.client_id,
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        self._client.connect_timeout = CONNECT_WITHIN_S
        # Set, this keeps paho from writing to the socket in whichever thread publishes or
        # acknowledges: two writers would mix their packets. The link's thread alone writes.
        self._client.on_socket_register_write = lambda *_: None
        self._client.max_queued_messages_set(QUEUED_MAX)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._granted
        self._client.on_message = self._received

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._run,), name=f"mqtt-{self._session.client_id}"
        )
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye to the broker and end the thread."""
        self._leaving = True
        self._client.disconnect()
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_WITHIN_S)

    def acknowledge(self, epoch: int, message: paho.MQTTMessage) -> bool:
        """Send the PUBACK, unless the connection that brought the message is gone.

        Then the broker sends the message again; an acknowledgement on the new connection might
        name another message, or come out of order.
        """
        with self._epoch_lock:
            if epoch != self._epoch:
                return False
            return self._client.ack(message.mid, message.qos) == MQTTErrorCode.MQTT_ERR_SUCCESS

    @property
    def epoch(self) -> int:
        """Number of the connection: it changes when one is lost."""
        return self._epoch

    def publish_retained(self, topic: str, payload: bytes) -> bool:
        """Hand over a retained QoS 1 message; False if there is no connection to hand it to."""
        if not self._client.is_connected():
            return False
        sent = self._client.publish(topic, payload, qos=1, retain=True)
        return sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _run(self) -> None:
        backoff = Backoff(Random())
        while not self._stop.is_set():
            try:
                self._connect()
            except OSError as error:
                self._condition.bad(MQTT, f"{self._server.host}:{self._server.port}: {error}")
                self._stop.wait(backoff.next_s())
                continue
            while self._client.loop(_LOOP_S) == MQTTErrorCode.MQTT_ERR_SUCCESS:
                if self.subscribed.is_set():
                    backoff.reset()
                if self._stop.is_set():
                    return
            self._stop.wait(backoff.next_s())

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._session.expiry_s
        properties.ReceiveMaximum = self._session.receive_maximum
        self._client.connect(
            self._server.host,
            self._server.port,
            keepalive=KEEPALIVE_S,
            clean_start=self._session.expiry_s == 0,
            properties=properties,
        )

    def _connected(
        self,
        client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._condition.bad(MQTT, f"the broker refused: {reason}")
        elif self._session.subscriptions:
            client.subscribe(list(self._session.subscriptions))
        else:
            self._ready()

    def _granted(
        self,
        _client: paho.Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._condition.bad(MQTT, f"the broker refused the subscription: {refused[0]}")
        else:
            self._ready()

    def _ready(self) -> None:
        self._condition.good(MQTT)
        self.subscribed.set()

    def _disconnected(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._epoch_lock:
            self._epoch += 1
        self.subscribed.clear()
        if not self._leaving:
            self._condition.bad(MQTT, f"connection lost: {reason}")

    def _received(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        if self._on_message is not None:
            self._on_message(self._epoch, message)
        else:
            self._client.ack(message.mid, message.qos)
