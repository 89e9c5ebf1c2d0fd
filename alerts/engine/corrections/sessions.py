"""Which readings without a time of their own are the only ones of their session.

One that its device's clock does not date is taken to be measured when it came. That is near the
truth only if nothing else came with it: else it enters no window. Readings of one session may come
in several records, in any order, so of such sessions the last few are kept: sparse, for most
patients have none. All readings of a session count, of whatever vital, outcome and time: a meter
whose clock failed between two measurements sends one that it dates and one that it does not. Of
sessions that are dated so far only the last two are kept, for every patient has them.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping

import msgspec

from alerts.engine.corrections.revise import take_out
from alerts.engine.readings.identity import short_identity
from alerts.engine.state.partition_state import PartitionState
from schemas.kafka import PatientReadings, StampedReading

SESSIONS_MAX = 8
"""A patient has a few devices, and a session's records come one soon after the other."""
_SEVERAL = 0
"""In place of the name of a session's only reading: it has more than one."""
_DIGEST_BYTES = 8


class _Session(msgspec.Struct):
    """What a record has of a session: short names of its readings, and whether all are dated."""

    names: set[int]
    dated: bool


def leave_followed(state: PartitionState, record: PatientReadings) -> None:
    """Take out of windows what had entered as its session's only reading and is that no more.

    No alert hears of it: later data never withdraw one.
    """
    row = state.rows.get(record.patient_id)
    if row is None or row not in state.sessions:
        return
    for name in _followed(state.sessions[row], _sessions(record)):
        for vital in state.rule_set.vitals:
            take_out(state, vital, row, name)


def note_sessions(state: PartitionState, row: int, record: PatientReadings) -> Collection[int]:
    """Take a record's sessions into the state; give the readings that are their only ones.

    By their short names; of readings that have a time of their own nobody asks.
    """
    known = state.sessions.get(row, {})
    if not known and _all_dated(record):  # as most records are
        readings = [one.reading for one in record.readings]
        for session_id in {one.session_id: None for one in readings if one.amends is None}:
            state.dated.note(row, session_id)
        return ()
    only, sessions = set[int](), _sessions(record)
    for session_id, session in sessions.items():
        name = _digest(session_id)
        before = known.get(name)
        if session.dated and before is None:
            state.dated.note(row, session_id)
            continue
        seen = session.names if before is None else session.names | {before}
        several = len(seen) > 1 or (before is None and state.dated.knows(row, session_id))
        known.pop(name, None)
        known[name] = _SEVERAL if several else next(iter(seen))
        only |= set() if several else seen
    if known:
        state.sessions[row] = dict([*known.items()][-SESSIONS_MAX:])
    return only


class Begun:
    """Sessions that records have begun which the state has not taken in yet."""

    def __init__(self) -> None:
        """Start with none."""
        self._undated: dict[str, set[str]] = {}
        """By patient."""

    def follows(self, state: PartitionState, record: PatientReadings) -> bool:
        """Tell whether a record may say that a reading was not its session's only one."""
        row, begun = state.rows.get(record.patient_id), self._undated.get(record.patient_id)
        known = None if row is None else state.sessions.get(row)
        if not begun and not known and _all_dated(record):
            return False
        sessions = _sessions(record)
        found = begun is not None and not begun.isdisjoint(sessions)
        undated = {session_id for session_id, one in sessions.items() if not one.dated}
        self._undated.setdefault(record.patient_id, set()).update(undated)
        return found or (known is not None and bool(_followed(known, sessions)))


def _followed(known: Mapping[int, int], sessions: dict[str, _Session]) -> list[int]:
    """Give the readings that were their sessions' only ones, and are followed by others."""
    return [
        only
        for session_id, session in sessions.items()
        if (only := known.get(_digest(session_id), _SEVERAL)) != _SEVERAL
        and session.names != {only}
    ]


def _all_dated(record: PatientReadings) -> bool:
    for one in record.readings:  # a generator would take twice as long, for each record
        if one.stamp.quality != "device-clock" and one.reading.amends is None:
            return False
    return True


def _measurements(record: PatientReadings) -> Iterator[StampedReading]:
    """Leave out what is only said of others."""
    return (one for one in record.readings if one.reading.amends is None)


def _sessions(record: PatientReadings) -> dict[str, _Session]:
    found: dict[str, _Session] = {}
    for one in _measurements(record):
        session = found.setdefault(one.reading.session_id, _Session(set(), dated=True))
        session.names.add(short_identity(one.reading.reading_id))
        session.dated &= one.stamp.quality == "device-clock"
    return found


def _digest(session_id: str) -> int:
    return int.from_bytes(hashlib.sha256(session_id.encode()).digest()[:_DIGEST_BYTES])
