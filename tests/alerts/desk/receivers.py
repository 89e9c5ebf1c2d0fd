"""Receivers of notices on this machine: a web server that keeps what it gets, a mail server."""

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class Inbox:
    """What came in; ``answers`` are the statuses to answer with, the last one for ever.

    ``hook`` is called with the key of each notice before it is answered, and may give the answer.
    """

    answers: list[int] = field(default_factory=lambda: [200])
    bodies: list[dict[str, object]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    gets: int = 0
    url: str = ""
    hook: Callable[[str], int | None] = lambda _: None

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def web_server(inbox: Inbox) -> Iterator[Inbox]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.bodies.append(json.loads(body))
            inbox.keys.append(self.headers["Idempotency-Key"])
            self._end(inbox.hook(inbox.keys[-1]))

        def do_GET(self) -> None:
            inbox.gets += 1
            self._end()

        def _end(self, answer: int | None = None) -> None:
            status = answer or inbox.answer()
            self.send_response(status)
            if status in range(300, 400):
                self.send_header("Location", inbox.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield from _serving(server, inbox)


class _MailTalk(socketserver.StreamRequestHandler):
    """SMTP as far as a sender goes."""

    inbox: Inbox
    tls: ssl.SSLContext | None

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            self.inbox.lines.append(line.decode())
            match line[:4].upper().strip():
                case b"DATA":
                    self._say("354 go on")
                    self.inbox.mails.append(self._message())
                    self._say("250 taken")
                case b"RCPT":
                    self._say(f"{self.inbox.answer()} there")
                case b"QUIT":
                    self._say("221 bye")
                    return
                case b"EHLO" if self.tls is not None:
                    self._say("250-here\r\n250-AUTH PLAIN\r\n250 STARTTLS")
                case b"STAR" if self.tls is not None:
                    self._say("220 go on")
                    try:
                        self.tls.wrap_socket(self.request, server_side=True).close()
                    except OSError:  # the other one has hung up
                        return
                case _:
                    self._say("250 ok")

    def _message(self) -> str:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.decode())
        return "".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def mail_server(inbox: Inbox, tls: ssl.SSLContext | None = None) -> Iterator[Inbox]:
    """Take mail; ``tls``: offer STARTTLS, to which only a handshake answers."""
    handler = type("Handler", (_MailTalk,), {"inbox": inbox, "tls": tls})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    inbox.url = str(server.server_address[1])
    yield from _serving(server, inbox)


def self_signed(directory: Path) -> ssl.SSLContext:
    """Give the server's side of TLS with a certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    pem = directory / "mail.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@contextmanager
def odd_server(say: Iterable[bytes], pause_s: float = 0.0) -> Iterator[Inbox]:
    """One that speaks no known language, piece by piece, to whoever comes; ``url`` is its port."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            inbox.gets += 1
            for piece in say:
                if over.is_set():
                    return
                try:
                    self.request.sendall(piece)
                except OSError:
                    return
                over.wait(pause_s)

    inbox = Inbox()
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    inbox.url = str(server.server_address[1])
    try:
        yield from _serving(server, inbox)
    finally:
        over.set()


def _serving(server: socketserver.TCPServer, inbox: Inbox) -> Iterator[Inbox]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
