"""Follows gateways.v1: which homes can be heard, for whoever asks why nothing comes."""

import msgspec
import structlog

from alerts.engine.absence.surroundings import Surroundings
from alerts.log import Log, LogRecord
from alerts.records import possible
from schemas.errors import UNREADABLE
from schemas.kafka import GatewayReport
from schemas.topics import GATEWAYS

LOOK_BACK_MS = 24 * 3_600_000
"""A gateway that has not reported for longer than this is not known any more."""

_READ_MAX = 2_000

_decoder = msgspec.json.Decoder(GatewayReport)
_log = structlog.get_logger()


class Gateways:
    """Keeps the surroundings up to date; gives the gateways whose reports change something."""

    def __init__(self, log: Log, surroundings: Surroundings, now_ms: int) -> None:
        """Read the last day."""
        self._log = log
        self._surroundings = surroundings
        log.seek(log.since(GATEWAYS, now_ms - LOOK_BACK_MS))

    def read_to_end(self) -> None:
        """Read everything that is in the topic now; raise ``UnavailableError``."""
        for records in self._log.read_to_end():
            self._take(records)

    def read_news(self) -> set[str]:
        """Read what has come in, as much as keeps nobody waiting."""
        changed: set[str] = set()
        for _ in range(_READ_MAX // 500):
            records = self._log.poll(0)
            if not records:
                break
            changed |= self._take(records)
        return changed

    def check(self) -> None:
        """Raise ``UnavailableError`` if the topic is away or was made again."""
        self._log.check()

    def _take(self, records: list[LogRecord]) -> set[str]:
        reports = (_decoded(record) for record in records)
        return {
            report.gateway_id
            for report in reports
            if report is not None and self._surroundings.take(report)
        }


def _decoded(record: LogRecord) -> GatewayReport | None:
    try:
        report = _decoder.decode(record.value or b"")
    except UNREADABLE:
        _log.warning("gateway.unreadable", offset=record.offset)
        return None
    return report if possible(report.received_at_ms) else None
