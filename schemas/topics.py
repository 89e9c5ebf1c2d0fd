"""Public names of MQTT and Kafka topics: other people's programs rely on them."""

import re
from dataclasses import dataclass

GATEWAY_ID = re.compile(r"[a-z0-9-]{1,64}")

_MQTT_ROOT = "vitalwire/v1"

READINGS = "readings.v1"
REJECTED = "readings.rejected.v1"
UNASSIGNED = "readings.unassigned.v1"
GATEWAYS = "gateways.v1"
REGISTRY = "registry.v1"
ALERTS = "alerts.v1"
ACTIONS = "alerts.actions.v1"
STATE = "alerts.state.v1"
ENGINES = "engines.v1"


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """How a topic is made. ``partitions`` None: as many as readings.v1, which never changes.

    ``kept``: for ever, because the alert list is a fold over the whole topic. ``broker_time``: its
    records are stamped when the broker appends them, whatever the clock of who writes them says.
    """

    name: str
    compacted: bool = False
    kept: bool = False
    partitions: int | None = None
    broker_time: bool = False

    @property
    def configuration(self) -> dict[str, str]:
        """Give what differs from the broker's defaults."""
        compaction = {"cleanup.policy": "compact"} if self.compacted else {}
        retention = {"retention.ms": "-1", "retention.bytes": "-1"} if self.kept else {}
        stamps = {"message.timestamp.type": "LogAppendTime"} if self.broker_time else {}
        return compaction | retention | stamps


KAFKA_TOPICS = (
    KafkaTopic(READINGS, broker_time=True),
    KafkaTopic(REJECTED, partitions=1),
    KafkaTopic(UNASSIGNED, partitions=1),
    KafkaTopic(GATEWAYS, partitions=1),
    KafkaTopic(REGISTRY, compacted=True, partitions=1),
    KafkaTopic(ALERTS, kept=True),
    KafkaTopic(ACTIONS, kept=True, partitions=1),
    KafkaTopic(STATE, compacted=True),
    KafkaTopic(ENGINES, compacted=True, partitions=1),
)


def mqtt_topic(gateway_id: str, leaf: str) -> str:
    """Build ``vitalwire/v1/{gateway_id}/{leaf}``; leaf: readings, health, receipts, config.

    ``vitalwire/v1/{watcher}/canary`` is a watcher's own.
    """
    return f"{_MQTT_ROOT}/{gateway_id}/{leaf}"


def mqtt_filter(leaf: str) -> str:
    """Build the subscription that takes one leaf of every gateway."""
    return f"{_MQTT_ROOT}/+/{leaf}"


def gateway_of(topic: str) -> str | None:
    """Take the gateway id out of an MQTT topic; None if the topic or the id is not ours."""
    match topic.split("/"):
        case ["vitalwire", "v1", gateway_id, _] if GATEWAY_ID.fullmatch(gateway_id):
            return gateway_id
        case _:
            return None
