"""What bleak and BlueZ say of a device goes into logs without its address."""

import json
import subprocess
import sys

import pytest

from gateway.addresses import short, without_addresses
from gateway.bluetooth.link import LinkFailed, NotBonded

ADDRESS = "C0:00:00:0A:0B:01"
NAME = short(ADDRESS)
WHAT_IS_WRITTEN_BY_OTHERS = """
import logging, sys, threading
from gateway.addresses import without_addresses
from schemas.daemon import configure_logs
configure_logs("gateway", clean=without_addresses)
def fail():
    raise RuntimeError(sys.argv[1])
logging.getLogger("bleak").warning("Failed to cancel connection (%s)", sys.argv[1])
try:
    fail()
except RuntimeError:
    logging.getLogger("dbus_fast").exception("A message handler raised an error")
logging.getLogger("careless").warning("%d from %s", sys.argv[1])
logging.getLogger("careless").log(logging.ERROR + 5, "a level of its own: %s", sys.argv[1])
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            f"Device with address {ADDRESS} was not found",
            f"Device with address {NAME} was not found",
        ),
        ("device 'dev_C0_00_00_0A_0B_01' not found", f"device '{NAME}' not found"),
        (
            "No object /org/bluez/hci0/dev_C0_00_00_0A_0B_01/service0010/char0011",
            f"No object /org/bluez/hci0/{NAME}/service0010/char0011",
        ),
        (f"{ADDRESS.lower()}, {ADDRESS}: both", f"{NAME}, {NAME}: both"),
        ("[org.bluez.Error.Failed] le-connection-abort-by-local", None),
        ("characteristic 00002a35-0000-1000-8000-00805f9b34fb", None),
        ("at 12:34:56 it ended", None),
    ],
)
def test_addresses_become_short_names_and_nothing_else_changes(said: str, kept: str | None) -> None:
    assert without_addresses(said) == (kept or said)


@pytest.mark.parametrize("kind", [LinkFailed, NotBonded])
def test_the_reason_of_a_failed_link_names_no_address(kind: type[LinkFailed]) -> None:
    error = kind(f"No connection: Device with address {ADDRESS} was not found.")
    assert error.cause == f"No connection: Device with address {NAME} was not found."
    assert ADDRESS not in str(error)


def test_what_libraries_log_and_what_ends_the_daemon_is_an_event_without_addresses() -> None:
    command = (sys.executable, "-c", WHAT_IS_WRITTEN_BY_OTHERS, ADDRESS)
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    levels = ["warning", "error", "warning", "error", "critical", "critical"]
    assert [event["level"] for event in events] == levels
    careless = events.pop(2)
    assert careless["event"] == "%d from %s", "what it says is not lost, nor is the work behind it"
    assert all(NAME in json.dumps(event) for event in events)
    assert "C0" not in ended.stderr
    assert ended.returncode == 1
