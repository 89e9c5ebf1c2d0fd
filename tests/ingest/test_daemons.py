"""The daemons as processes: they wait for servers, say what for, and end when asked."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from schemas.servers import DATABASE_VARIABLE, KAFKA_VARIABLE, MQTT_VARIABLE
from tests.servers import eventually

NOWHERE = {
    DATABASE_VARIABLE: "postgresql://nobody@127.0.0.1:9/none",
    KAFKA_VARIABLE: "127.0.0.1:9",
    MQTT_VARIABLE: "mqtt://127.0.0.1:9",
}
WAITS_FOR = {
    "bridge": {"mqtt", "kafka", "registry"},
    "sink": {"database", "kafka", "mqtt"},
    "registry": {"database", "registry topic"},
}
ENDS_WITHIN_S = 20  # a bound for the test, no promise


@contextmanager
def daemon(name: str, log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as stderr:
        command = (sys.executable, "-m", "vitalwire", "ingest", name)
        process = subprocess.Popen(command, stderr=stderr, env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def port_of(log: Path) -> int | None:
    for line in log.read_text().splitlines():
        if '"monitor listening"' in line:
            return int(json.loads(line)["port"])
    return None


def readyz(port: int) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return str(json.load(answer)["status"])
    except HTTPError as error:
        with error:
            return str(json.load(error)["status"])


@pytest.mark.parametrize("name", WAITS_FOR)
def test_a_daemon_without_servers_waits_says_for_what_and_ends_when_asked(
    name: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with daemon(name, log, NOWHERE) as process:
        eventually(lambda: port_of(log))
        port = port_of(log)
        assert port is not None
        waits_for = {part.split(": ")[0] for part in readyz(port).split("; ")}
        assert waits_for == WAITS_FOR[name]
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_S) == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("name", WAITS_FOR)
def test_a_daemon_that_was_not_told_where_its_servers_are_ends_with_one_line(
    name: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with daemon(name, log, dict.fromkeys(NOWHERE, "")) as process:
        assert process.wait(ENDS_WITHIN_S) == 78
    (line,) = log.read_text().splitlines()
    assert line.startswith("error: VITALWIRE_")
    assert "is not set" in line
