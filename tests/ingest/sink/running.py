"""A sink in a thread, as the daemon has it."""

from contextlib import AbstractContextManager
from threading import Event, Thread
from typing import Self

from ingest.mqtt_link import MqttLink, Session
from ingest.sink.receipts import ReceiptPublisher
from ingest.sink.sink import Sink
from ingest.waiting import Condition
from schemas.servers import MqttServer
from simulators.stack.mqtt import EmbeddedMqtt
from tests.ingest.sink.conftest import Bench


class RunningSink(AbstractContextManager["RunningSink"]):
    """A sink in a thread, as the daemon has it."""

    def __init__(self, bench: Bench, mqtt: EmbeddedMqtt) -> None:
        self.condition = Condition()
        self.stop = Event()
        self.link = MqttLink(MqttServer("127.0.0.1", mqtt.port), Session("sink-0"), self.condition)
        receipts = ReceiptPublisher(self.link)
        sink = Sink(bench.servers(), receipts, self.condition, bench.clock)
        self.thread = Thread(target=sink.run, args=(self.stop,))

    def __enter__(self) -> Self:
        self.link.start()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(20)
        self.link.stop()
        assert not self.thread.is_alive()
