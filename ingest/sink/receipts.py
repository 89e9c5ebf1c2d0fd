"""Receipts to the homes: per stream the numbers in custody, retained, after the commit.

They tell what the database holds, whenever they are read: publishing one too often, or late, is
harmless. All are published when the connection is new, because the broker may have lost them.
"""

from collections.abc import Iterable

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.mqtt_link import MqttLink
from ingest.sink import custody, metrics
from schemas.topics import mqtt_topic
from schemas.wire import Receipts

PAGE_GATEWAYS = 200
STREAMS_MAX = 64
"""A gateway draws a stream at each start; what it holds of older ones it sends again."""


class ReceiptPublisher:
    """Remembers who has news to hear until MQTT took it."""

    def __init__(self, link: MqttLink) -> None:
        """The link's owner starts and stops it."""
        self._link = link
        self._due: set[str] = set()
        self._told_epoch: int | None = None

    def note(self, gateway_ids: Iterable[str]) -> None:
        """Remember gateways whose custody changed, or who asked by their health."""
        self._due.update(gateway_ids)

    def publish(self, connection: Connection[TupleRow]) -> None:
        """Publish what is due if there is a connection; the rest waits for one."""
        if self._link.subscribed.is_set():
            if self._told_epoch != self._link.epoch:
                rows = connection.execute(
                    "SELECT DISTINCT gateway_id FROM vitalwire.gateway_receipts"
                )
                self._due.update(gateway_id for (gateway_id,) in rows)
                self._told_epoch = self._link.epoch
            due = sorted(self._due)
            for start in range(0, len(due), PAGE_GATEWAYS):
                self._publish_page(connection, due[start : start + PAGE_GATEWAYS])
        metrics.receipts_due.set(len(self._due))

    def _publish_page(self, connection: Connection[TupleRow], gateway_ids: list[str]) -> None:
        found = custody.held(connection, gateway_ids, STREAMS_MAX)
        for gateway_id in gateway_ids:
            streams = found.get(gateway_id)
            if streams is not None:
                payload = msgspec.json.encode(Receipts(streams))
                if not self._link.publish_retained(mqtt_topic(gateway_id, "receipts"), payload):
                    return
                metrics.receipts.inc()
            self._due.discard(gateway_id)
