"""One HTTP request to somebody else's server, that ends in time whatever that server does."""

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Event, Timer
from typing import Any

from alerts.desk.causes import cause_of
from schemas.errors import UnavailableError

WAIT_S = 5.0
"""So long one wait may last: to connect, for the next bytes."""
WHOLE_S = 10.0
"""So long all of it may: a server that answers byte by byte ends no single wait."""


def ask(request: urllib.request.Request, *, redirects: bool) -> int:
    """Give the status of the answer; raises ``UnavailableError`` where there is none.

    A redirect that is not to be followed is an answer 3xx: a POST would become a GET.
    """
    made: list[HTTPConnection] = []
    handlers = [_Http(made), _Https(made), *([] if redirects else [_NoRedirects()])]
    opener = urllib.request.build_opener(*handlers)
    try:
        with (
            cut_off(lambda: [one.sock for one in made]),
            opener.open(request, timeout=WAIT_S) as it,
        ):
            return int(it.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (OSError, ValueError, HTTPException) as error:  # the last: it does not speak HTTP
        raise UnavailableError(f"It does not answer: {_name(error)}.") from error


@contextmanager
def cut_off(sockets: Callable[[], Sequence[socket.socket | None]]) -> Iterator[None]:
    """End, by cutting the line, what takes longer than ``WHOLE_S``: an ``OSError``."""
    over = Event()

    def cut() -> None:
        over.set()
        for one in sockets():
            with suppress(OSError):  # it is over already
                if one is not None:
                    one.shutdown(socket.SHUT_RDWR)

    timer = Timer(WHOLE_S, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if over.is_set():  # half an answer may look like a whole one
        raise TimeoutError


def _name(error: Exception) -> str:
    """Say the cause that urllib has wrapped: refused, unknown host, no certificate."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return cause_of(cause) if isinstance(cause, Exception) else str(cause)


class _Http(urllib.request.HTTPHandler):
    """Keeps its connections, to be cut."""

    def __init__(self, made: list[HTTPConnection]) -> None:
        super().__init__()
        self._made = made

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        def connection(host: str, **settings: Any) -> HTTPConnection:  # noqa: ANN401  (urllib's)
            self._made.append(HTTPConnection(host, **settings))
            return self._made[-1]

        return self.do_open(connection, req)


class _Https(urllib.request.HTTPSHandler):
    """The same; certificates are verified, as is the default of ``HTTPSConnection``."""

    def __init__(self, made: list[HTTPConnection]) -> None:
        super().__init__()
        self._made = made

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        def connection(host: str, **settings: Any) -> HTTPConnection:  # noqa: ANN401  (urllib's)
            self._made.append(HTTPSConnection(host, **settings))
            return self._made[-1]

        return self.do_open(connection, req)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the answer that it is."""

    def redirect_request(self, *_: object) -> None:
        return None
