"""What a home hears on its config topic: the retained one first."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from schemas.topics import mqtt_topic
from schemas.wire import Config
from tests.servers import eventually


@contextmanager
def heard(port: int, gateway_id: str) -> Iterator[list[Config]]:
    """Listen; the list grows."""
    configs: list[Config] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message = lambda _client, _userdata, message: configs.append(
        msgspec.json.decode(message.payload, type=Config)
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    eventually(client.is_connected)
    client.subscribe(mqtt_topic(gateway_id, "config"), qos=1)
    yield configs
    client.disconnect()
    client.loop_stop()
