"""Loopback ports for servers that start later: whoever is given one finds it free then.

The system's own choice (bind to 0) goes to the next program that connects anywhere, as the near end
of its connection; and two demos beside each other could be given the same one before either binds
it. So a port is drawn below those that the system gives, and claimed by a name in the network's own
space (unix(7), abstract sockets), which is one for all who share its ports, whatever their folders.
"""

import atexit
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

from schemas.errors import UnavailableError
from simulators.stack.process import LOOPBACK

_FIRST = 10_000
_GIVEN_BY_THE_SYSTEM = Path("/proc/sys/net/ipv4/ip_local_port_range")
_GIVEN_FROM = 32_768  # Linux, where nobody says otherwise
_ROOM_LEAST = 1_000
_TRIES = 200
_CLAIMS_MAX = 100
"""By then the server of the oldest one listens, or never will."""

_draw = SystemRandom()
_claims: deque[socket.socket] = deque()


def free_port() -> int:
    """Find a loopback port that nothing listens on, and that nobody else is given meanwhile."""
    beyond = max(_given_from(), _FIRST + _ROOM_LEAST)
    for _ in range(_TRIES):
        port = _draw.randrange(_FIRST, beyond)
        if _is_free(port) and _claim(port):
            return port
    raise UnavailableError(
        f"No port of this machine between {_FIRST} and {beyond - 1} is free.",
        "End what listens there; `ss -tlnp` lists it.",
    )


def _given_from() -> int:
    with suppress(OSError, ValueError):
        return int(_GIVEN_BY_THE_SYSTEM.read_text().split()[0])
    return _GIVEN_FROM


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        try:
            server.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    """Claim a port among all who ask here; as long as this process lives, or needs it."""
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0vitalwire-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    while len(_claims) > _CLAIMS_MAX:
        _claims.popleft().close()
    return True


@atexit.register
def _give_back() -> None:
    """Close what is still claimed: an interpreter that ends would warn of each."""
    while _claims:
        _claims.pop().close()
