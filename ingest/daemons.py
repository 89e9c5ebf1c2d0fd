"""The three daemons of the intake, put together: who reaches what, and who stops whom."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import EX_SOFTWARE
from threading import Event

import structlog
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database, kafka_clients
from ingest.bridge.bridge import Bridge
from ingest.delivery import kafka_delivery
from ingest.kafka_clients import Topics
from ingest.mqtt_link import MQTT, MqttLink, Session
from ingest.registry.follower import REGISTRY_READ, RegistryFollower, kafka_source
from ingest.registry.publisher import DATABASE, TOPIC, Publisher
from ingest.sink import sink as sinks
from ingest.sink.receipts import ReceiptPublisher
from ingest.waiting import Condition
from schemas.clock import SystemClock
from schemas.daemon import Monitor, configure_logs, die_with_parent, stop_on_signals
from schemas.servers import database_url, kafka_server, mqtt_server

KAFKA = "kafka"
_JOIN_WITHIN_S = 4.0
_log = structlog.get_logger()


@contextmanager
def daemon(name: str, monitor_port: int, condition: Condition) -> Iterator[Event]:
    """Give the event that ends the daemon, with logs, signals and the monitor in place."""
    die_with_parent()
    configure_logs(name)
    stop = stop_on_signals()
    died: list[str] = []

    def end(failure: threading.ExceptHookArgs) -> None:
        """End the daemon with its thread: half of it alive would look as if it worked."""
        died.append(failure.thread.name if failure.thread else "?")
        _log.error("thread died", thread=died[-1], exc_info=failure.exc_value)
        stop.set()

    threading.excepthook = end
    with Monitor(monitor_port, condition.reason) as monitor:
        _log.info("monitor listening", port=monitor.port)
        yield stop
        _log.info("stopped")
    if died:
        raise SystemExit(EX_SOFTWARE)


def bridge(client_id: str, monitor_port: int) -> None:
    """Run the bridge until SIGTERM or SIGINT."""
    condition = Condition(MQTT, KAFKA, REGISTRY_READ)
    server = mqtt_server()
    delivery = kafka_delivery(client_id, condition)
    source = kafka_source(client_id)
    with daemon("bridge", monitor_port, condition) as stop:
        registry = RegistryFollower(source, condition, stop)
        moving = Bridge(delivery, registry, SystemClock())
        link = moving.connect(server, client_id, condition)
        registry.start()
        link.start()
        try:
            moving.run(stop)
        finally:
            stop.set()
            link.stop()
            delivery.close()
            registry.join(_JOIN_WITHIN_S)


def sink(client_id: str, monitor_port: int) -> None:
    """Run the sink until SIGTERM or SIGINT."""
    condition = Condition(sinks.DATABASE, sinks.KAFKA, MQTT)
    url, kafka = database_url(), kafka_server()
    link = MqttLink(mqtt_server(), Session(client_id), condition)
    servers = sinks.Servers(
        database=lambda: sink_connection(url),
        topics=lambda: Topics(kafka),
        consumer=lambda: kafka_clients.consumer(kafka, client_id),
    )
    with daemon("sink", monitor_port, condition) as stop:
        link.start()
        try:
            sinks.Sink(servers, ReceiptPublisher(link), condition, SystemClock()).run(stop)
        finally:
            link.stop()


def sink_connection(url: str) -> Connection[TupleRow]:
    """Connect to a database whose tables are what the sink copies into."""
    connection = database.connect(url, "sink")
    connection.autocommit = True  # every transaction is opened and ended where it is meant
    try:
        database.check_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def registry(monitor_port: int) -> None:
    """Run the publisher of the registry until SIGTERM or SIGINT."""
    condition = Condition(DATABASE, TOPIC)
    url, kafka = database_url(), kafka_server()
    delivery = kafka_delivery("registry", condition)
    with daemon("registry", monitor_port, condition) as stop:
        Publisher(url, delivery, condition).run(lambda: Topics(kafka), stop)
