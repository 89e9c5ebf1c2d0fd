"""Writes one part of a batch while the next part is judged: never more than one, in order."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Self


class Ahead(AbstractContextManager["Ahead"]):
    """The thread that writes; use it from one other thread, which judges."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self.given_up = False
        """Whether nobody waits any more for what is under way: it should end."""
        self._thread = ThreadPoolExecutor(1, "engine-writes")
        self._under_way: Future[None] | None = None

    def begin(self, write: Callable[[], None]) -> None:
        """Finish what is under way, then begin this."""
        self.finish()
        self._under_way = self._thread.submit(write)

    def finish(self) -> None:
        """Wait for what is under way; raise what it raised."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def __exit__(self, *_: object) -> None:
        """End the thread; who leaves by an error is not interested in what is under way."""
        self.given_up = True
        self._thread.shutdown()

    def __enter__(self) -> Self:
        """Nothing to do: ready since it was made."""
        return self
