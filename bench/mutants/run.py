"""Runs the tests of each mutant in a fork of a process that has loaded and collected them all.

The change is put into the living functions of the fork, so that a mutant costs what its tests cost
and no import. Only what runs when a module is imported needs a process that has not loaded our code
yet.
"""

import functools
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import settings

from bench.mutants.cover import Coverage, Lines, Watch
from bench.mutants.forks import Bounds, Orders, Verdict, forked, judged
from bench.mutants.mutate import Mutant
from bench.mutants.otherwise import module_name
from bench.mutants.swap import Memories, changed, forget, living, memories, swap
from bench.record import CHECKOUT

PYTEST = (
    "-q",
    "--hypothesis-profile=mutants",  # the same examples each time, no shrinking of what fails
    "--assert=plain",  # nobody reads why it fails
    "--tb=no",
    "--timeout=600",
    "-pno:cacheprovider",
    "-Wignore::pytest.PytestAssertRewriteWarning",  # hypothesis is loaded before pytest begins
)
_HEAVY = ("numpy", "hypothesis", "pytest", "msgspec", "click", "rich", "structlog", "zoneinfo")
_SERVERS = {"kafka", "log", "postgres", "database_url", "migrated_url", "mqtt"}
"""Fixtures that start servers: too slow to meet a mutant, and about the shells."""
_FEW = 25
"""Tests that are collected first: one of them fails, mostly, and to collect all takes seconds."""
_SETTINGS = "_hypothesis_internal_use_settings"
_FOLDER = "PYTEST_DEBUG_TEMPROOT"
"""pytest keeps the folders of tests here; forks must not clear each other's."""


def preload() -> None:
    """Load what is not ours, once."""
    for name in _HEAVY:
        importlib.import_module(name)


def judge(orders: Orders, tests: Sequence[str]) -> Iterator[tuple[Mutant, Verdict]]:
    """Give each mutant's verdict as it is known; begin none after the end."""
    log = orders.folder / "log"
    told, tell = os.pipe()

    def work() -> int:
        os.close(told)
        warm = _Warm(orders, tell)
        sys.meta_path.insert(0, warm.watch.loader)
        return int(pytest.main([*PYTEST, *tests], plugins=[warm, _Sparing(orders)]))

    pid = forked(work, log)
    os.close(tell)
    with os.fdopen(told) as lines:
        coverage = Coverage(**json.loads(next(lines, '{"tests": {}, "imported": {}}')))
        for line in lines:
            place, verdict = json.loads(line)
            yield orders.mutants[place], verdict
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(f"The tests fail without any mutant:\n{log.read_text()[-4000:]}")

    def begin(mutant: Mutant, ids: Sequence[str], bounds: Bounds) -> int:
        _own_folder(orders)
        sys.meta_path.insert(0, changed(mutant))
        for some in filter(None, (ids[:_FEW], ids[_FEW:])):
            plugins = [bounds, _Sparing(orders)]
            if failed := int(pytest.main([*PYTEST, "-x", *some], plugins=plugins)):
                return failed
        return 0

    late = [mutant for mutant in orders.mutants if coverage.is_imported(mutant)]
    yield from judged(late, coverage, orders, begin)


class _Warm:
    """A pytest plugin: when all is collected it sees what each test runs, and judges in forks."""

    def __init__(self, orders: Orders, tell: int) -> None:
        self.watch = Watch(orders.files)
        self._orders, self._tell = orders, tell
        self._items: dict[str, pytest.Item] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own loop."""
        for path in self._orders.files:  # what a test loads only while it runs would stay unchanged
            importlib.import_module(module_name(path))
        imported = self.watch.end()
        self._items = {
            item.nodeid: item
            for item in session.items
            if _SERVERS.isdisjoint(getattr(item, "fixturenames", ()))
        }
        remembered = memories(str(CHECKOUT))
        coverage = Coverage(dict(self._recorded(remembered)), imported)
        functions = living(self._orders.files)
        gc.collect()
        gc.freeze()

        def begin(mutant: Mutant, ids: Sequence[str], bounds: Bounds) -> int:
            _own_folder(self._orders)
            session.config.pluginmanager.register(bounds)
            swap(mutant, functions)
            forget(remembered)
            return self._run(ids)

        mutants = self._orders.mutants
        place = {mutant.key: number for number, mutant in enumerate(mutants)}
        early = [mutant for mutant in mutants if not coverage.is_imported(mutant)]
        left_s = self._orders.until_s - time.monotonic()  # the others get their part of it
        until_s = self._orders.until_s - left_s * (1 - len(early) / max(len(mutants), 1))
        orders = replace(self._orders, until_s=until_s)
        with os.fdopen(self._tell, "w") as told:
            print(coverage.as_json(), file=told, flush=True)
            for mutant, verdict in judged(early, coverage, orders, begin):
                print(json.dumps([place[mutant.key], verdict]), file=told, flush=True)
        return True

    def _run(self, ids: Sequence[str]) -> int:
        """Run some tests; stop at the first that fails."""
        for one, following in zip(ids, [*ids[1:], None], strict=True):
            item = self._items[one]
            after = None if following is None else self._items[following]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
            if item.session.testsfailed:
                return 1
        return 0

    def _recorded(self, remembered: Memories) -> Iterator[tuple[str, tuple[float, Lines]]]:
        """Run each test once, watched, in as many forks as may run."""
        jobs, ids = self._orders.jobs, list(self._items)
        paths = [self._orders.folder / f"lines-{job}.json" for job in range(jobs)]

        def record(job: int) -> int:
            _own_folder(self._orders)
            found = {}
            for one in ids[job::jobs]:
                forget(remembered)  # else only the first that asks a function runs its lines
                begin_s = time.process_time()
                self.watch.begin()
                failed = self._run([one])
                lines = self.watch.end()
                found[one] = (time.process_time() - begin_s, lines)
                if failed:
                    print(f"{one} fails", file=sys.stderr)
                    return 1
            paths[job].write_text(json.dumps(found))
            return 0

        log = self._orders.folder / "log"
        pids = [forked(functools.partial(record, job), log) for job in range(jobs)]
        if any([os.waitpid(pid, 0)[1] for pid in pids]):  # noqa: C419 - all of them are waited for
            raise RuntimeError("a test fails without any mutant")
        for path in paths:
            for one, (seconds, lines) in json.loads(path.read_text()).items():
                if seconds <= self._orders.slowest_s:
                    yield one, (seconds, lines)


class _Sparing:
    """A pytest plugin: what most examples of a property notice, the first of them do."""

    def __init__(self, orders: Orders) -> None:
        self._examples = orders.examples

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """When they are collected."""
        for item in items:
            test = getattr(item, "obj", None)
            found = getattr(test, _SETTINGS, None)
            if found is not None:
                fewer = min(found.max_examples, self._examples)
                setattr(test, _SETTINGS, settings(found, max_examples=fewer))


def _own_folder(orders: Orders) -> None:
    folder = orders.folder / str(os.getpid())
    folder.mkdir()
    os.environ[_FOLDER] = str(folder)
