"""From the log's bytes to records; a bad one rejects itself alone, counted and logged."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter

from alerts.log import LogRecord
from schemas.alert import ACTION_DECODER, TRANSITION_DECODER, Action, Transition
from schemas.errors import InvalidInput
from schemas.kafka import READINGS_DECODER, PatientReadings, Tick
from schemas.registry import REGISTRY_DECODER, DeviceEntry, PatientEntry
from schemas.topics import ACTIONS, ALERTS, READINGS, REGISTRY
from schemas.wire import refuse_other_major

_DECODERS: dict[str, Callable[[bytes], Any]] = {
    ALERTS: TRANSITION_DECODER.decode,
    ACTIONS: ACTION_DECODER.decode,
    READINGS: READINGS_DECODER.decode,
    REGISTRY: REGISTRY_DECODER.decode,
}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Removed:
    """A record of registry.v1 without a value."""

    key: str


Record = Transition | Action | PatientEntry | DeviceEntry | Removed | PatientReadings | Tick


def decode(topic: str, key: bytes | None, value: bytes | None) -> Record:
    """Read one record; raises ``InvalidInput`` with a short, stable reason."""
    if not value:
        if topic != REGISTRY or not key:
            raise InvalidInput("empty", "a record without a value")
        return Removed(key.decode(errors="replace"))
    try:
        record: Record = _DECODERS[topic](value)
    except msgspec.DecodeError as error:  # ValidationError is one of them
        raise InvalidInput("malformed", str(error)) from error
    assert not isinstance(record, Removed)
    refuse_other_major(record.version)
    return record


def readable(records: Iterable[LogRecord], rejected: Counter) -> Iterator[tuple[LogRecord, Record]]:
    """Decode what can be; count the rest in ``rejected`` by topic and reason."""
    for one in records:
        try:
            yield one, decode(one.topic, one.key, one.value)
        except InvalidInput as error:
            rejected.labels(one.topic, error.reason).inc()
            _log.warning(
                "record.rejected",
                topic=one.topic,
                partition=one.partition,
                offset=one.offset,
                reason=error.reason,
            )
