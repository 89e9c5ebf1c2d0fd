"""Whom to connect to, and when: decisions on each sighting, on the monotonic clock in ms.

Known means paired on this adapter, by a person. BlueZ opens a link to a paired device at security
level medium (``device_connect_le`` in its src/device.c): encrypted with the key of the bond, so
whoever borrows a known address gets no link.
"""

from collections import OrderedDict
from enum import Enum
from random import Random

SESSIONS_MAX = 5  # per adapter: a Pi's controller has about seven connections
REST_AFTER_FAILURE_FIRST_MS = 1_000
REST_LONGEST_MS = 30_000
STRANGER_COUNTED_EVERY_MS = 60_000
STRANGERS_MAX = 256
UNREACHABLE_FROM_FAILURES = 5


class Verdict(Enum):
    """What to do about a sighting, and why."""

    DIAL = "dial"
    BUSY = "a session with it is running"
    FULL = "too many sessions are running"
    RESTING = "its last session has just ended"
    NOT_ADVERTISING = "it changed without being heard"
    STRANGER = "nobody paired it here"
    STRANGER_AGAIN = "nobody paired it here, and that was said already"


class Ending(Enum):
    """How a session went, as far as the next one depends on it."""

    FRUITFUL = "it gave something new"
    IN_VAIN = "it had nothing new"
    FAILED = "it was not reached, or the transfer broke"
    UNFINISHED = "it had no turn, or is to come back with its new bond"


class Dialling:
    """Remembers who is busy, who rests, and which strangers were counted."""

    def __init__(self, rest_ms: int, rng: Random) -> None:
        """Leave a device alone for ``rest_ms`` after a session, so that it is not re-dialled."""
        self._rest_ms = rest_ms
        self._rng = rng
        self._busy: dict[str, str] = {}  # over which adapter
        self._rests_until_ms: dict[str, int] = {}
        self._failures: dict[str, int] = {}  # in a row
        self._in_vain: dict[str, int] = {}  # in a row
        self._strangers: OrderedDict[str, int] = OrderedDict()

    def sighted(
        self, address: str, now_ms: int, *, paired: bool, heard: bool, adapter: str = ""
    ) -> Verdict:
        """Judge a sighting. ``heard``: an advertisement caused it, not another change."""
        if not heard:
            return Verdict.NOT_ADVERTISING
        if not paired:
            return self._stranger(address, now_ms)
        if address in self._busy:
            return Verdict.BUSY
        if now_ms < self._rests_until_ms.get(address, 0):
            return Verdict.RESTING
        sessions = sum(over == adapter for over in self._busy.values())
        return Verdict.FULL if sessions >= SESSIONS_MAX else Verdict.DIAL

    def is_busy(self, address: str) -> bool:
        """Tell whether a session with this device is running."""
        return address in self._busy

    def failures(self, address: str) -> int:
        """Tell how often in a row a device was not reached."""
        return self._failures.get(address, 0)

    def unreachable(self) -> dict[str, int]:
        """Give the devices that were heard and not reached, time and again, and how often."""
        return {
            address: failures
            for address, failures in sorted(self._failures.items())
            if failures >= UNREACHABLE_FROM_FAILURES
        }

    def began(self, address: str, adapter: str = "") -> None:
        """A session with this device begins, over this adapter."""
        assert address not in self._busy
        self._busy[address] = adapter

    def ended(self, address: str, now_ms: int, ending: Ending) -> None:
        """The session ended. After failures, and after visits in vain, rests grow longer.

        Some meters advertise for minutes after they gave everything: each visit costs battery.
        Growing rests have jitter, so that devices that failed together do not come back together.
        """
        del self._busy[address]
        if ending is Ending.UNFINISHED:
            return
        self._failures[address] = _next(self._failures, address, ending is Ending.FAILED)
        self._in_vain[address] = _next(self._in_vain, address, ending is Ending.IN_VAIN)
        if failures := self._failures[address]:
            rest_ms = self._growing(REST_AFTER_FAILURE_FIRST_MS, failures - 1)
        elif in_vain := self._in_vain[address]:
            rest_ms = self._growing(self._rest_ms, in_vain)
        else:
            rest_ms = self._rest_ms
        self._rests_until_ms[address] = now_ms + rest_ms

    def _growing(self, first_ms: int, times: int) -> int:
        longest_ms = max(first_ms, min(REST_LONGEST_MS, first_ms << min(times, 10)))
        return int(longest_ms * self._rng.uniform(0.5, 1.0))

    def _stranger(self, address: str, now_ms: int) -> Verdict:
        counted_ms = self._strangers.pop(address, None)
        known = counted_ms is not None and now_ms - counted_ms < STRANGER_COUNTED_EVERY_MS
        self._strangers[address] = counted_ms if counted_ms is not None and known else now_ms
        while len(self._strangers) > STRANGERS_MAX:
            self._strangers.popitem(last=False)
        return Verdict.STRANGER_AGAIN if known else Verdict.STRANGER


def _next(counts: dict[str, int], address: str, again: bool) -> int:  # noqa: FBT001  (a condition)
    return counts.get(address, 0) + 1 if again else 0
