"""Keeps children alive: one that ends by itself is named with its log and started again, later.

Invariants: children are started and stopped in the thread that made the supervisor; they stop in
the reverse order of their start, those of one group side by side; a child that was stopped on
purpose stays stopped.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Self

from schemas.backoff import Backoff
from schemas.errors import MisconfiguredError, UnavailableError
from simulators.stack.process import Child, last_line

_STEADY_S = 30.0  # who ran this long starts afresh with short delays
_RESTART_FIRST_S = 0.3
_RESTART_LONGEST_S = 10.0

Report = Callable[[str], None]
"""Takes a sentence for the person in front of the terminal."""


@dataclass
class _Watched:
    child: Child
    backoff: Backoff
    after_restart: Callable[[], None] | None
    started_s: float
    restart_at_s: float | None = None
    paused: bool = False
    crashes: list[str] = field(default_factory=list)


class Supervisor(AbstractContextManager["Supervisor"]):
    """Call ``step`` a few times a second from the thread that made it."""

    def __init__(self, rng: Random, report: Report) -> None:
        """``rng`` spreads restarts; ``report`` is told of every child that ended by itself."""
        self._rng = rng
        self._report = report
        self._watched: list[_Watched] = []

    @property
    def crashes(self) -> list[str]:
        """What ended by itself so far, in words."""
        return [crash for watched in self._watched for crash in watched.crashes]

    def start(self, child: Child, after_restart: Callable[[], None] | None = None) -> Child:
        """Start a child and keep it alive from now on; ``after_restart`` mends what it forgot."""
        return self.adopt(child.start(), after_restart)

    def adopt(self, child: Child, after_restart: Callable[[], None] | None = None) -> Child:
        """Keep a running child alive from now on."""
        backoff = Backoff(self._rng, _RESTART_FIRST_S, _RESTART_LONGEST_S)
        self._watched.append(_Watched(child, backoff, after_restart, time.monotonic()))
        return child

    def pause(self, child: Child) -> None:
        """Stop a child until ``resume``."""
        watched = self._find(child)
        watched.paused = True
        child.stop()

    def resume(self, child: Child) -> None:
        """Start a paused child again."""
        self._find(child).paused = False
        self._restart(self._find(child))

    def is_paused(self, child: Child) -> bool:
        """Tell whether the child was stopped on purpose."""
        return self._find(child).paused

    def step(self) -> None:
        """Look at every child once; never waits longer than a start takes."""
        now_s = time.monotonic()
        for watched in self._watched:
            if watched.paused or watched.child.running:
                continue
            if watched.restart_at_s is None:
                self._note_end(watched, now_s)
            elif now_s >= watched.restart_at_s:
                self._restart(watched)

    def _note_end(self, watched: _Watched, now_s: float) -> None:
        program, code = watched.child.program, watched.child.exit_code
        ended = f"{program.name} ended by itself (exit {code})"
        if code == MisconfiguredError.exit_code:  # another try would end the same
            raise MisconfiguredError(f"{ended}: {last_line(program.log)}.", f"See {program.log}.")
        if now_s - watched.started_s > _STEADY_S:
            watched.backoff.reset()
        delay_s = watched.backoff.next_s()
        watched.restart_at_s = now_s + delay_s
        watched.crashes.append(f"{ended}: {last_line(program.log)}")
        self._report(f"{ended}; starting it again in {delay_s:.1f} s. Its log: {program.log}")

    def _restart(self, watched: _Watched) -> None:
        watched.restart_at_s = None
        watched.started_s = time.monotonic()
        try:
            watched.child.start()
            if watched.after_restart is not None:
                watched.after_restart()
        except UnavailableError as error:
            self._report(str(error))

    def _find(self, child: Child) -> _Watched:
        return next(watched for watched in self._watched if watched.child is child)

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every child, the last started first."""
        for watched in reversed(self._watched):
            watched.paused = True
            watched.child.ask_to_stop()
        for watched in reversed(self._watched):
            watched.child.stop()
