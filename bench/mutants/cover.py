"""Which tests run which lines, and how long each takes: so that a mutant meets only its tests."""

import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from bench.mutants.mutate import Mutant
from bench.record import CHECKOUT

if TYPE_CHECKING:
    from _typeshed import TraceFunction

Lines = dict[str, list[int]]
"""Of each file the lines that ran."""


class Tracer:
    """Notes the lines of some files that run.

    A function is followed until all its lines were seen, or nothing new in many calls: what only a
    rare example of hypothesis runs may be missed, and is then counted as if nobody had run it.
    """

    def __init__(self, files: frozenset[str]) -> None:
        """``files``: absolute paths."""
        self._files = files
        self._missing: dict[CodeType, set[int]] = {}
        self._calls: dict[CodeType, int] = {}
        self._seen: dict[str, set[int]] = defaultdict(set)

    def begin(self) -> None:
        """Watch what runs from here on."""
        self._missing, self._calls, self._seen = {}, {}, defaultdict(set)
        sys.settrace(self._call)

    def end(self) -> Lines:
        """Give the lines that ran since."""
        sys.settrace(None)
        return {name: sorted(lines) for name, lines in self._seen.items()}

    def _call(self, frame: FrameType, event: str, _: object) -> "TraceFunction | None":
        code = frame.f_code
        if event != "call" or code.co_filename not in self._files:
            return None
        missing = self._missing.get(code)
        if missing is None:
            missing = {line for _, _, line in code.co_lines() if line is not None}
            self._missing[code], self._calls[code] = missing, 0
        self._calls[code] += 1
        if not missing or self._calls[code] > _CALLS_MAX:
            return None
        seen = self._seen[code.co_filename]

        def line(frame: FrameType, event: str, _: object) -> "TraceFunction":
            number = frame.f_lineno
            if event == "line" and number in missing:
                missing.discard(number)
                seen.add(number)
                self._calls[code] = 0
            return line

        seen.add(frame.f_lineno)
        missing.discard(frame.f_lineno)
        return line


_CALLS_MAX = 300


@dataclass
class Coverage:
    """Of each test its lines and its seconds of processor time; what ran when all was imported.

    It learns too: a test that noticed a mutant comes first for those beside it.
    """

    tests: dict[str, tuple[float, Lines]]
    imported: Lines
    _noticed: dict[tuple[str, ...], list[str]] = field(default_factory=lambda: defaultdict(list))

    def is_imported(self, mutant: Mutant) -> bool:
        """Tell whether its line runs when its module is imported: too late to change it then."""
        return not _span(mutant).isdisjoint(self.imported.get(_file(mutant), ()))

    def of(self, mutant: Mutant) -> list[str]:
        """Give the tests that can notice a mutant, most promising first.

        A line that runs at import may be seen by any of them, by those of its file first.
        """
        name, lines = _file(mutant), _span(mutant)
        at_import = self.is_imported(mutant)
        found = [
            test
            for test, (_, seen) in self.tests.items()
            if at_import or not lines.isdisjoint(seen.get(name, ()))
        ]
        order = self._noticed[mutant.path, mutant.where] + self._noticed[mutant.path,]
        rank = {test: place for place, test in reversed(list(enumerate(order)))}

        def promise(test: str) -> tuple[int, bool, float]:
            seconds, seen = self.tests[test]
            return rank.get(test, len(order)), name not in seen, seconds

        return sorted(found, key=promise)

    def learn(self, mutant: Mutant, test: str) -> None:
        """Remember who noticed it."""
        for key in ((mutant.path, mutant.where), (mutant.path,)):
            noticed = self._noticed[key]
            if test in noticed:
                noticed.remove(test)
            noticed.insert(0, test)
            del noticed[_REMEMBERED:]

    def as_json(self) -> str:
        """Write it down, but for what was learned."""
        return json.dumps({"tests": self.tests, "imported": self.imported})

    def seconds(self, test: str) -> float:
        """Tell how long a test takes."""
        return self.tests[test][0]


_REMEMBERED = 8


def _file(mutant: Mutant) -> str:
    return str(CHECKOUT / mutant.path)


def _span(mutant: Mutant) -> set[int]:
    return set(range(mutant.line, mutant.last_line + 1))
