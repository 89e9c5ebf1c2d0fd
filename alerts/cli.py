"""`vitalwire alerts …` and `vitalwire rules …`; each command imports its own stage lazily."""

import sys
from pathlib import Path

import click

from schemas.commands import LazyGroup
from schemas.errors import InvalidInput

COMMANDS = {
    "engine": (
        "alerts.engine.cli",
        "Judge readings by the rules; write what begins and ends.",
    ),
    "projector": ("alerts.projector.cli", "Keep the alert tables of PostgreSQL up to date."),
    "feed": ("alerts.feed.cli", "Show alerts and readings: a page, a stream, an API."),
}


@click.group(cls=LazyGroup, commands_in=COMMANDS)
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
            count = len(book.rules) + len(book.absences)
            click.echo(f"{book.name}: {count} rules, sha256 {book.sha256[:12]}")
    if wrong:
        sys.exit(InvalidInput.exit_code)


@rules.command()
@click.argument("books", nargs=-1, metavar="[BOOK]...")
def show(books: tuple[str, ...]) -> None:
    """Show what rule books say (default: every shipped one)."""
    from alerts.rules.load import SHIPPED, find_book, load_book
    from alerts.rules.show import describe

    paths: list[Path] = [find_book(name) for name in books] or sorted(SHIPPED.glob("*.toml"))
    click.echo("\n\n".join(describe(load_book(path)) for path in paths))
