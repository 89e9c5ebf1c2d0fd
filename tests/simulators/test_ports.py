"""A port that was given for a server that starts later is nobody else's until then."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from random import SystemRandom

import pytest

from schemas.errors import UnavailableError
from simulators.stack import ports
from simulators.stack.ports import free_port
from simulators.stack.process import LOOPBACK

_draw = SystemRandom()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[range]:
    """Let there be four ports, of which nobody has any.

    Drawn: the same test may run beside this one, and shares the machine's ports.
    """
    while not all(map(_is_nobodys, range(first := _draw.randrange(11_000, 30_000), first + 4))):
        pass
    monkeypatch.setattr(ports, "_FIRST", first)
    monkeypatch.setattr(ports, "_ROOM_LEAST", 4)
    monkeypatch.setattr(ports, "_given_from", lambda: 0)
    kept = len(ports._claims)
    yield range(first, first + 4)
    while len(ports._claims) > kept:
        ports._claims.pop().close()


def _is_nobodys(port: int) -> bool:
    if not (ports._is_free(port) and ports._claim(port)):
        return False
    ports._claims.pop().close()
    return True


def test_no_port_is_given_twice(few: range) -> None:
    assert sorted(free_port() for _ in few) == [*few]
    with pytest.raises(UnavailableError, match=r"No port of this machine .* is free\."):
        free_port()


def test_a_port_on_which_somebody_listens_is_not_given(few: range) -> None:
    with socket.create_server((LOOPBACK, few[0])):
        assert sorted(free_port() for _ in few[1:]) == [*few[1:]]
        with pytest.raises(UnavailableError):
            free_port()


def test_what_another_process_was_given_is_not_given_here(few: range) -> None:
    code = (
        f"import sys, simulators.stack.ports as ports\n"
        f"ports._FIRST, ports._ROOM_LEAST = {few[0]}, 4\n"
        "ports._given_from = lambda: 0\n"
        "print(ports.free_port(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        assert sorted(free_port() for _ in few[1:]) == sorted({*few} - {theirs})


def test_the_system_gives_none_of_them_to_whoever_connects() -> None:
    given = int(ports._GIVEN_BY_THE_SYSTEM.read_text().split()[0])
    assert all(ports._FIRST <= free_port() < given for _ in range(50))


def test_claims_of_long_ago_are_let_go() -> None:
    for _ in range(ports._CLAIMS_MAX + 5):
        free_port()
    assert len(ports._claims) == ports._CLAIMS_MAX
