"""The patient's calendar day of many instants at once, as whole days since 1970 there.

A day is that of the zone in force at the instant: days of 23 and 25 hours are days like any other.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

import numpy as np

from alerts.engine.readings.columns import Integers

DAY_MS = 86_400_000
_CHUNK_DAYS = 128
_CHUNK_MS = _CHUNK_DAYS * DAY_MS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_days(zones: Sequence[tzinfo], zone: Integers, at_ms: Integers) -> Integers:
    """Give the day of each instant (UTC ms) in its zone, a place in ``zones``."""
    offset_ms = np.zeros(len(at_ms), np.int64)
    for code in np.flatnonzero(np.bincount(zone)).tolist():
        if zones[code] is UTC:
            continue
        here = np.flatnonzero(zone == code)
        chunks = at_ms[here] // _CHUNK_MS
        for chunk in _distinct(chunks):
            inside = here[chunks == chunk]
            since_ms, offsets_ms = _offsets(zones[code], chunk)
            place = np.searchsorted(since_ms, at_ms[inside], side="right") - 1
            offset_ms[inside] = offsets_ms[place]
    days: Integers = (at_ms + offset_ms) // DAY_MS
    return days


def local_day(zone: tzinfo, at_ms: int) -> int:
    """Give the day of one instant."""
    return int(local_days((zone,), np.zeros(1, np.int64), np.array([at_ms]))[0])


def _distinct(chunks: Integers) -> list[int]:
    first, last = int(chunks.min()), int(chunks.max())
    return [first] if first == last else np.unique(chunks).tolist()


@lru_cache(maxsize=4096)
def _offsets(zone: tzinfo, chunk: int) -> tuple[Integers, Integers]:
    """Give the instants of a chunk from which an offset holds, and the offsets, in ms.

    No zone changes its offset twice in a day: between two midnights of UTC halving finds it.
    """
    days = [chunk * _CHUNK_MS + number * DAY_MS for number in range(_CHUNK_DAYS + 1)]
    since_ms, offsets_ms = [days[0]], [_offset_ms(zone, days[0])]
    for begin_ms, end_ms in pairwise(days):
        offset_ms = _offset_ms(zone, end_ms)
        if offset_ms != offsets_ms[-1]:
            since_ms.append(_change_ms(zone, begin_ms, end_ms))
            offsets_ms.append(offset_ms)
    return np.array(since_ms), np.array(offsets_ms)


def _change_ms(zone: tzinfo, begin_ms: int, end_ms: int) -> int:
    """Find the first instant of the offset that holds at the end."""
    offset_ms = _offset_ms(zone, end_ms)
    while end_ms - begin_ms > 1:
        middle_ms = (begin_ms + end_ms) // 2
        if _offset_ms(zone, middle_ms) == offset_ms:
            end_ms = middle_ms
        else:
            begin_ms = middle_ms
    return end_ms


def _offset_ms(zone: tzinfo, at_ms: int) -> int:
    offset = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)
