"""`vitalwire alerts …` and `vitalwire rules …`; each command imports its own stage lazily."""

import importlib
import sys
from pathlib import Path

import click

from schemas.errors import InvalidInput

_MODULES = {
    "engine": "alerts.engine.cli",
    "projector": "alerts.projector.cli",
    "feed": "alerts.feed.cli",
}


class _LazyGroup(click.Group):
    """Commands that live in modules of their own, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Name the commands in the order of the data's way."""
        return list(_MODULES)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  (click's signature)
        cmd_name: str,
    ) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in _MODULES:
            return None
        command = getattr(importlib.import_module(_MODULES[cmd_name]), cmd_name)
        assert isinstance(command, click.Command), cmd_name
        return command


@click.group(cls=_LazyGroup)
def alerts() -> None:
    """Judge readings, and the page that shows what was found."""


@click.group()
def rules() -> None:
    """Rule books: check and show."""


@rules.command()
@click.argument("books", nargs=-1, required=True, metavar="BOOK...")
def check(books: tuple[str, ...]) -> None:
    """Check rule books, each a file or the name of a shipped one."""
    from alerts.rules.errors import BookError
    from alerts.rules.load import find_book, load_book

    wrong = 0
    for name in books:
        try:
            book = load_book(find_book(name))
        except BookError as error:
            click.secho(str(error), fg="red", err=True)
            wrong += 1
        else:
            click.echo(f"{book.name}: {len(book.rules)} rules, sha256 {book.sha256[:12]}")
    if wrong:
        sys.exit(InvalidInput.exit_code)


@rules.command()
@click.argument("books", nargs=-1, metavar="[BOOK]...")
def show(books: tuple[str, ...]) -> None:
    """Show what rule books say (default: every shipped one)."""
    from alerts.rules.book import describe
    from alerts.rules.load import SHIPPED, find_book, load_book

    paths: list[Path] = [find_book(name) for name in books] or sorted(SHIPPED.glob("*.toml"))
    click.echo("\n\n".join(describe(load_book(path)) for path in paths))
