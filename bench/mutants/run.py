"""Runs the tests of each mutant in a fork of one process that has loaded everything but our code.

What is forked has numpy, hypothesis and pytest already; it loads our modules, one of them changed,
and the tests that run the changed line, quickest first, until one fails. A mutant that hangs is
noticed: it is killed after several times what its tests take.
"""

import ast
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest

from bench.mutants.cover import PYTEST, record
from bench.mutants.mutate import Mutant, mutated
from bench.record import CHECKOUT

Verdict = Literal["killed", "survived", "hung", "not covered"]
_HEAVY = ("numpy", "hypothesis", "pytest", "msgspec", "click", "rich", "structlog", "zoneinfo")
_PATIENCE_S = 20.0
_PATIENCE = 5.0
_LOOKS_EVERY_S = 0.01


@dataclass(frozen=True)
class Coverage:
    """The tests of each line, quickest first, and how long they take."""

    tests: dict[str, tuple[float, dict[str, list[int]]]]

    def of(self, mutant: Mutant) -> list[str]:
        """Give the tests that run a mutant's line; of what runs when it is imported, all."""
        name, lines = str(CHECKOUT / mutant.path), range(mutant.line, mutant.last_line + 1)
        found = [
            test
            for test, (_, seen) in self.tests.items()
            if not set(lines).isdisjoint(seen.get(name, ()))
        ]
        if not found:  # it runs when the module is imported
            found = [test for test, (_, seen) in self.tests.items() if name in seen]
        return sorted(found, key=lambda test: self.tests[test][0])

    def seconds(self, tests: Sequence[str]) -> float:
        """Add up how long tests take."""
        return sum(self.tests[test][0] for test in tests)


def cover(files: list[Path], tests: list[str], into: Path) -> Coverage:
    """Find out in a process of its own, so that this one stays free of our code."""
    log = into.with_suffix(".log")
    _, status = os.waitpid(_forked(lambda: record(files, tests, into), log), 0)
    if status:
        raise RuntimeError(f"The tests fail without any mutant:\n{log.read_text()[-4000:]}")
    return Coverage(json.loads(into.read_text()))


def preload() -> None:
    """Load what is not ours, once."""
    for name in _HEAVY:
        importlib.import_module(name)


def judge(
    mutants: Sequence[Mutant], coverage: Coverage, jobs: int, until_s: float
) -> Iterator[tuple[Mutant, Verdict]]:
    """Give each mutant's verdict as it is known; begin none after ``until_s`` (monotonic)."""
    waiting = list(reversed(mutants))
    running: dict[int, tuple[Mutant, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs and time.monotonic() < until_s:
            mutant = waiting.pop()
            tests = coverage.of(mutant)
            if not tests:
                yield mutant, "not covered"
                continue
            patience_s = _PATIENCE_S + _PATIENCE * coverage.seconds(tests)
            running[_begin(mutant, tests)] = (mutant, time.monotonic() + patience_s)
        if not running:
            return
        yield from _ended(running)
        time.sleep(_LOOKS_EVERY_S)


def _ended(running: dict[int, tuple[Mutant, float]]) -> Iterator[tuple[Mutant, Verdict]]:
    for pid, (mutant, patience_ends_s) in list(running.items()):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            del running[pid]
            yield mutant, "killed" if status else "survived"
        elif time.monotonic() > patience_ends_s:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del running[pid]
            yield mutant, "hung"


def _begin(mutant: Mutant, tests: list[str]) -> int:
    def work() -> int:
        sys.meta_path.insert(0, _Changed(mutant))
        return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *PYTEST, *tests]))

    return _forked(work, Path(os.devnull))


def _forked(work: Callable[[], int], log: Path) -> int:
    """Begin a child in a group of its own; it ends with what ``work`` gives."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        code = work()
    except BaseException:  # noqa: BLE001 - whatever a mutant breaks, it is noticed
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the one module that is changed."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = mutant.path.removesuffix(".py").replace("/", ".")
        self._path = CHECKOUT / mutant.path

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        tree: ast.Module = mutated(self._path.read_text(), self._mutant)
        exec(compile(tree, str(self._path), "exec"), module.__dict__)  # noqa: S102
