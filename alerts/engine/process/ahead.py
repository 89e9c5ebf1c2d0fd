"""Writes what was judged while more is read and judged: one part at a time, in order."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from typing import Self

from alerts.engine.partitions.replicas import StoppedError


class Ahead(AbstractContextManager["Ahead"]):
    """The thread that writes; use it from one other thread, which judges."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self.given_up = False
        """Whether nobody waits any more for what is under way: it should end."""
        self._thread = ThreadPoolExecutor(1, "engine-writes")
        self._under_way: Future[None] | None = None
        self._too_late = False

    def begin(self, write: Callable[[], None]) -> None:
        """Finish what is under way, then begin this."""
        self.finish()
        self._under_way = self._thread.submit(write)

    def finish(self) -> None:
        """Wait for what is under way; raise what it raised."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()
        if self._too_late:
            raise StoppedError

    def settle(self, within_s: float) -> None:
        """Wait so long for what is under way, in any thread; later it does not count as written."""
        under_way = self._under_way
        if under_way is not None and wait([under_way], within_s).not_done:
            self._too_late = True

    def __exit__(self, *_: object) -> None:
        """End the thread; who leaves by an error is not interested in what is under way."""
        self.given_up = True
        self._thread.shutdown()

    def __enter__(self) -> Self:
        """Nothing to do: ready since it was made."""
        return self
