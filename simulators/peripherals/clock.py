"""The clock inside a device: UTC plus its own error, which somebody may set."""

from datetime import UTC, datetime, timedelta

from schemas.clock import Clock

__all__ = ["DeviceClock", "utc"]


def utc(clock: Clock) -> datetime:
    """Return the wall's time."""
    return datetime.fromtimestamp(clock.wall_ms() / 1000, UTC)


class DeviceClock:
    """Runs at the wall's pace, whatever the pace of the simulation."""

    def __init__(self, clock: Clock, error_s: float = 0.0) -> None:
        """Be wrong by `error_s` (positive: ahead of UTC)."""
        self._clock = clock
        self._error = timedelta(seconds=error_s)

    def now(self) -> datetime:
        """Return what the display shows, without a zone: devices know none."""
        return utc(self._clock).replace(tzinfo=None) + self._error

    def set(self, shown: datetime) -> None:
        """Let the display show `shown`, a time without a zone, now."""
        self._error = shown - utc(self._clock).replace(tzinfo=None)
