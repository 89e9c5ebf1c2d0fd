"""What of readings.v1 is taken, and for which time: no record stops the log or runs ahead."""

from typing import TypeVar

import msgspec

from alerts.records import possible
from schemas.errors import UNREADABLE, InvalidInput
from schemas.kafka import (
    READINGS_DECODER,
    Canary,
    Corrections,
    ReadingsRecord,
    Tick,
    Unassigned,
    Withdrawals,
)
from schemas.wire import refuse_other_major

AHEAD_MS_MAX = 5 * 60_000
"""How far the clock that stamps records may be ahead of the broker's that appends them. NTP keeps
both within a second; log time never goes back, so what a wrong stamp moves stays moved: timers
would fire at once, and every later reading would look old."""


_Entry = TypeVar("_Entry", bound=ReadingsRecord | Canary | Unassigned)


def held_back(entry: _Entry, appended_ms: int) -> _Entry:
    """Let a record stamped far ahead of its arrival count as stamped then; 0: nobody knows when."""
    if appended_ms <= 0 or entry.received_at_ms <= appended_ms + AHEAD_MS_MAX:
        return entry
    return msgspec.structs.replace(entry, received_at_ms=appended_ms)


def decoded(value: bytes | None) -> ReadingsRecord | Canary | None:
    """Read a record of readings.v1; None if nobody can."""
    try:
        entry = READINGS_DECODER.decode(value or b"")
        refuse_other_major(entry.version)
    except (*UNREADABLE, InvalidInput):
        return None
    return entry if possible(entry.received_at_ms) else None


def sane(entry: ReadingsRecord) -> ReadingsRecord:
    """Leave out readings whose times no calendar has: the others of the record count."""
    if isinstance(entry, Tick):
        return entry
    if isinstance(entry, Corrections | Withdrawals):
        shown = [one for one in entry.readings if possible(one.measured_at_ms)]
        whole = len(shown) == len(entry.readings)
        return entry if whole else msgspec.structs.replace(entry, readings=shown)
    kept = [
        one
        for one in entry.readings
        if possible(one.stamp.measured_at_ms) and possible(one.stamp.earliest_ms)
    ]
    if len(kept) == len(entry.readings):
        return entry
    return msgspec.structs.replace(entry, readings=kept)
