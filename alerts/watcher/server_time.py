"""What time it is where readings are judged, whatever is done to the clock of this machine. Pure.

The watcher stands apart, best on another machine: a clock that is wrong there, or set while it
watches, must neither page a clinic for nothing nor hide that alerting is down.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class ServerTime:
    """The newest stamp that was read, and the time that has passed here since.

    ``began_ms`` and every ``monotonic_ms``: milliseconds since this machine was started.
    """

    began_ms: int
    _ahead_ms: int | None = None

    def heard(self, stamps: Iterable[int], monotonic_ms: int) -> None:
        """Take the stamps (UTC ms) of what was read now; nothing read changes nothing."""
        newest_ms = max(stamps, default=None)
        if newest_ms is not None:
            self._ahead_ms = newest_ms - monotonic_ms

    def now_ms(self, monotonic_ms: int, wall_ms: int) -> int:
        """Give it as UTC ms; by this machine's clock while nothing was read yet."""
        return wall_ms if self._ahead_ms is None else self._ahead_ms + monotonic_ms

    def since_ms(self, monotonic_ms: int, wall_ms: int) -> int:
        """Give by it when the watcher began."""
        return self.now_ms(monotonic_ms, wall_ms) - (monotonic_ms - self.began_ms)
