"""Loads modules otherwise than they are written: with a mutant, or saying which lines run."""

import importlib.abc
import importlib.util
from collections.abc import Callable, Collection
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from bench.record import CHECKOUT


def module_name(path: str) -> str:
    """Name the module of a file, or the package."""
    inside = Path(path).relative_to(CHECKOUT).with_suffix("")
    return ".".join(inside.parts).removesuffix(".__init__")


class Otherwise(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads some modules; stands first in ``sys.meta_path``."""

    def __init__(
        self, files: Collection[str], compiled: Callable[[str, ModuleType], CodeType]
    ) -> None:
        """``files``: absolute paths; ``compiled`` gives the code of one, for a module."""
        self._files, self._compiled = files, compiled

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Say which modules are ours."""
        path = f"{CHECKOUT / fullname.replace('.', '/')}.py"
        if path not in self._files:
            return None
        return importlib.util.spec_from_file_location(fullname, path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        assert module.__file__ is not None, module
        exec(self._compiled(module.__file__, module), module.__dict__)  # noqa: S102
