"""What every daemon shares: logs, signals, metrics over HTTP, and one way to end with an error.

The listener answers ``/metrics``, ``/healthz`` (the process lives), ``/readyz`` (it does its work)
and a daemon's own pages. It binds to loopback. A page is given only to who calls it by a name of
loopback: a foreign name that leads here (DNS rebinding) brings a foreign script with it.
Logs are JSON lines on stderr unless stderr is a terminal.
"""

import ctypes
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from schemas.errors import MisconfiguredError

_PR_SET_PDEATHSIG = 1
_LOOPBACK = "127.0.0.1"
_POLICY = "Content-Security-Policy"
_PROTECTION = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_OUR_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
log = structlog.get_logger(__name__)

Readiness = Callable[[], str | None]
"""Gives None when the daemon does its work, else the reason why it does not."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer for people or for commands on this machine; ``policy``: what it may load."""

    content_type: str
    body: bytes
    policy: str = "default-src 'none'"


Pages = Mapping[str, Callable[[], Page]]
"""What to answer by path; called in a thread of the listener, so it must be safe there."""


def configure_logs(
    daemon: str, level: int = logging.INFO, clean: Callable[[str], str] | None = None
) -> None:
    """Log events with bound context, never sentences and never personal data.

    ``clean`` takes what is left of those out of each text, tracebacks included. What libraries log,
    from WARNING on, and what ends a thread or the process unforeseen is written in the same way.
    """

    def cleaned(_logger: object, _name: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        return {
            key: clean(value) if clean and isinstance(value, str) else value
            for key, value in event.items()
        }

    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            cleaned,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(daemon=daemon)
    logging.basicConfig(level=logging.WARNING, handlers=[_AsEvents()], force=True)
    sys.excepthook = _tell_end
    threading.excepthook = _tell_end_of_thread


def _tell_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ended the process; whoever pressed Ctrl-C knows."""
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("daemon.ended_by_bug", exc_info=(kind, error, trace))


def _tell_end_of_thread(thread: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, unless it meant to end, as Python's own hook does."""
    if not issubclass(thread.exc_type, SystemExit):
        error = (thread.exc_type, thread.exc_value, thread.exc_traceback)
        log.critical("thread.ended_by_bug", exc_info=error)


class _AsEvents(logging.Handler):
    """Writes what libraries log as events of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take one, also a mistaken one: whoever logs it goes on with its work."""
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):  # its words and what belongs in them do not fit
            said = str(record.msg)
        level = min(record.levelno // 10 * 10, logging.CRITICAL)  # structlog knows no others
        log.log(level, said, logger=record.name, exc_info=record.exc_info)


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however the parent ends.

    Takes effect only where ``VITALWIRE_SUPERVISED`` is set, as the demo's supervisor does; the
    variable names the parent, so that a parent that died before this call is noticed too.
    """
    parent = os.environ.get("VITALWIRE_SUPERVISED")
    if not parent:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        raise SystemExit(0)


def stop_on_signals() -> threading.Event:
    """Give an event that SIGTERM and SIGINT set; for daemons that are threads, not coroutines."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def why_no_port(error: OSError | OverflowError) -> str:
    """Say why a listener could not be bound."""
    if isinstance(error, OverflowError):
        return "it is not from 0 to 65535"
    return error.strerror or str(error)


class Monitor(AbstractContextManager["Monitor"]):
    """The daemon's HTTP listener for Prometheus and for supervisors; port 0 takes a free one."""

    def __init__(self, port: int, readiness: Readiness, pages: Pages | None = None) -> None:
        """Bind at once, so that a port in use is said before any work starts."""
        about = {"readiness": staticmethod(readiness), "pages": pages or {}}
        handler = type("Handler", (_Handler,), about)
        try:
            self._server = ThreadingHTTPServer((_LOOPBACK, port), handler)
        except (OSError, OverflowError) as error:
            raise MisconfiguredError(
                f"Port {port} on {_LOOPBACK} cannot be used: {why_no_port(error)}.",
                "Choose another with --monitor-port, or 0 for any free one.",
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="monitor", daemon=True
        )

    def __enter__(self) -> Self:
        """Start answering."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    readiness: Readiness
    pages: Pages

    def do_GET(self) -> None:
        """Answer one of the three paths, or a page."""
        match self.path:
            case "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
            case "/healthz":
                self._answer(200, "application/json", b'{"status":"alive"}')
            case "/readyz":
                reason = type(self).readiness()
                body = json.dumps({"status": "ready" if reason is None else reason}).encode()
                self._answer(200 if reason is None else 503, "application/json", body)
            case path if path in type(self).pages:
                self._answer_page(type(self).pages[path])
            case _:
                self._answer(404, "text/plain", b"try /metrics, /healthz or /readyz\n")

    def _answer_page(self, page: Callable[[], Page]) -> None:
        if _name(self.headers.get("Host", "")) not in _OUR_NAMES:
            self._answer(403, "text/plain", b"use http://127.0.0.1 or http://localhost\n")
            return
        try:
            made = page()
        except TimeoutError:
            self._answer(503, "text/plain", b"the daemon is too busy to answer; try again\n")
            return
        self._answer(200, made.content_type, made.body, _PROTECTION | {_POLICY: made.policy})

    def _answer(
        self, status: int, content_type: str, body: bytes, more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet: a scrape is not an event."""


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
