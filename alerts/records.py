"""From the log's bytes to records."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.alert import ACTION_DECODER, CANARY, TRANSITION_DECODER, Action, Transition
from schemas.errors import UNREADABLE, InvalidInput
from schemas.kafka import (
    ENGINE_DECODER,
    READINGS_DECODER,
    Canary,
    Corrections,
    EngineReport,
    PatientReadings,
    Tick,
    Withdrawals,
)
from schemas.registry import BookEntry, DeviceEntry, PatientEntry, read_entry
from schemas.rota import RotaEntry
from schemas.topics import ACTIONS, ALERTS, ENGINES, READINGS, REGISTRY
from schemas.wire import refuse_other_major

Place = tuple[str, int]
"""(topic, partition)."""

_DECODERS: dict[str, Callable[[bytes], Any]] = {
    ALERTS: TRANSITION_DECODER.decode,
    ACTIONS: ACTION_DECODER.decode,
    READINGS: READINGS_DECODER.decode,
    REGISTRY: read_entry,
    ENGINES: ENGINE_DECODER.decode,
}


@dataclass(frozen=True, slots=True)
class Removed:
    """A record of registry.v1 without a value."""

    key: str


@dataclass(frozen=True, slots=True)
class CanaryFound:
    """What the rules found in a canary: a record of alerts.v1 that is no alert."""

    found: Transition


@dataclass(frozen=True, slots=True)
class CanaryDecided:
    """What the desk decided on it: a record of alerts.actions.v1 that answers no alert."""

    decided: Action


TIME_MS_MAX = 250_000_000_000_000
"""UTC ms of the year 9892: later than this no calendar goes, and nothing can show it."""

Record = (
    Transition
    | Action
    | PatientEntry
    | DeviceEntry
    | BookEntry
    | RotaEntry
    | Removed
    | PatientReadings
    | Corrections
    | Withdrawals
    | Tick
    | EngineReport
    | Canary
    | CanaryFound
    | CanaryDecided
)
"""Canaries have types of their own here, so that nobody who looks for alerts can take them."""

_FOUND_HERE = (Removed, CanaryFound, CanaryDecided)
_TIMED = (Transition, Action, EngineReport)


def decode(topic: str, key: bytes | None, value: bytes | None) -> Record:
    """Read one record; raises ``InvalidInput`` with a short, stable reason."""
    if not value:
        if topic != REGISTRY or not key:
            raise InvalidInput("empty", "a record without a value")
        return Removed(key.decode(errors="replace"))
    try:
        record: Record = _DECODERS[topic](value)
    except UNREADABLE as error:
        raise InvalidInput("malformed", str(error)) from error
    assert not isinstance(record, _FOUND_HERE)
    refuse_other_major(record.version)
    if isinstance(record, _TIMED) and not all(map(possible, _times(record))):
        raise InvalidInput("time", "a time that no calendar has")
    match record:
        case Transition(subject=subject) if subject.startswith(CANARY):
            return CanaryFound(record)
        case Action(kind="canary"):
            return CanaryDecided(record)
        case _:
            return record


def possible(at_ms: int) -> bool:
    """Tell whether a time can be shown; whoever shows another one stops at it."""
    return 0 <= at_ms <= TIME_MS_MAX


def _times(record: Transition | Action | EngineReport) -> tuple[int, ...]:
    if isinstance(record, Action | EngineReport):
        return (record.at_ms,)
    return record.at_ms, record.evidence.measured_at_ms
