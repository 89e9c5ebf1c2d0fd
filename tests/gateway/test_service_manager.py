"""What systemd hears, at a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.service_manager import STATUS_CHARACTERS_MAX, ServiceManager


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiving:
        receiving.bind("")  # the kernel chooses a name, which begins with a zero byte
        receiving.setblocking(False)
        yield receiving


def manager(listener: socket.socket, **more: str) -> ServiceManager:
    name = listener.getsockname().decode().replace("\0", "@", 1)
    return ServiceManager.of({"NOTIFY_SOCKET": name, **more})


def heard(listener: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(listener.recv(4096).decode())
        except BlockingIOError:
            return said


def test_a_life(listener: socket.socket) -> None:
    systemd = manager(listener, WATCHDOG_USEC="60000000", WATCHDOG_PID=str(os.getpid()))
    assert systemd.period_s == 20
    systemd.ready()
    systemd.alive()
    systemd.status("two\nlines")
    systemd.status("two\nlines")
    systemd.stopping()
    systemd.close()
    assert heard(listener) == ["READY=1", "WATCHDOG=1", "STATUS=two lines", "STOPPING=1"]


def test_without_a_watchdog_nobody_waits(listener: socket.socket) -> None:
    for more in ({}, {"WATCHDOG_USEC": "?"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}):
        systemd = manager(listener, **more)
        assert systemd.period_s is None
        systemd.alive()
        systemd.close()
    assert heard(listener) == []


def test_a_long_status_is_cut(listener: socket.socket) -> None:
    systemd = manager(listener)
    systemd.status("x" * 10_000)
    systemd.close()
    assert heard(listener) == ["STATUS=" + "x" * STATUS_CHARACTERS_MAX]


def test_a_name_in_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # its whole path may be too long for a socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiving:
        receiving.bind("notify")
        systemd = ServiceManager.of({"NOTIFY_SOCKET": "notify"})
        systemd.ready()
        systemd.close()
        assert receiving.recv(4096) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/none"}])
def test_nobody_listens(environment: dict[str, str]) -> None:
    systemd = ServiceManager.of(environment)
    systemd.ready()
    systemd.status("alone")
    systemd.close()
