"""The clinic as a gateway sees it: a broker, what arrives there, and the receipts it sends."""

import threading
from dataclasses import dataclass, field

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from schemas.kafka import ITEM_DECODER
from schemas.reading import Item, Part
from schemas.topics import mqtt_filter, mqtt_topic
from schemas.wire import Envelope, Health, ReadingsMessage, Receipts, open_envelope

GATEWAY_ID = "home-1"
CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Arrival:
    """A readings message that was opened and verified."""

    envelope: Envelope
    message: ReadingsMessage
    items: list[Item]


@dataclass
class Clinic:
    """A subscriber to everything; give receipts with ``confirm``."""

    port: int
    arrivals: list[Arrival] = field(default_factory=list)
    reports: list[Health] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._subscribed = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="clinic", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        once = SubscribeOptions(qos=1)
        self._client.subscribe([(mqtt_filter(leaf), once) for leaf in ("readings", "health")])
        assert self._subscribed.wait(CONNECT_TIMEOUT_S)

    @property
    def payloads(self) -> list[bytes]:
        """The devices' bytes, in the order of their arrival, repeats included."""
        return [
            bytes.fromhex(item.raw)
            for arrival in self.arrivals
            for item in arrival.items
            if not isinstance(item, Part)
        ]

    @property
    def held(self) -> int | None:
        """What the gateway's last report says it still holds."""
        if not self.reports or self.reports[-1].state == "offline":
            return None
        return sum(state.held for state in self.reports[-1].streams.values())

    def confirm(self) -> None:
        """Give a receipt for everything that has arrived."""
        streams: dict[str, list[tuple[int, int]]] = {}
        for arrival in self.arrivals:
            numbers = arrival.envelope.numbers
            streams.setdefault(arrival.envelope.stream, []).append((numbers[0], numbers[-1]))
        payload = msgspec.json.encode(Receipts(streams))
        self._client.publish(mqtt_topic(GATEWAY_ID, "receipts"), payload, qos=1, retain=True)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes what it wakes itself by only when it is collected, and it may be that first.
        self._client._reset_sockets()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if message.topic == mqtt_topic(GATEWAY_ID, "health"):
            self.reports.append(msgspec.json.decode(message.payload, type=Health))
            return
        properties: list[tuple[str, str]] = getattr(message.properties, "UserProperty", [])
        envelope = open_envelope(properties, bytes(message.payload))
        opened = msgspec.json.decode(message.payload, type=ReadingsMessage)
        items = [ITEM_DECODER.decode(item) for item in opened.items]
        self.arrivals.append(Arrival(envelope, opened, items))
