"""Puts a mutant into modules that are loaded already, or into one that is about to be."""

import gc
import importlib.abc
import importlib.util
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, FunctionType, ModuleType

from bench.mutants.mutate import Mutant, mutated
from bench.record import CHECKOUT

Living = Mapping[str, Sequence[FunctionType]]


def living(files: frozenset[str]) -> Living:
    """Find every function of some files, wherever it is kept: decorated ones and methods too."""
    found = defaultdict[str, list[FunctionType]](list)
    for one in gc.get_objects():
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


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the one module that is changed."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = mutant.path.removesuffix(".py").replace("/", ".")

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Say that this one is ours."""
        if fullname != self._name:
            return None
        path = CHECKOUT / self._mutant.path
        return importlib.util.spec_from_file_location(fullname, path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """Run it, changed."""
        exec(_compiled(self._mutant), module.__dict__)  # noqa: S102


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
