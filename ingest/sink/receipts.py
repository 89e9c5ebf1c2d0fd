"""To the homes: receipts (per stream the numbers in custody) after the commit, and configurations.

Both are retained and tell what the database holds, whenever they are read: publishing one too
often, or late, is harmless. All are published when the connection is new, because the broker may
have lost them. Receipts go first: what a home is asked to send again, it must not think receipted.
"""

from collections.abc import Iterable

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.mqtt_link import MqttLink
from ingest.sink import configs, custody, metrics
from schemas.kafka import GatewayReport
from schemas.topics import mqtt_topic
from schemas.wire import Receipts

PAGE_GATEWAYS = 200
PAGE_CONFIGS = 20  # at a time: each reads a device's records
STREAMS_MAX = 64
"""A gateway draws a stream at each start; what it holds of older ones it sends again."""


class ReceiptPublisher:
    """Remembers who has news to hear until MQTT took it."""

    def __init__(self, link: MqttLink) -> None:
        """The link's owner starts and stops it."""
        self._link = link
        self._due: set[str] = set()
        self._configs_due: set[str] = set()
        self._streams: dict[str, set[str]] = {}
        self._told_request = 0
        self._told_epoch: int | None = None

    def note(self, gateway_ids: Iterable[str]) -> None:
        """Remember gateways whose custody changed, or who asked by their health."""
        self._due.update(gateway_ids)

    def note_report(self, report: GatewayReport) -> None:
        """Remember a gateway that has begun a stream: its journal may be new and know nothing."""
        streams = set(report.health.streams)
        known = self._streams.get(report.gateway_id, set())
        if not streams <= known:
            self._configs_due.add(report.gateway_id)
            self._streams[report.gateway_id] = streams

    def look_for_requests(self, connection: Connection[TupleRow]) -> None:
        """Find out whether somebody asked for a re-send; call it now and then."""
        request = configs.newest_request(connection)
        if request > self._told_request:
            self._configs_due.update(_gateways(connection))
            self._told_request = request

    def publish(self, connection: Connection[TupleRow]) -> None:
        """Publish what is due if there is a connection; the rest waits for one."""
        if self._link.subscribed.is_set():
            if self._told_epoch != self._link.epoch:
                gateways = _gateways(connection)
                self._due.update(gateways)
                self._configs_due.update(gateways)
                self._told_epoch = self._link.epoch
            due = sorted(self._due)
            for start in range(0, len(due), PAGE_GATEWAYS):
                self._publish_page(connection, due[start : start + PAGE_GATEWAYS])
            if not self._due:
                self._publish_configs(connection)
        metrics.receipts_due.set(len(self._due))

    def _publish_configs(self, connection: Connection[TupleRow]) -> None:
        for gateway_id in sorted(self._configs_due)[:PAGE_CONFIGS]:
            payload = configs.config_of(connection, gateway_id)
            if not self._link.publish_retained(mqtt_topic(gateway_id, "config"), payload):
                return
            metrics.configs.inc()
            self._configs_due.discard(gateway_id)

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


def _gateways(connection: Connection[TupleRow]) -> set[str]:
    """Name the gateways that ever brought something."""
    rows = connection.execute("SELECT DISTINCT gateway_id FROM vitalwire.gateway_receipts")
    return {gateway_id for (gateway_id,) in rows}
