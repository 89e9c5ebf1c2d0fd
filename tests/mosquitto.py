"""Debian's Mosquitto, run with the very file that compose.yaml mounts."""

import os
import re
from pathlib import Path
from typing import Self

from simulators.programs import find_program
from simulators.stack.ports import free_port
from simulators.stack.process import (
    Child,
    Program,
    accepts_connections,
    wait_until_ready,
)
from simulators.stack.server import MqttBroker

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "mosquitto" / "mosquitto.conf"


class Mosquitto(MqttBroker):
    """Mosquitto on a free port, with its data in a folder of the test's."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._data = directory / "mosquitto"
        self._configuration = directory / "mosquitto.conf"
        command = (str(find_program("mosquitto")), "-c", str(self._configuration))
        self.child = Child(Program("mosquitto", command, directory / "mosquitto.log"))

    def start(self) -> Self:
        text = CONFIGURATION.read_text()
        text, ports = re.subn(r"(?m)^listener 1883 ", f"listener {self.port} ", text)
        text, folders = re.subn(r"(?m)/mosquitto/data/$", f"{self._data}/", text)
        assert (ports, folders) == (1, 1)
        if os.geteuid() == 0:
            text += "user root\n"  # the folder of a test that root runs is closed to others
        self._data.mkdir(exist_ok=True)
        self._configuration.write_text(text)
        self.child.start()
        return self

    def wait(self) -> Self:
        wait_until_ready(self.child, lambda: accepts_connections(self.port))
        return self
