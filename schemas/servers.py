"""Where the servers are: read from the environment, checked before anything connects."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from schemas.errors import MisconfiguredError

DATABASE_VARIABLE = "VITALWIRE_DATABASE_URL"
KAFKA_VARIABLE = "VITALWIRE_KAFKA"
MQTT_VARIABLE = "VITALWIRE_MQTT"
MQTT_PORT = 1883
_KAFKA_EXAMPLE = "127.0.0.1:9092"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class MqttServer:
    """Host and port of an MQTT broker."""

    host: str
    port: int


def database_url() -> str:
    """Read where PostgreSQL is."""
    return required(DATABASE_VARIABLE, "postgresql://vitalwire@127.0.0.1/vitalwire")


def kafka_server() -> str:
    """Read where Kafka is: ``host:port``, or several with commas between them.

    Raises ``MisconfiguredError`` for anything else: Kafka's client would look for a host of that
    name, for ever.
    """
    text = required(KAFKA_VARIABLE, _KAFKA_EXAMPLE)
    if not all(_is_host_and_port(one.strip()) for one in text.split(",")):
        raise MisconfiguredError(
            f"{KAFKA_VARIABLE} is {text!r}, which is no address of a Kafka broker.",
            f"Write it as host:port, such as {_KAFKA_EXAMPLE}; commas between several.",
        )
    return text


def _is_host_and_port(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname and parts.port) and parts.netloc == text and "@" not in text
    except ValueError:  # no port, or brackets that do not close
        return False


def mqtt_server(url: str | None = None) -> MqttServer:
    """Parse ``mqtt://host:port`` (default: the environment's).

    Raises ``MisconfiguredError``, also for a name and password in it: the connection is neither
    encrypted nor signed in to (a tunnel is, or the same machine), and whoever wrote them believes
    that they are used. They are not repeated: what goes wrong is logged.
    """
    text = url or required(MQTT_VARIABLE, "mqtt://127.0.0.1:1883")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or MQTT_PORT
    except ValueError:  # no port, or brackets that do not close
        parts, host, port = None, None, MQTT_PORT
    if "@" in text:
        raise MisconfiguredError(
            "An MQTT address has no name and password here: they would not be used.",
            "Write it as mqtt://127.0.0.1:1883, and let who may connect be the network's business.",
        )
    if parts is None or parts.scheme != "mqtt" or not host:
        raise MisconfiguredError(
            f"{text!r} is no MQTT address.", "Write it as mqtt://127.0.0.1:1883."
        )
    return MqttServer(host, port)


def required(variable: str, example: str) -> str:
    """Read a variable that must be set."""
    value = os.environ.get(variable, "")
    if not value:
        raise MisconfiguredError(
            f"{variable} is not set.", f"Set it to the server's address, such as {example}."
        )
    return value


def refuse_public(host: str) -> str:
    """Refuse any listener but loopback: nobody can sign in yet, so nobody else may listen."""
    if host not in _LOOPBACK:
        raise MisconfiguredError(
            f"Refusing to listen on {host}: sign-in does not exist yet.",
            "Use 127.0.0.1 and reach it through an SSH tunnel or a reverse proxy with sign-in.",
        )
    return host
