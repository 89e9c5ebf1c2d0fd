"""Which tests run which lines, and how long each takes: so that a mutant meets only its tests."""

import ast
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType

from bench.mutants.mutate import Mutant
from bench.mutants.otherwise import Otherwise
from bench.record import CHECKOUT

Lines = dict[str, list[int]]
"""Of each file the lines that ran."""


class Watch:
    """Notes which statements of some modules run: each says so itself, in a module so loaded.

    A tracer would cost two and a half times what the tests do, and would have to stop looking at
    what runs often.
    """

    def __init__(self, files: frozenset[str]) -> None:
        """``files``: absolute paths."""
        self.loader = Otherwise(files, self._watched)
        self._ran: dict[str, bytearray] = {}

    def begin(self) -> None:
        """Forget what ran until here."""
        for ran in self._ran.values():
            ran[:] = bytes(len(ran))

    def end(self) -> Lines:
        """Give the first lines of the statements that ran since."""
        return {
            path: [line for line, seen in enumerate(ran) if seen]
            for path, ran in self._ran.items()
            if any(ran)
        }

    def _watched(self, path: str, module: ModuleType) -> CodeType:
        text = Path(path).read_text()
        self._ran[path] = bytearray(text.count("\n") + 2)
        module.__dict__[_RAN] = self._ran[path]
        code = compile(ast.fix_missing_locations(_Saying().visit(ast.parse(text))), path, "exec")
        assert isinstance(code, CodeType)
        return code


_RAN = "__ran__"


class _Saying(ast.NodeTransformer):
    """Puts before each statement another, which says that it runs; a docstring stays the first."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                said = [each for one in value for each in (*_says(one), one)]
                setattr(node, name, said)
        return node


def _says(statement: ast.stmt) -> list[ast.stmt]:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return []
    said = ast.parse(f"{_RAN}[{statement.lineno}] = 1").body
    return [ast.increment_lineno(one, statement.lineno - 1) for one in said]


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
