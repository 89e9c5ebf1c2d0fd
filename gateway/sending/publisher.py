"""The MQTT connection: paho in its own network thread, everything else in the event loop.

Each connection is a new client with a clean start. Nothing may wait in a client across connections:
a message says how long ago its readings were captured, so one that is sent again must be packed
again. What was in flight when a connection ended is for the outbox to send anew.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import msgspec
import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway import metrics
from schemas.backoff import Backoff
from schemas.servers import MqttServer
from schemas.topics import mqtt_topic
from schemas.wire import BROKER_KEEPS_S, Envelope, Health

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 3.0  # a stopping daemon may have to wait for it
ACCEPT_TIMEOUT_S = 10.0
FAREWELL_TIMEOUT_S = 1.0
RECONNECT_LONGEST_S = 30.0
STABLE_S = 10.0  # two gateways under one id throw each other out: they must not do it in a hurry

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listener:
    """What the publisher tells, always in the event loop's thread."""

    connected: Callable[[], None]
    disconnected: Callable[[], None]
    acknowledged: Callable[[int, bool], None]
    """Message number, and whether somebody listens (False: send it again)."""
    received: Callable[[bytes], None]
    """The payload of a receipts message."""
    configured: Callable[[bytes], None]
    """The payload of a config message."""


class Publisher:
    """Keeps a connection to the broker for as long as ``run`` runs."""

    def __init__(
        self, server: MqttServer, gateway_id: str, listener: Listener, rng: Random
    ) -> None:
        """Connect to nothing yet."""
        self._server = server
        self._gateway_id = gateway_id
        self._listener = listener
        self._backoff = Backoff(rng, longest_s=RECONNECT_LONGEST_S)
        self._client: Client | None = None
        self.problem: str | None = "not yet connected to the clinic's broker (MQTT); wait a minute"

    async def run(self) -> None:
        """Connect, again and again; a clean farewell when cancelled."""
        while True:
            try:
                await self._live_one_connection()
            except OSError as error:
                self._complain(f"{error.strerror or error}")
            except TimeoutError:
                self._complain("no answer")
            await asyncio.sleep(self._backoff.next_s())

    def publish_readings(self, envelope: Envelope, payload: bytes) -> int | None:
        """Hand over a message; give its number, or None if there is no connection now."""
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = envelope.user_properties()
        properties.ContentType = "application/json"
        properties.MessageExpiryInterval = BROKER_KEEPS_S
        return self._publish("readings", payload, properties=properties)

    def publish_health(self, health: Health) -> None:
        """Hand over a health report, retained; without a connection it is not worth keeping."""
        self._publish("health", msgspec.json.encode(health), retain=True)

    def _publish(
        self,
        leaf: str,
        payload: bytes,
        *,
        retain: bool = False,
        properties: Properties | None = None,
    ) -> int | None:
        if self._client is None:
            return None
        topic = mqtt_topic(self._gateway_id, leaf)
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    async def _live_one_connection(self) -> None:
        connection = _Connection(self._gateway_id, self._listener)
        try:
            await connection.open(self._server)
            self._client = connection.client
            opened_s = asyncio.get_running_loop().time()
            self.problem = None
            metrics.CONNECTED.set(1)
            log.info("mqtt.connected")
            self._listener.connected()
            reason = await asyncio.shield(connection.closed)
            self._complain(reason)
            if asyncio.get_running_loop().time() - opened_s > STABLE_S:
                self._backoff.reset()
        finally:
            was_open, self._client = self._client is not None, None
            metrics.CONNECTED.set(0)
            await asyncio.shield(connection.close())
            if was_open:
                self._listener.disconnected()

    def _complain(self, reason: str) -> None:
        """Log the first failure and each change, not every try."""
        metrics.FAILURES.labels("mqtt").inc()
        where = f"{self._server.host}:{self._server.port}"
        problem = (
            f"the clinic's broker (MQTT) at {where} does not answer ({reason}); check the internet "
            "connection of this home: readings are kept here until it does"
        )
        if problem != self.problem:
            log.warning("mqtt.away", reason=reason)
        self.problem = problem


class _Connection:
    """One paho client from its connect to its end."""

    def __init__(self, gateway_id: str, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._health_topic = mqtt_topic(gateway_id, "health")
        self._received = {
            mqtt_topic(gateway_id, "receipts"): listener.received,
            mqtt_topic(gateway_id, "config"): listener.configured,
        }
        self._accepted: asyncio.Future[str | None] = self._loop.create_future()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"gateway-{gateway_id}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.will_set(self._health_topic, _offline(), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        self.client = client

    async def open(self, server: MqttServer) -> None:
        """Raise OSError or TimeoutError if the broker does not answer or does not accept us."""
        await asyncio.to_thread(
            self.client.connect, server.host, server.port, KEEPALIVE_S, clean_start=True
        )
        self.client.loop_start()
        async with asyncio.timeout(ACCEPT_TIMEOUT_S):
            refusal = await self._accepted
        if refusal is not None:
            raise ConnectionRefusedError(0, refusal)
        self.client.subscribe([(topic, 1) for topic in self._received])

    async def close(self) -> None:
        """Say goodbye if there is still somebody to say it to, and end the thread."""
        if self.client.is_connected():
            farewell = self.client.publish(self._health_topic, _offline(), qos=1, retain=True)
            await asyncio.to_thread(_wait_until_published, farewell)
        if isinstance(link := self.client.socket(), socket.socket):
            self.client.disconnect()
            await asyncio.wait([self.closed], timeout=FAREWELL_TIMEOUT_S)
            with suppress(OSError):  # a peer that does not read would keep paho's thread for long
                link.shutdown(socket.SHUT_RDWR)
        await asyncio.to_thread(self.client.loop_stop)

    # Called by paho, in its thread.

    def _on_connect(
        self,
        _client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._tell(_settle, self._accepted, str(reason) if reason.is_failure else None)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._tell(_settle, self._accepted, str(reason))
        self._tell(_settle, self.closed, str(reason))

    def _on_publish(
        self,
        _client: Client,
        _userdata: object,
        message: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        # "No matching subscribers" is a success in MQTT, but nobody has the message.
        wanted = not reason.is_failure and reason.value == 0
        self._tell(self._listener.acknowledged, message, wanted)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if (received := self._received.get(message.topic)) is not None:
            self._tell(received, message.payload)

    def _tell(self, function: Callable[..., None], *values: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *values)


def _settle(future: asyncio.Future[str | None] | asyncio.Future[str], value: str) -> None:
    if not future.done():
        future.set_result(value)


def _wait_until_published(message: MQTTMessageInfo) -> None:
    with suppress(RuntimeError, ValueError):  # the connection ended first
        message.wait_for_publish(FAREWELL_TIMEOUT_S)


def _offline() -> bytes:
    return msgspec.json.encode(Health(state="offline"))
