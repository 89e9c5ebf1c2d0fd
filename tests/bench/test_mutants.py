"""What a mutant is: one change that parses, has a name of its own, and leaves sentences alone."""

import ast

from bench.mutants.mutate import mutants, mutated

TEXT = """
LIMIT = 3

def judge(value: int, *, strict: bool = False) -> int | None:
    assert value + 1 > 0, f"{value - 1} is no value"
    if strict:
        return None
    seen.append(value)
    return value - 1 if value >= LIMIT and not strict else value
"""


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
