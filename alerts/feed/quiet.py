"""What it means that no reading is shown: who cannot know must not say that nobody measured.

The bridge marks the time in readings.v1 every 15 s, even if nobody measures. So the oldest stamp
that was read says since when a reading would be known, and the newest whether any still could be.
"""

from datetime import tzinfo

from alerts.feed.latest import READINGS_BACK_MS
from alerts.feed.words import MINUTE_MS, absolute

CUT_OFF_MS = MINUTE_MS
_GAP_MS = 2 * MINUTE_MS
"""The first mark of a day's log may be so much later than the day began."""


def no_reading(oldest_ms: int | None, now_ms: int, zone: tzinfo) -> str:
    """Say since when no reading has come, as far as that is known; ``oldest_ms``: None if not."""
    if oldest_ms is None:
        return "Whether anybody has measured is not known: the log of readings holds nothing."
    if now_ms - oldest_ms >= READINGS_BACK_MS - _GAP_MS:
        return "No reading has come in the last day."
    since = absolute(oldest_ms, now_ms, zone)
    return f"No reading has come since {since}. Of the time before that nothing is known here."


def cut_off(newest_ms: int | None, now_ms: int) -> str | None:
    """Say that nothing reaches the clinic any more; None if something does, or nothing ever did."""
    if newest_ms is None or now_ms - newest_ms <= CUT_OFF_MS:
        return None
    minutes = (now_ms - newest_ms) // MINUTE_MS
    return f"No reading has reached the clinic for {minutes} min: homes may be cut off."
