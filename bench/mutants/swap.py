"""Puts a mutant into modules that are loaded already, or into one that is about to be."""

import gc
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType, FunctionType

from bench.mutants.mutate import Mutant, mutated
from bench.mutants.otherwise import Otherwise
from bench.record import CHECKOUT

Living = Mapping[str, Sequence[FunctionType]]


def living(files: frozenset[str]) -> Living:
    """Find every function of some files, wherever it is kept: decorated ones and methods too."""
    found = defaultdict[str, list[FunctionType]](list)
    frozen = gc.get_freeze_count() > 0  # by tests/conftest.py: what is frozen is not listed
    gc.unfreeze()
    objects = gc.get_objects()
    if frozen:
        gc.freeze()
    for one in objects:
        if type(one) is FunctionType and one.__code__.co_filename in files:
            found[one.__code__.co_filename].append(one)
    return found


def swap(mutant: Mutant, functions: Living) -> None:
    """Give the functions of its module the code that they would have with this one change."""
    path = str(CHECKOUT / mutant.path)
    codes = list(_codes(_compiled(mutant)))
    count = Counter(map(_name, codes))
    new = {_name(code): code for code in codes if count[_name(code)] == 1}
    for function in functions.get(path, ()):
        code = new.get(_name(function.__code__))
        if code is not None and code.co_freevars == function.__code__.co_freevars:
            function.__code__ = code


def changed(mutant: Mutant) -> Otherwise:
    """Load the one module that is changed."""
    return Otherwise({str(CHECKOUT / mutant.path)}, lambda *_: _compiled(mutant))


def _compiled(mutant: Mutant) -> CodeType:
    path = CHECKOUT / mutant.path
    code = compile(mutated(path.read_text(), mutant), str(path), "exec")
    assert isinstance(code, CodeType)
    return code


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _name(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno
