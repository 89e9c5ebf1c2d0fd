"""A plugin of pytest: the stages' own tests, but with Apache Kafka and Mosquitto.

``pytest -p tests.real.stages tests/ingest`` runs those tests that ask for a broker. Kafka runs once
for all of them, with ``--numprocesses`` once for each process; each test finds it without a topic.
Whoever restarts it finds its disk empty, as the embedded one's memory would be.
"""

import shutil
from pathlib import Path
from typing import Self

import pytest
from kafka.admin import KafkaAdminClient

from simulators.stack.directory import make_stack_directory
from tests import servers
from tests.mosquitto import Mosquitto
from tests.real.apache_kafka import ApacheKafka
from tests.servers import eventually

_HERE = Path(__file__).parent
_BROKERS = {"kafka", "mqtt"}


class SharedKafka(ApacheKafka):
    """One broker for the session: entering removes every topic, leaving does nothing."""

    def __enter__(self) -> Self:
        if not self.child.running:
            return self.start().wait()
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.delete_topics(admin.list_topics())
        eventually(lambda: not admin.list_topics())
        admin.close()
        return self

    def __exit__(self, *_: object) -> None:
        """Stay, for the next test."""

    def start(self) -> Self:
        """Begin anew with an empty disk."""
        self.replace_disk()
        return super().start()


class Plugin:
    """Holds the one broker."""

    def __init__(self) -> None:
        self._kafka: SharedKafka | None = None

    def kafka(self, _: Path) -> SharedKafka:
        """Stand in for the class EmbeddedKafka."""
        if self._kafka is None:
            self._kafka = SharedKafka(make_stack_directory())
        return self._kafka

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep what asks for a broker, and the tests beside this file."""
        chosen = [item for item in items if _is_ours(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    def pytest_unconfigure(self) -> None:
        """End the broker."""
        if self._kafka is not None:
            self._kafka.stop()
            shutil.rmtree(self._kafka.directory, ignore_errors=True)


def _is_ours(item: pytest.Item) -> bool:
    asked = getattr(item, "fixturenames", ())
    return _HERE in item.path.parents or not _BROKERS.isdisjoint(asked)


def pytest_configure(config: pytest.Config) -> None:
    """Put the real servers where the fixtures look for the embedded ones."""
    plugin = Plugin()
    config.pluginmanager.register(plugin)
    patch = pytest.MonkeyPatch()
    patch.setattr(servers, "EmbeddedKafka", plugin.kafka)
    patch.setattr(servers, "EmbeddedMqtt", Mosquitto)
    # A real broker is away for seconds when it restarts: see tests.servers.broker_dies.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")
