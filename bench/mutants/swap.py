"""Puts a mutant into modules that are loaded already, or into one that is about to be."""

import functools
import gc
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

from bench.mutants.mutate import Mutant, mutated
from bench.mutants.otherwise import Otherwise
from bench.record import CHECKOUT

Living = Mapping[str, Sequence[FunctionType]]
Memories = Sequence["functools._lru_cache_wrapper[Any]"]


def living(files: frozenset[str]) -> Living:
    """Find every function of some files, wherever it is kept: decorated ones and methods too."""
    found = defaultdict[str, list[FunctionType]](list)
    for one in _objects():
        if type(one) is FunctionType and one.__code__.co_filename in files:
            found[one.__code__.co_filename].append(one)
    return found


def memories(folder: str) -> Memories:
    """Find what functions of a folder remember (``functools.cache``), but for libraries in it."""
    return [
        one
        for one in _objects()
        if isinstance(one, functools._lru_cache_wrapper)
        and _file_of(one.__wrapped__).startswith(f"{folder}/")
        and not _file_of(one.__wrapped__).startswith(f"{folder}/.venv/")
    ]


def forget(remembered: Memories) -> None:
    """Empty it: what a test before has asked would hide a function's lines, or its change."""
    for one in remembered:
        one.cache_clear()


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


def _objects() -> list[object]:
    frozen = gc.get_freeze_count() > 0  # by tests/conftest.py: what is frozen is not listed
    gc.unfreeze()
    objects = gc.get_objects()
    if frozen:
        gc.freeze()
    return objects


def _file_of(function: object) -> str:
    code = getattr(function, "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else ""


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
