"""A listener between an MQTT client and its broker: which messages came, which were acknowledged.

What a subscriber acknowledges is seen by nobody else: the sender's PUBACK is the broker's own.
"""

import socket
import threading
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Self

PUBLISH, PUBACK = 3, 4


@dataclass
class Wiretap(AbstractContextManager["Wiretap"]):
    """Forwards both ways; ``received`` and ``acknowledged`` list packet ids in their order."""

    broker_port: int
    received: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:
                client.close()
                continue
            self._sockets += [client, broker]
            for source, target in ((client, broker), (broker, client)):
                thread = threading.Thread(target=self._forward, args=(source, target))
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        unread = b""
        with suppress(OSError):
            while chunk := source.recv(65536):
                unread = self._note(unread + chunk)
                target.sendall(chunk)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _note(self, packets: bytes) -> bytes:
        """Take whole packets off the front and note their ids; give the rest."""
        while (size := _packet_size(packets)) is not None and len(packets) >= size[1]:
            header, end = size
            body = packets[header:end]
            kind, qos = packets[0] >> 4, packets[0] >> 1 & 3
            if kind == PUBACK:
                self.acknowledged.append(int.from_bytes(body[:2], "big"))
            elif kind == PUBLISH and qos:
                topic_bytes = int.from_bytes(body[:2], "big")
                self.received.append(int.from_bytes(body[2 + topic_bytes : 4 + topic_bytes], "big"))
            packets = packets[end:]
        return packets


def _packet_size(packets: bytes) -> tuple[int, int] | None:
    """Give where the first packet's body begins and ends; None if that is not known yet."""
    length = 0
    for index, byte in enumerate(packets[1:5]):
        length |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return index + 2, index + 2 + length
    return None
