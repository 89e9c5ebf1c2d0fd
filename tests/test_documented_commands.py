"""What README, docs and help tell people to type is understood by the command that it names."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from vitalwire import cli

ROOT = Path(__file__).parents[1]
_LINE = re.compile(r"^\s*(?:\$ )?(vitalwire .+)$", re.MULTILINE)
_INLINE = re.compile(r"`(vitalwire [^`]*--[^`]*)`")


def _typed(text: str) -> Iterator[str]:
    """Find the commands of a text: a line of its own, or with options in a sentence."""
    text = _joined(text)
    fenced = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    indented = "\n".join(line for line in text.splitlines() if line.startswith("    "))
    for match in _LINE.finditer(f"{fenced}\n{indented}"):
        yield match[1]
    for match in _INLINE.finditer(text):
        yield match[1].replace("\n", " ")


def _joined(text: str) -> str:
    return re.sub(r"\\\n\s*", " ", text)


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _commands(inner)


def _leaves(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """Name each command that does something, with its help."""
    context = click.Context(command, info_name=name)
    if not isinstance(command, click.Group):
        yield name, f"{command.help or ''}\n{command.epilog or ''}"
        return
    for one in command.list_commands(context):
        inner = command.get_command(context, one)
        assert inner is not None, one
        yield from _leaves(inner, f"{name} {one}")


def test_the_help_of_each_command_shows_how_it_is_typed() -> None:
    leaves = dict(_leaves(cli, "vitalwire"))
    assert len(leaves) > 40
    shown = {name: re.search(rf"{name}(?![\w-])", text) for name, text in leaves.items()}
    assert [name for name, found in shown.items() if found is None] == []


def _documented() -> list[str]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = {line: None for page in pages for line in _typed(page.read_text(encoding="utf-8"))}
    for command in _commands(cli):
        for match in _LINE.finditer(_joined(f"{command.help or ''}\n{command.epilog or ''}")):
            found[match[1]] = None
    return list(found)


def _words(line: str) -> list[str]:
    words = shlex.split(line, comments=True)[1:]
    return words[: next((at for at, word in enumerate(words) if word in "<>|&"), len(words))]


def _parse(command: click.Command, words: list[str]) -> None:
    """Read arguments down to the last command, and run nothing."""
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    command.make_context(command.name, list(words))


@pytest.mark.parametrize("line", _documented())
def test_what_is_documented_can_be_typed(line: str) -> None:
    try:
        _parse(cli, _words(line))
    except click.UsageError as error:
        # The files of an example are the reader's.
        if "does not exist" not in error.message:
            pytest.fail(f"{line}: {error.format_message()}")


def test_there_is_something_documented() -> None:
    assert len(_documented()) > 50


def test_make_lets_python_keep_what_it_compiled() -> None:
    argv = ["make", "--no-print-directory", "--eval=shown: ; @env", "shown"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "VITALWIRE_HOMES": "3"}
    shown = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, check=True).stdout
    names = [line.partition(b"=")[0] for line in shown.splitlines()]
    assert b"VITALWIRE_HOMES" in names
    assert b"PYTHONDONTWRITEBYTECODE" not in names
