"""The MQTT broker of the demo: rumqttd, from the wheel iotcore, in a child of our own.

Its traps: the default listener speaks MQTT 3 on every interface and takes payloads of 20 KiB, hence
the configuration file; the router panics when a client with a shared subscription disconnects; it
cuts the connection on PUBACKs out of order; sessions live in memory.
"""

import sys
from pathlib import Path
from typing import Self

from schemas.wire import PACKET_BYTES_MAX
from simulators.stack.ports import free_port
from simulators.stack.process import (
    LOOPBACK,
    Child,
    Program,
    accepts_connections,
    wait_until_ready,
)
from simulators.stack.server import MqttBroker

_CONFIGURATION = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "vitalwire"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload_bytes_max}
max_inflight_count = 100
dynamic_filters = true
"""
_RUN = "import sys; from iotcore import Broker; Broker(config_path=sys.argv[1]).run_forever()"


class EmbeddedMqtt(MqttBroker):
    """An MQTT 5 broker on a free loopback port.

    ``with EmbeddedMqtt(directory) as mqtt: client.connect("127.0.0.1", mqtt.port)``.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        """Log and configure under ``directory``; ``port`` None takes a free one."""
        self.port = port or free_port()
        self._configuration = directory / "mqtt.toml"
        self.child = Child(
            Program(
                name="mqtt",
                command=(sys.executable, "-P", "-c", _RUN, str(self._configuration)),
                log=directory / "mqtt.log",
                stop_within_s=2.0,
            )
        )

    def start(self) -> Self:
        """Start without waiting."""
        self._configuration.parent.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            _CONFIGURATION.format(
                host=LOOPBACK,
                port=self.port,
                payload_bytes_max=4 * PACKET_BYTES_MAX,  # what is too large is the bridge's to say
            )
        )
        self.child.start()
        return self

    def wait(self) -> Self:
        """Wait until it accepts connections."""
        wait_until_ready(self.child, lambda: accepts_connections(self.port))
        return self
