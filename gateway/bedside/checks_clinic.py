"""Checks of the way to the clinic: the broker answers and takes this gateway."""

import os
import secrets
import socket
import threading

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.bedside import settings_file
from gateway.bedside.finding import Finding, bad, good
from gateway.bedside.patient import Patient
from schemas.errors import MisconfiguredError
from schemas.servers import MQTT_VARIABLE, MqttServer, mqtt_server

MQTT_TIMEOUT_S = 5.0


def broker(patient: Patient) -> Finding:
    """Look whether the broker answers and accepts."""
    check = "Clinic's broker (MQTT)"
    try:
        server = mqtt_server(patient.mqtt_url or _url_of_settings(patient))
    except MisconfiguredError as error:
        return bad(check, error.cause, error.way_out)
    where = f"{server.host}:{server.port}"
    try:
        socket.create_connection((server.host, server.port), MQTT_TIMEOUT_S).close()
    except OSError as error:
        return bad(
            check,
            f"{where} does not answer ({error.strerror or error})",
            "Check the internet connection of this home; readings wait here meanwhile.",
        )
    if (refused := _mqtt_refusal(server)) is not None:
        return bad(check, f"{where} answers, but {refused}", "Tell your contact at the clinic.")
    return good(check, f"{where} accepts this gateway")


def _url_of_settings(patient: Patient) -> str | None:
    if os.environ.get(MQTT_VARIABLE):
        return None
    try:
        return settings_file.parse(patient.settings.read_text()).get(MQTT_VARIABLE)
    except (OSError, ValueError):
        return None


def _mqtt_refusal(server: MqttServer) -> str | None:
    """Connect under a name of its own: under the gateway's it would throw the daemon out."""
    answered = threading.Event()
    said: list[str] = []
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"doctor-{secrets.token_hex(4)}",
        protocol=MQTTProtocolVersion.MQTTv5,
    )

    def on_connect(*arguments: object) -> None:
        reason = arguments[3]
        if getattr(reason, "is_failure", False):
            said.append(f"refuses: {reason}")
        answered.set()

    client.on_connect = on_connect
    try:
        client.connect(server.host, server.port)
        client.loop_start()
        if not answered.wait(MQTT_TIMEOUT_S):
            return "does not speak MQTT"
        client.disconnect()
    except OSError as error:
        return str(error.strerror or error)
    finally:
        client.loop_stop()
    return said[0] if said else None
