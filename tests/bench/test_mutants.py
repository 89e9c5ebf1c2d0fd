"""What a mutant is: one change that parses, has a name of its own, and leaves sentences alone.

How it is judged: inside living functions, by the tests that run its lines.
"""

import ast
import gc
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bench.mutants.__main__ import explanations, mutants_of, pure_files
from bench.mutants.cover import Coverage, Watch
from bench.mutants.mutate import Mutant, mutants, mutated
from bench.mutants.swap import forget, living, memories, swap

TEXT = """
LIMIT = 3

class Known(Kept, frozen=True):
    pass

def judge(value: int, *, strict: bool = False) -> int | None:
    assert value + 1 > 0, f"{value - 1} is no value"
    if strict:
        return None
    seen.append(value)
    return value - 1 if value >= LIMIT and not strict else value
"""


def test_what_is_explained_as_equivalent_is_still_there() -> None:
    assert set(explanations()) - {one.key for one in mutants_of(pure_files())} == set()


def test_each_decision_is_changed_and_no_sentence() -> None:
    found = {f"{one.was} -> {one.now}" for one in mutants(TEXT, "judge.py")}
    assert found == {
        "3 -> 4",
        "False -> True",
        "strict -> not strict",
        "seen.append(value) -> pass",
        "value - 1 -> value + 1",
        "1 -> 2",
        "value >= LIMIT -> value > LIMIT",
        "value >= LIMIT -> value < LIMIT",
        "not strict -> strict",
        "value >= LIMIT and (not strict) -> value >= LIMIT or not strict",
        "return value - 1 if value >= LIMIT and (not strict) else value -> return None",
    }


def test_a_mutant_differs_from_the_module_in_that_one_place() -> None:
    found = mutants(TEXT, "judge.py")
    trees = [ast.unparse(mutated(TEXT, one)) for one in found]
    assert len({one.key for one in found}) == len(set(trees)) == len(found)
    before = ast.unparse(ast.parse(TEXT)).splitlines()
    for tree in trees:
        pairs = zip(before, tree.splitlines(), strict=True)
        assert sum(old != new for old, new in pairs) == 1


LIVING = """'Lives.'
import functools

@functools.cache
def twice(value):
    return value * 2

class Counter:
    def add(self, value):
        def inner():
            return value + 1
        return inner()

    @property
    def never_asked(self):
        return 3
"""


def test_a_mutant_is_put_into_functions_that_live_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.mutants.otherwise.CHECKOUT", tmp_path)
    path = tmp_path / "living_here.py"
    path.write_text(LIVING)
    watch = Watch(frozenset({str(path)}))
    monkeypatch.setattr(sys, "meta_path", [watch.loader, *sys.meta_path])
    monkeypatch.setitem(sys.modules, "living_here", None)  # it goes when the test is over
    del sys.modules["living_here"]
    module = import_module("living_here")
    assert module.__doc__ == "Lives."
    imported = watch.end()
    gc.freeze()  # as tests/conftest.py does once all is loaded: what is frozen lives, too
    functions = living(frozenset({str(path)}))
    one = module.Counter()
    watch.begin()
    assert one.add(2) == 3
    lines = watch.end()
    by_name = {f"{each.was} -> {each.now}": each for each in mutants(LIVING, str(path))}
    assert (module.twice(7), module.twice(9)) == (14, 18)
    swap(by_name["value * 2 -> value // 2"], functions)
    forget([one for one in memories(str(tmp_path)) if one is module.twice])
    assert module.twice(7) == 3, "what it has remembered is what it was"
    swap(by_name["value + 1 -> value - 1"], functions)
    assert one.add(2) == 1, "also inside, and bound already"
    assert module.twice(8) == 16, "one at a time"

    coverage = Coverage({"slow": (9.0, lines), "quick": (1.0, lines), "other": (0.1, {})}, imported)
    inside, unseen = by_name["value + 1 -> value - 1"], by_name["return 3 -> return None"]
    assert coverage.of(inside) == ["quick", "slow"]
    coverage.learn(inside, "slow")
    assert coverage.of(inside) == ["slow", "quick"], "who noticed its neighbour comes first"
    assert coverage.of(unseen) == []
    assert not coverage.is_imported(inside)
    head = Mutant(str(path), "module", 2, 2, "", "", 1, 0, 0)
    assert coverage.is_imported(head)
    assert set(coverage.of(head)) == {"quick", "slow", "other"}, "what import runs anybody may see"


def test_what_a_test_loads_only_while_it_runs_is_changed_too() -> None:
    """Commands load what they need when they are called; such a mutant once met no test at all."""
    test = "tests/alerts/judge/test_command.py::test_a_zone_that_there_is_not_is_told"
    options = ["--tests", test, "--json", "--score-min", "0"]
    command = [sys.executable, "-m", "bench.mutants", "alerts/judge/plans.py", *options]
    verdicts = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))["verdicts"]
    assert [found for key, found in verdicts.items() if "zone_named(zone)" in key] == ["killed"]
