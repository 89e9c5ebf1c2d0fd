"""Patient-local days of many instants at once, against the calendar of one at a time."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.readings.local_days import DAY_MS, local_day, local_days

ZONES: list[tzinfo] = [
    UTC,
    timezone(timedelta(hours=-3)),
    *map(
        ZoneInfo,
        ["America/New_York", "Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca", "Europe/Dublin"],
    ),
]
YEAR_1990_MS, YEAR_2100_MS = 631_152_000_000, 4_102_444_800_000


def calendar_day(zone: tzinfo, at_ms: int) -> int:
    day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
    return day.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()


@given(
    st.lists(
        st.tuples(st.integers(0, len(ZONES) - 1), st.integers(YEAR_1990_MS, YEAR_2100_MS)),
        min_size=1,
        max_size=30,
    )
)
def test_days_are_those_of_the_calendar(instants: list[tuple[int, int]]) -> None:
    zone, at_ms = np.array(instants, dtype=np.int64).T
    expected = [calendar_day(ZONES[code], at) for code, at in instants]
    assert local_days(ZONES, zone, at_ms).tolist() == expected
    assert [local_day(ZONES[code], at) for code, at in instants] == expected


@given(st.integers(-2 * 3_600_000, 2 * 3_600_000))
def test_the_night_that_has_an_hour_twice(offset_ms: int) -> None:
    zone = ZoneInfo("America/New_York")
    at_ms = int(datetime(2026, 11, 1, 6, tzinfo=UTC).timestamp() * 1000) + offset_ms
    assert local_day(zone, at_ms) == calendar_day(zone, at_ms)


def test_a_day_that_a_zone_left_out() -> None:
    zone = ZoneInfo("Pacific/Apia")  # 30 December 2011 never was there
    before_ms = int(datetime(2011, 12, 30, 9, 59, tzinfo=UTC).timestamp() * 1000)
    assert local_day(zone, before_ms + DAY_MS // 24) - local_day(zone, before_ms) == 2


CHUNK_DAYS = 128
"""Offsets are looked up for so many days at once: what happens at the seams is the same."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HALF_A_DAY = timedelta(hours=12)


class Once(tzinfo):
    """A zone that changes its offset at one instant, from -12 h to +12 h: any error is a day."""

    def __init__(self, change_ms: int) -> None:
        self._change_ms = change_ms

    def fromutc(self, dt: datetime) -> datetime:
        since = dt.replace(tzinfo=UTC) - EPOCH
        later = since // timedelta(milliseconds=1) >= self._change_ms
        return (dt + (HALF_A_DAY if later else -HALF_A_DAY)).replace(fold=int(later))

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return HALF_A_DAY if dt is not None and dt.fold else -HALF_A_DAY

    def dst(self, dt: datetime | None) -> None:
        return None

    def tzname(self, dt: datetime | None) -> str:
        return "once"


@pytest.mark.parametrize("chunk", [0, 1, -1, 160])
@pytest.mark.parametrize("day", [0, 1, 2, 64, 126, 127, 128])
@pytest.mark.parametrize("after_ms", [-1, 0, 1, DAY_MS // 2])
def test_an_offset_holds_from_the_very_instant_of_the_change(
    chunk: int, day: int, after_ms: int
) -> None:
    change_ms = (chunk * CHUNK_DAYS + day) * DAY_MS + after_ms
    zone = Once(change_ms)
    seams = [(chunk + n) * CHUNK_DAYS * DAY_MS for n in (-1, 0, 1, 2)]
    instants = [at + by for at in (change_ms, *seams) for by in (-DAY_MS, -1, 0, 1, DAY_MS)]
    half_ms = DAY_MS // 2
    expected = [(at + (half_ms if at >= change_ms else -half_ms)) // DAY_MS for at in instants]
    none = np.zeros(len(instants), np.int64)
    assert local_days([zone], none, np.array(instants)).tolist() == expected


def test_a_zone_that_knows_no_offset_is_that_of_utc_and_nobody_has_no_day() -> None:
    class Unknown(Once):
        def utcoffset(self, dt: datetime | None) -> None:
            return None

        def fromutc(self, dt: datetime) -> datetime:
            return dt

    assert [local_day(Unknown(0), at) for at in (-1, 0, DAY_MS - 1, DAY_MS)] == [-1, 0, 0, 1]
    nothing = np.zeros(0, np.int64)
    assert local_days([UTC], nothing, nothing).tolist() == []
