"""The servers that a clinic runs, each as deploy/ configures it."""

from pathlib import Path

from simulators.demo.clinic import Servers
from simulators.stack.postgres import EmbeddedPostgres
from tests.mosquitto import Mosquitto
from tests.real.apache_kafka import ApacheKafka


def real_servers(directory: Path) -> Servers:
    """Choose Apache Kafka, Mosquitto, and the PostgreSQL that is a real one anyway."""
    return Servers(ApacheKafka(directory), Mosquitto(directory), EmbeddedPostgres(directory))
