"""Reads what an alert follows from: its events, the books and plan, every reading of its patient.

Or every reading that belonged to nobody, of an alert about a device.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from alerts.engine.absence.gaps import LOG_GAP_MS
from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.ladders.library import Library
from alerts.engine.partitions.partitioner import partitions_of
from alerts.engine.process.beside import readable
from alerts.engine.process.roster import Roster
from alerts.engine.readings.admission import decoded, held_back, sane
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from alerts.engine.unassigned import UnassignedDevices
from alerts.log import Log, LogRecord
from alerts.rules.load import load_books
from schemas.alert import TRANSITION_DECODER, Transition
from schemas.errors import UNREADABLE
from schemas.kafka import Canary, ReadingsRecord, Tick
from schemas.topics import ALERTS, READINGS, REGISTRY, UNASSIGNED

_CLIENT_ID = "vitalwire-replay"
_AT_ONCE = 5_000

Progress = Callable[[int, int], None]
"""Told how many records of how many have been read."""


class _Id(msgspec.Struct, frozen=True):
    alert_id: str


class _Stamp(msgspec.Struct, frozen=True):
    received_at_ms: int


_ids = msgspec.json.Decoder(_Id)
_stamps = msgspec.json.Decoder(_Stamp)


def written(bootstrap: str, alert_id: str, progress: Progress) -> list[Transition]:
    """Find an alert's events in alerts.v1, in log order; empty: there is no such alert."""
    with Log(bootstrap, (ALERTS,), _CLIENT_ID) as log:
        log.seek({})
        return [
            TRANSITION_DECODER.decode(record.value or b"")
            for record in _to_end(log, progress)
            if _is(record, alert_id)
        ]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the log gives now; ``begins_ms``: how far back what was read of ``topic`` reaches."""

    transitions: list[Transition]
    begins_ms: int | None
    rule_set: RuleSet
    topic: str


def devices_judged_again(bootstrap: str, books: Path, progress: Progress) -> Replayed:
    """Judge all that readings.unassigned.v1 holds, by the books in force now."""
    library = Library(load_books(books))
    with Log(bootstrap, (REGISTRY,), _CLIENT_ID) as registry:
        Roster(registry, library, Plans(library.rule_set)).read_whole()
    with Log(bootstrap, (UNASSIGNED,), _CLIENT_ID) as log:
        log.seek({})
        entries = list(readable(_to_end(log, progress)))
    return Replayed(
        UnassignedDevices(library.rule_set).judge(entries),
        entries[0].received_at_ms if entries else None,
        library.rule_set,
        UNASSIGNED,
    )


def judged_again(bootstrap: str, patient_id: str, books: Path, progress: Progress) -> Replayed:
    """Judge all that readings.v1 holds of a patient, by the books and the plan in force now."""
    library = Library(load_books(books))
    with Log(bootstrap, (REGISTRY,), _CLIENT_ID) as registry:
        roster = Roster(registry, library, Plans(library.rule_set))
        roster.read_whole()
    state = PartitionState(library.rule_set, roster.plans)
    state.absences.gap_ms = LOG_GAP_MS
    if patient_id in roster.plans:
        state.row(patient_id)
    found: list[Transition] = []
    begins_ms: int | None = None
    with Log(bootstrap, (READINGS,), _CLIENT_ID) as log:
        partitions = log.life(READINGS).partitions
        log.seek({})
        home = partitions_of((patient_id,), partitions)[patient_id]
        for number in set(range(partitions)) - {home}:
            log.read_on((READINGS, number), None)
        part: list[ReadingsRecord] = []
        for record in _to_end(log, progress, home):
            entry = _entry(record, patient_id.encode())
            if entry is None:
                continue
            if begins_ms is None and not isinstance(entry, Tick):
                begins_ms = entry.received_at_ms
            part.append(entry)
            if len(part) == _AT_ONCE:
                found += step(state, part).transitions
                part = []
        found += step(state, part).transitions if part else []
    return Replayed(found, begins_ms, library.rule_set, READINGS)


def _entry(record: LogRecord, key: bytes) -> ReadingsRecord | None:
    """Read a record; of other patients only its stamp counts, which moves log time."""
    if record.key == key:
        entry = decoded(record.value)
        if entry is None or isinstance(entry, Canary):
            return None
        return held_back(sane(entry), record.appended_ms)
    try:
        tick = Tick(_stamps.decode(record.value or b"").received_at_ms)
    except UNREADABLE:
        return None
    return held_back(tick, record.appended_ms)


def _to_end(log: Log, progress: Progress, partition: int | None = None) -> Iterator[LogRecord]:
    """Read to where the topic ends now."""
    begins = log.position()
    ends = {place: end for place, end in log.ends().items() if partition in {None, place[1]}}
    total = sum(end - begins[place] for place, end in ends.items())
    read = 0
    for records in log.read_to_end(partitions=None if partition is None else (partition,)):
        read += len(records)
        yield from records
        progress(min(read, total), total)


def _is(record: LogRecord, alert_id: str) -> bool:
    try:
        return _ids.decode(record.value or b"").alert_id == alert_id
    except UNREADABLE:
        return False
