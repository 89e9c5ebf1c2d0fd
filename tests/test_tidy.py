"""The architecture's rules about source text, as tests: who may import whom, what pure code may do.

Ruff and mypy check what they can; this checks what only this project knows.
"""

import ast
import functools
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import click
import pytest

from tests.architecture import (
    BANNED_CALLS,
    BANNED_IN_TESTS,
    CLOCK,
    ENGINE_ROOMS,
    FUNCTION_LINES_MAX,
    GATEWAY_ROOMS,
    GENERATED,
    HARMLESS_NAMES,
    IMPURE_CALLS,
    IMPURE_IMPORTS,
    MAY_IMPORT,
    MODULE_LINES_MAX,
    OURS,
    OUTSIDE,
    PACKAGES,
    PLACES_OF_ONE_MACHINE,
    SHELLS,
    TOO_HEAVY_FOR_THE_GATEWAY,
)

CHECKOUT = Path(__file__).parent.parent
KAFKA_CLIENTS = "schemas.kafka_clients"
pytestmark = pytest.mark.timeout(300)
"""They read a thousand files, which takes a busy machine its time."""


@dataclass(frozen=True)
class Module:
    """A source file of ours: its dotted name, its text, and what it says."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    @functools.cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node: a walk takes longer than most of what is asked."""
        return list(ast.walk(self.tree))

    def imports(self, *, when_loaded: bool = False) -> Iterator[tuple[str, str | None]]:
        """Yield (module, name taken from it); with `when_loaded`, not those inside functions."""
        for node in self.tree.body if when_loaded else self.nodes:
            if isinstance(node, ast.Import):
                yield from ((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: relative import"
                yield from ((node.module or "", alias.name) for alias in node.names)

    @functools.cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """The last two parts of each called name: `time.time`, `open`."""
        return [
            (".".join(ast.unparse(node.func).split(".")[-2:]), node)
            for node in self.nodes
            if isinstance(node, ast.Call)
        ]


@functools.cache
def modules() -> dict[str, Module]:
    """Read every Python file of ours, by dotted name."""
    paths = [CHECKOUT / "vitalwire.py"]
    paths += [
        path for package in (*PACKAGES, *OUTSIDE) for path in (CHECKOUT / package).rglob("*.py")
    ]
    found = [read(path) for path in sorted(paths)]
    return {module.name: module for module in found}


def read(path: Path) -> Module:
    name = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
    text = path.read_text()
    return Module(name, path.relative_to(CHECKOUT), text, ast.parse(text, str(path)))


def is_pure(module: Module) -> bool:
    return module.package not in OUTSIDE and str(module.path) not in SHELLS


def files() -> list[Path]:
    """List the repository's text files; where there is no git, everything but generated folders."""
    try:
        argv = ["git", "-C", str(CHECKOUT), "ls-files", "-z"]
        listed = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
        found = [CHECKOUT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [
            path
            for path in CHECKOUT.rglob("*")
            if not GENERATED.intersection(path.relative_to(CHECKOUT).parts)
        ]
    return [path for path in found if path.is_file() and path.suffix not in {".png", ".pyc"}]


def within(module: Module, package: str) -> bool:
    return module.name == package or module.name.startswith(f"{package}.")


def owner(name: str, taken: str | None) -> str | None:
    """Return which module of ours an import reaches, if any."""
    if taken is not None and f"{name}.{taken}" in modules():
        return f"{name}.{taken}"
    return name if name in modules() else None


def test_imports_point_only_where_the_architecture_says() -> None:
    wrong = [
        f"{module.path} imports {name}"
        for module in modules().values()
        for name, _ in module.imports()
        if (package := name.split(".")[0]) in OURS
        and package != module.package
        and package not in MAY_IMPORT[module.package]
    ]
    assert wrong == []


def room(module: str, rooms: tuple[str, ...]) -> str | None:
    """Return which of these rooms a module is in, if any."""
    there = [name for name in rooms if f"{module}.".startswith(f"{name}.")]
    return max(there, key=len, default=None)


@pytest.mark.parametrize("rooms", [GATEWAY_ROOMS, ENGINE_ROOMS])
def test_rooms_import_only_those_before_them(rooms: tuple[str, ...]) -> None:
    inside = {name: place for name in modules() if (place := room(name, rooms))}
    assert set(inside.values()) == set(rooms)
    assert [name for name, place in inside.items() if name.count(".") > place.count(".") + 1] == []
    wrong = [
        f"{modules()[name].path} imports {reached}"
        for name, place in inside.items()
        for imported in modules()[name].imports()
        if (reached := owner(*imported)) in inside
        and rooms.index(inside[reached]) > rooms.index(place)
    ]
    assert wrong == []


def test_gateway_needs_nothing_heavy() -> None:
    names = [module.name for module in modules().values() if within(module, "gateway")]
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({TOO_HEAVY_FOR_THE_GATEWAY!r}))  # as if not installed\n"
        f"for name in {names!r}: importlib.import_module(name)"
    )
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {
        module.name: {
            found
            for imported in module.imports(when_loaded=True)
            if (found := owner(*imported)) and found != module.name
        }
        for module in modules().values()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def impurities(module: Module) -> Iterator[str]:
    for name, taken in module.imports():
        reached = owner(name, taken)
        if reached is not None:
            if not is_pure(modules()[reached]):
                yield f"imports {reached}, a shell"
        elif {name, name.split(".")[0]} & IMPURE_IMPORTS and (name, taken) not in HARMLESS_NAMES:
            yield f"imports {name}"
        elif name in {"random", "pathlib", "uuid"} and (name, taken) not in HARMLESS_NAMES:
            yield f"imports {taken or name}"
    for node in module.nodes:
        if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
            yield f"line {node.lineno}: {type(node).__name__}"
    yield from (
        f"line {node.lineno}: {name}()" for name, node in module.calls if name in IMPURE_CALLS
    )


def test_pure_modules_are_pure() -> None:
    found = [
        f"{module.path}: {impurity}"
        for module in modules().values()
        if is_pure(module)
        for impurity in impurities(module)
    ]
    assert found == []


def test_list_of_shells_is_current() -> None:
    shells = [module for module in modules().values() if str(module.path) in SHELLS]
    assert {str(module.path) for module in shells} == SHELLS
    assert [module.path for module in shells if not list(impurities(module))] == []


def test_clocks_and_chance_are_arguments() -> None:
    found = [
        f"{module.path}:{node.lineno}: {name}(): use {BANNED_CALLS[name]}"
        for module in modules().values()
        if module.name != CLOCK and module.package != "tests"
        for name, node in module.calls
        if name in BANNED_CALLS
    ]
    assert found == []


def test_clients_of_kafka_are_made_where_a_failed_one_is_ended() -> None:
    found = [
        f"{module.path}:{node.lineno}: {name}(): use {KAFKA_CLIENTS}.connected"
        for module in modules().values()
        if module.package in PACKAGES
        for name, node in module.calls
        if name in {"KafkaAdminClient", "KafkaConsumer", "KafkaProducer"}
    ]
    assert found == []


def polls(module: Module) -> set[ast.AST]:
    """Return what is inside `eventually…`: the one kind of place that may look again and again."""
    functions = [
        node
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "eventually" in node.name
    ]
    return {inner for function in functions for inner in ast.walk(function)}


def test_tests_do_not_sleep() -> None:
    found = [
        f"{module.path}:{node.lineno}: {name}(): {BANNED_IN_TESTS[name]}"
        for module in modules().values()
        if module.package == "tests"
        for name, node in module.calls
        if name in BANNED_IN_TESTS and not is_zero(node) and node not in polls(module)
    ]
    assert found == []


def test_no_test_imports_another() -> None:
    found = [
        f"{module.path} imports {name}: what both use stands in a module of its own"
        for module in modules().values()
        for name, _ in module.imports()
        if name in modules() and modules()[name].path.name.startswith("test_")
    ]
    assert found == []


def is_zero(call: ast.Call) -> bool:
    """Say whether a sleep only lets others run."""
    return (
        len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
    )


def test_modules_and_functions_are_short() -> None:
    found = [
        f"{module.path}: {lines} lines"
        for module in modules().values()
        if (lines := module.text.count("\n")) > MODULE_LINES_MAX
    ]
    found += [
        f"{module.path}:{node.lineno}: {node.name}: {lines} lines"
        for module in modules().values()
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert found == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc"}
    assert [module.path for module in modules().values() if module.path.stem in drawers] == []


def test_repository_stands_alone() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)} mentions {place}"
        for path in files()
        for place in PLACES_OF_ONE_MACHINE
        if re.search(place, path.read_text(errors="replace"))
    ]
    assert found == []


def code_in(document: str) -> str:
    """Return what a document shows as code: fenced blocks and words in backticks."""
    text = (CHECKOUT / document).read_text()
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"`([^`\n]+)`", text)])


def test_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", code_in("README.md")))
    assert named
    assert named - targets == set()


def test_readme_names_only_commands_that_exist() -> None:
    named = re.findall(r"\bvitalwire((?: [a-z]+)+)", code_in("README.md"))
    assert named
    assert [words for words in named if not is_command(words.split())] == []


def is_command(words: list[str]) -> bool:
    command: click.Command | None = importlib.import_module("vitalwire").cli
    for word in words:
        if not isinstance(command, click.Group):
            return True  # an argument
        command = command.get_command(click.Context(command), word)
    return command is not None


def test_readme_shows_only_pictures_and_folders_that_exist() -> None:
    text = (CHECKOUT / "README.md").read_text()
    shown = re.findall(r"\]\(([^):]+)\)", text) + re.findall(r"`([a-z_.]+(?:/[\w.]*)+)`", text)
    assert shown
    assert [name for name in shown if not (CHECKOUT / name).exists()] == []


DOCUMENTS = sorted(
    str(path.relative_to(CHECKOUT))
    for path in (CHECKOUT / "docs").rglob("*.md")
    if path.name != "mutants.md"  # written by a program, about one commit
)


def test_documents_name_only_files_that_exist() -> None:
    names = [str(path.relative_to(CHECKOUT)) for path in files()]
    wrong = [
        f"{document}: {named}"
        for document in ("README.md", *DOCUMENTS)
        for named in re.findall(r"(?<![\w/.])(?:[\w-]+/)+[\w-]+\.(?:py|sql)\b", code_in(document))
        if not any(f"/{name}".endswith(f"/{named}") for name in names)
    ]
    assert wrong == []


def test_documents_name_only_tests_that_exist() -> None:
    there = {module.path.stem for module in modules().values()}
    for module in modules().values():
        there |= set(re.findall(r"(?m)^(?:async def |def )?(test_\w+)(?:\(| = )", module.text))
    wrong = [
        f"{document}: {named}"
        for document in ("README.md", *DOCUMENTS)
        for named in re.findall(r"\btest_\w+", code_in(document))
        if named not in there
    ]
    assert wrong == []
