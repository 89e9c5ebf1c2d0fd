"""Tells whoever started it what happens: a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Narrator:
    """Lines on standard error, so that standard output carries results alone."""

    def __init__(self) -> None:
        """Find out whether somebody watches."""
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status: Status | None = None

    def say(self, sentence: str) -> None:
        """Print a line."""
        self._console.print(sentence, markup=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show that something is under way; once done, print how long it took."""
        began_s = time.monotonic()
        with self._console.status(f"{what} …"):
            yield
        self.say(f"  {time.monotonic() - began_s:5.1f} s  {what}")

    @contextmanager
    def ongoing(self) -> Iterator[None]:
        """Keep a line at the bottom of the terminal that ``update`` rewrites."""
        with self._console.status("") as self._status:
            yield
        self._status = None

    def update(self, what: str) -> None:
        """Rewrite the bottom line; nothing where nobody watches."""
        if self._status is not None:
            self._status.update(what)
