"""Which partition is saved when: one after the other, a few patients at a time.

Readings do not wait for it: each call saves for some milliseconds and leaves the rest to the next.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from alerts.engine.partitions.replica import Replica
from alerts.engine.partitions.snapshot import Header, Saving, load
from schemas.clock import Clock

EVERY_MS = 10 * 60_000
_ROWS = 100
_FOR_MS = 20

_log = structlog.get_logger()


class Snapshots:
    """The snapshots of an engine's partitions, in a folder."""

    def __init__(self, folder: Path, every_ms: int, clock: Clock) -> None:
        """``every_ms``: how often each partition is saved."""
        self._folder = folder
        self._every_ms = every_ms
        self._clock = clock
        self._saving: Saving | None = None
        self._saved_ms: dict[int, int] = {}

    @property
    def under_way(self) -> bool:
        """Whether one is being written: ``go_on`` is to be called often."""
        return self._saving is not None

    def is_due(self, partitions: int) -> bool:
        """Whether one is to begin, or to go on."""
        return self.under_way or bool(self._due(partitions))

    def go_on(self, replicas: Sequence[Replica], header: Callable[[int], Header]) -> None:
        """Go on for a short while, or begin one that is due; ``header``: of a partition's."""
        try:
            self._go_on(replicas, header)
        except OSError as error:  # a restart takes longer, and that is all
            _log.error("snapshot.failed", reason=error.strerror)
            self._abandon()

    def load(self, wanted: Header, replica: Replica) -> int:
        """Let a replica follow its snapshot; give where alerts.state.v1 is to be read on."""
        return load(self._folder, wanted, replica)

    def _go_on(self, replicas: Sequence[Replica], header: Callable[[int], Header]) -> None:
        now_ms = self._clock.monotonic_ms()
        if self._saving is None:
            due = self._due(len(replicas))
            if not due:
                return
            number = min(due, key=lambda one: self._saved_ms[one])
            self._saved_ms[number] = now_ms
            self._saving = Saving(self._folder, header(number), replicas[number])
        if not any(self._saving.replica is replica for replica in replicas):
            self._abandon()  # it was let go, or judges by other books now
            return
        while not (done := self._saving.advance(_ROWS)):
            if self._clock.monotonic_ms() - now_ms >= _FOR_MS:
                break
        if done:
            self._saving = None

    def _due(self, partitions: int) -> list[int]:
        now_ms = self._clock.monotonic_ms()
        return [
            number
            for number in range(partitions)
            if now_ms - self._saved_ms.setdefault(number, now_ms) >= self._every_ms
        ]

    def _abandon(self) -> None:
        if self._saving is not None:
            self._saving.abandon()
            self._saving = None
