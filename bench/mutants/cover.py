"""Which tests run which lines, and how long each takes: so that a mutant meets only its tests."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _typeshed import TraceFunction

Lines = dict[str, set[int]]


class Recorder:
    """A pytest plugin that notes the lines of some files that each test runs."""

    def __init__(self, files: frozenset[str]) -> None:
        """``files``: absolute paths."""
        self._files = files
        self._lines: Lines = {}
        self.tests: dict[str, tuple[float, Lines]] = {}

    def trace(self, frame: FrameType, event: str, _: object) -> "TraceFunction | None":
        """Follow the frames of those files alone."""
        name = frame.f_code.co_filename
        if event != "call" or name not in self._files:
            return None
        seen = self._lines.setdefault(name, set())
        seen.add(frame.f_lineno)

        def line(frame: FrameType, event: str, _: object) -> "TraceFunction":
            if event == "line":
                seen.add(frame.f_lineno)
            return line

        return line

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test."""
        self._lines = {}
        begin = time.perf_counter()
        sys.settrace(self.trace)
        yield
        sys.settrace(None)
        self.tests[item.nodeid] = (time.perf_counter() - begin, self._lines)


def record(files: list[Path], tests: list[str], into: Path) -> int:
    """Run the tests; write down what they run. Gives pytest's exit code."""
    recorder = Recorder(frozenset(str(path) for path in files))
    code = pytest.main(["-q", "-p", "no:cacheprovider", *PYTEST, *tests], plugins=[recorder])
    kept = {
        test: (seconds, {name: sorted(lines) for name, lines in found.items()})
        for test, (seconds, found) in recorder.tests.items()
    }
    into.write_text(json.dumps(kept))
    return int(code)


PYTEST = [
    "--hypothesis-profile=mutants",
    "--timeout=600",
    "-Wignore::pytest.PytestAssertRewriteWarning",  # hypothesis is loaded before pytest begins
]
"""As the mutants' tests run too: the same examples each time, and no shrinking of what fails."""
