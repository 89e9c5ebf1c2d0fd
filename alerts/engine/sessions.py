"""Which readings without a time of their own are the only ones of their session.

One that its device's clock does not date is taken to be measured when it came. That is near the
truth only if nothing else came with it: else it enters no window. Readings of one session may come
in several records, in any order, so of such sessions the last few are kept: sparse, for most
patients have none. All readings of a session count, of whatever vital and outcome; those that the
device's clock dates count beside others of their record alone, for nobody keeps their sessions.
"""

import hashlib
from collections.abc import Collection

from alerts.engine.identity import short_identity
from alerts.engine.revise import take_out
from alerts.engine.state import PartitionState
from schemas.kafka import PatientReadings

SESSIONS_MAX = 8
"""A patient has a few devices, and a session's records come one soon after the other."""
_SEVERAL = 0
"""In place of the name of a session's only reading: it has more than one."""
_DIGEST_BYTES = 8

_Names = dict[int, set[int]]
"""By digests of sessions: short names of their readings."""


def leave_followed(state: PartitionState, record: PatientReadings) -> None:
    """Take out of windows what had entered as its session's only reading and is that no more.

    No alert hears of it: later data never withdraw one.
    """
    row = state.rows.get(record.patient_id)
    if row is None:
        return
    for name in _followed(state, row, _undated(record)):
        for vital in state.rule_set.vitals:
            take_out(state, vital, row, name)


def note_sessions(
    state: PartitionState, row: int, record: PatientReadings
) -> Collection[int] | None:
    """Take a record's sessions into the state; give the readings that are their only ones.

    By their short names. None: each reading of the record has a time of its own.
    """
    undated = _undated(record)
    if not undated:
        return None
    known, only = state.sessions.get(row, {}), set[int]()
    for session, names in undated.items():
        before = known.pop(session, None)
        seen = names if before is None else names | {before}
        known[session] = next(iter(seen)) if len(seen) == 1 else _SEVERAL
        only |= seen if len(seen) == 1 else set()
    state.sessions[row] = dict([*known.items()][-SESSIONS_MAX:])
    return only


class Begun:
    """Sessions that records have begun which the state has not taken in yet."""

    def __init__(self) -> None:
        """Start with none."""
        self._sessions: set[tuple[str, int]] = set()

    def follows(self, state: PartitionState, record: PatientReadings) -> bool:
        """Tell whether a record may say that a reading was not its session's only one."""
        undated = _undated(record)
        if not undated:
            return False
        row, here = state.rows.get(record.patient_id), {(record.patient_id, one) for one in undated}
        found = not self._sessions.isdisjoint(here)
        self._sessions |= here
        return found or (row is not None and bool(_followed(state, row, undated)))


def _followed(state: PartitionState, row: int, undated: _Names) -> list[int]:
    """Give the readings that were their sessions' only ones, and are followed by others."""
    known = state.sessions.get(row, {}) if undated else {}
    return [
        known[session]
        for session, names in undated.items()
        if known.get(session, _SEVERAL) != _SEVERAL and names != {known[session]}
    ]


def _undated(record: PatientReadings) -> _Names:
    """Name the readings of each session in which there is one that no clock of its device dates."""
    asked = {
        one.reading.session_id
        for one in record.readings
        if one.stamp.quality != "device-clock" and one.reading.amends is None
    }
    found: dict[str, set[int]] = {}
    for one in record.readings if asked else ():  # of most records none
        if one.reading.session_id in asked and one.reading.amends is None:
            names = found.setdefault(one.reading.session_id, set())
            names.add(short_identity(one.reading.reading_id))
    return {_digest(session_id): names for session_id, names in found.items()}


def _digest(session_id: str) -> int:
    return int.from_bytes(hashlib.sha256(session_id.encode()).digest()[:_DIGEST_BYTES])
