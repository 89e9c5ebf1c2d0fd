"""Receivers of notices on this machine: a web server that keeps what it gets, a mail server."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Inbox:
    """What came in; ``answers`` are the statuses to answer with, the last one for ever."""

    answers: list[int] = field(default_factory=lambda: [200])
    bodies: list[dict[str, object]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    gets: int = 0
    url: str = ""

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def web_server(inbox: Inbox) -> Iterator[Inbox]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.bodies.append(json.loads(body))
            inbox.keys.append(self.headers["Idempotency-Key"])
            self._end()

        def do_GET(self) -> None:
            inbox.gets += 1
            self._end()

        def _end(self) -> None:
            status = inbox.answer()
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


@contextmanager
def mail_server(inbox: Inbox) -> Iterator[Inbox]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            for line in self.rfile:
                match line[:4].upper().strip():
                    case b"DATA":
                        self._say("354 go on")
                        inbox.mails.append(self._message())
                        self._say("250 taken")
                    case b"RCPT":
                        self._say(f"{inbox.answer()} there")
                    case b"QUIT":
                        self._say("221 bye")
                        return
                    case _:
                        self._say("250 ok")

        def _message(self) -> str:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line.decode())
            return "".join(lines)

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    inbox.url = str(server.server_address[1])
    yield from _serving(server, inbox)


def _serving(server: socketserver.TCPServer, inbox: Inbox) -> Iterator[Inbox]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
