"""Forks that judge one mutant each: bounded in processor time, memory and waiting."""

import functools
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from bench.mutants.cover import Coverage
from bench.mutants.mutate import Mutant

Verdict = Literal["killed", "survived", "hung", "not covered"]
Begin = Callable[[Mutant, Sequence[str], "Bounds"], int]
"""Run some tests of a mutant, in a fork; anything but 0 says that one failed."""
_PATIENCE, _PATIENCE_S = 4.0, 5.0  # of processor time, for each test
_WAITS, _WAITS_S = 40.0, 120.0  # for all of them: one may wait for what never comes
_MEMORY_BYTES = 4 << 30
_LOOKS_EVERY_S = 0.002


@dataclass(frozen=True)
class Orders:
    """What to judge, on how many processors, until when (monotonic); slower tests are left out.

    ``examples``: hypothesis tries no property more often.
    """

    mutants: Sequence[Mutant]
    files: frozenset[str]
    jobs: int
    until_s: float
    slowest_s: float
    examples: int
    folder: Path


class Bounds:
    """A pytest plugin for one mutant: says which test begins, and ends what runs for ever."""

    def __init__(self, coverage: Coverage, says: Path) -> None:
        """``says``: the file that names the test."""
        self._coverage, self._says = coverage, says

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Before each test."""
        self._says.write_text(item.nodeid)
        bound_s = _PATIENCE_S + _PATIENCE * self._coverage.seconds(item.nodeid)
        signal.setitimer(signal.ITIMER_PROF, bound_s)  # by default it ends the process


@dataclass(frozen=True)
class _Running:
    mutant: Mutant
    ends_s: float
    says: Path


def judged(
    mutants: Sequence[Mutant], coverage: Coverage, orders: Orders, begin: Begin
) -> Iterator[tuple[Mutant, Verdict]]:
    """Give each mutant's verdict as it is known; begin none after the end."""
    waiting, running = list(reversed(mutants)), dict[int, _Running]()
    while waiting or running:
        while waiting and len(running) < orders.jobs and time.monotonic() < orders.until_s:
            mutant = waiting.pop()
            tests = coverage.of(mutant)
            if not tests:
                yield mutant, "not covered"
                continue
            says = orders.folder / f"says-{len(waiting)}"
            bounds = Bounds(coverage, says)
            pid = forked(functools.partial(_child, begin, mutant, tests, bounds))
            wait_s = _WAITS_S + _WAITS * sum(map(coverage.seconds, tests))
            running[pid] = _Running(mutant, time.monotonic() + wait_s, says)
        if not running:
            return
        yield from _ended(running, coverage)
        time.sleep(_LOOKS_EVERY_S)


def _ended(running: dict[int, _Running], coverage: Coverage) -> Iterator[tuple[Mutant, Verdict]]:
    for pid, one in list(running.items()):
        done, status = os.waitpid(pid, os.WNOHANG)
        hangs = not done and time.monotonic() > one.ends_s
        if hangs:
            os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        if done or hangs:
            del running[pid]
            if status and one.says.exists():
                coverage.learn(one.mutant, one.says.read_text())
            yield one.mutant, _verdict(status)


def _verdict(status: int) -> Verdict:
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGPROF, signal.SIGKILL}:
        return "hung"
    return "killed" if status else "survived"


def _child(begin: Begin, mutant: Mutant, tests: Sequence[str], bounds: Bounds) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    return begin(mutant, tests, bounds)


def forked(work: Callable[[], int], log: Path = Path(os.devnull)) -> int:
    """Begin a child in a group of its own; it ends with what ``work`` gives."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        code = work()
    except BaseException:  # noqa: BLE001 - whatever a mutant breaks, it is noticed
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
