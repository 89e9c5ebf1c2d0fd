"""The clock inside a device: the wall's time plus its own error, which somebody may set."""

from collections.abc import Callable
from datetime import datetime, timedelta

__all__ = ["DeviceClock"]


class DeviceClock:
    """Runs at the wall's pace, whatever the pace of the simulation."""

    def __init__(self, wall: Callable[[], datetime], error_s: float = 0.0) -> None:
        """Read `wall`, which returns the local time to show, and be wrong by `error_s` (ahead)."""
        self._wall = wall
        self._error = timedelta(seconds=error_s)

    def now(self) -> datetime:
        """Return what the display shows, without a zone: devices know none."""
        return self._wall().replace(tzinfo=None) + self._error

    def set(self, shown: datetime) -> None:
        """Let the display show `shown` now."""
        self._error = shown - self._wall().replace(tzinfo=None)
