"""What the page says where no reading is: since when it would know of one."""

from zoneinfo import ZoneInfo

import pytest

from alerts.feed.latest import READINGS_BACK_MS
from alerts.feed.quiet import CUT_OFF_MS, cut_off, no_reading
from tests.servers import HandClock

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = HandClock().now_ms  # 09:00 in Berlin
MINUTE_MS = 60_000


def test_of_an_empty_log_it_does_not_say_that_nobody_measured() -> None:
    """A log that was made anew, or whose retention took all, was "No reading in the last day"."""
    said = no_reading(None, NOW_MS, BERLIN)
    assert said == "Whether anybody has measured is not known: the log of readings holds nothing."


@pytest.mark.parametrize(
    ("known_ms", "said"),
    [
        (90 * MINUTE_MS, "since 07:30. Of the time before that nothing is known here."),
        (12 * 60 * MINUTE_MS, "since yesterday 21:00. Of the time before that nothing is known"),
        (READINGS_BACK_MS - 2 * MINUTE_MS - 1, "Of the time before that nothing is known here."),
        (READINGS_BACK_MS - 2 * MINUTE_MS, "No reading has come in the last day."),
        (20 * READINGS_BACK_MS, "No reading has come in the last day."),
    ],
)
def test_it_says_since_when_it_would_know_of_a_reading(known_ms: int, said: str) -> None:
    assert said in no_reading(NOW_MS - known_ms, NOW_MS, BERLIN)


@pytest.mark.parametrize(
    ("quiet_ms", "said"),
    [(-1, None), (CUT_OFF_MS, None), (CUT_OFF_MS + 1, "for 1 min"), (59 * MINUTE_MS, "for 59 min")],
)
def test_a_clinic_that_nothing_reaches_is_told(quiet_ms: int, said: str | None) -> None:
    told = cut_off(NOW_MS - quiet_ms, NOW_MS)
    assert (told is None) if said is None else said in (told or "")
