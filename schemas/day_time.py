"""Times of a patient's day, as care plans write them. Pure."""

import re

_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
DAY_MIN = 24 * 60


def minute_of_day(text: str) -> int | None:
    """Read ``06:00`` as minutes since midnight, up to ``24:00``; None if it is no time of day."""
    match = _CLOCK.fullmatch(text.strip())
    minute = int(match[1]) * 60 + int(match[2]) if match else DAY_MIN + 1
    return minute if minute <= DAY_MIN else None


def clock_at(minute: int) -> str:
    """Write it as ``minute_of_day`` reads it: ``06:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"
