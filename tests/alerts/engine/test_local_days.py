"""Patient-local days of many instants at once, against the calendar of one at a time."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.local_days import DAY_MS, local_day, local_days

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
