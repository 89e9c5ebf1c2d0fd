"""Hands a canary to the MQTT broker: one connection for each, as after any cut of the line."""

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from alerts.watcher.canary import Letter
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.servers import MqttServer
from schemas.wire import CANARY_KEPT_S

_WITHIN_MS = 5_000
_LOOP_S = 0.1


def send(server: MqttServer, client_id: str, letter: Letter, clock: Clock) -> None:
    """Return once the broker has the canary; raise ``UnavailableError`` if it does not take it."""
    where = f"The MQTT broker at {server.host}:{server.port}"
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
    client.connect_timeout = _WITHIN_MS / 1000
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = letter.properties
    properties.MessageExpiryInterval = CANARY_KEPT_S
    try:
        client.connect(server.host, server.port)
        sent = client.publish(letter.topic, letter.payload, qos=1, properties=properties)
        give_up_ms = clock.monotonic_ms() + _WITHIN_MS
        while not sent.is_published():
            failed = client.loop(_LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS
            if failed or clock.monotonic_ms() > give_up_ms:
                raise UnavailableError(f"{where} takes no canary.", "Look at the broker.")
    except (OSError, ValueError, RuntimeError) as error:  # paho raises the latter two once closed
        raise UnavailableError(f"{where} does not answer.", "Start it.") from error
    finally:
        client.disconnect()
