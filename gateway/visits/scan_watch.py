"""When a scan that says nothing is not believed any more: decisions on the monotonic clock in ms.

A scan can fall silent for good without any error (bluez issue 807; kernel and firmware bugs), but
in a quiet home silence is true: a cuff that is used twice a day advertises for a minute a day. So
the limits are long, the first remedies cost a few milliseconds, the last one about two seconds,
and the pauses between them grow, as long as nothing at all is heard.
"""

from enum import Enum

SILENCE_FIRST_MS = 15 * 60_000
SILENCE_LONGEST_MS = 6 * 3600_000
FAILED_STARTS_BEFORE_POWER = 4


class Remedy(Enum):
    """What to do about a scan."""

    NONE = "nothing"
    RESTART = "start it anew"
    POWER_CYCLE = "switch the adapter off and on"


LADDER = (Remedy.RESTART, Remedy.RESTART, Remedy.RESTART, Remedy.POWER_CYCLE)
"""Tried one after the other, each after a silence; then again with silences twice as long."""


class ScanWatch:
    """The silence of one scanner."""

    def __init__(self) -> None:
        """Begin before the first scan."""
        self._quiet_since_ms = 0
        self._remedies = 0  # since something was heard
        self._failed_starts = 0  # in a row

    def started(self, now_ms: int) -> None:
        """A scan begins."""
        self._quiet_since_ms = now_ms
        self._failed_starts = 0

    def heard(self, now_ms: int) -> None:
        """Something was heard: an advertisement, whosever it is."""
        self._quiet_since_ms = now_ms
        self._remedies = 0

    def failed_to_start(self) -> Remedy:
        """Take note that a scan did not begin."""
        self._failed_starts += 1
        if self._failed_starts % FAILED_STARTS_BEFORE_POWER == 0:
            return Remedy.POWER_CYCLE
        return Remedy.RESTART

    def due_ms(self) -> int:
        """Give the time until which silence is believed."""
        laps = self._remedies // len(LADDER)
        return self._quiet_since_ms + min(SILENCE_LONGEST_MS, SILENCE_FIRST_MS << min(laps, 10))

    def remedy(self, now_ms: int) -> Remedy:
        """Say what to do now; each remedy is given once."""
        if now_ms < self.due_ms():
            return Remedy.NONE
        remedy = LADDER[self._remedies % len(LADDER)]
        self._remedies += 1
        self._quiet_since_ms = now_ms
        return remedy
