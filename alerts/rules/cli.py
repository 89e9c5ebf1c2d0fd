"""`vitalwire rules check | show`: the commands."""

import sys
from pathlib import Path

import click

from alerts.rules.errors import BookError
from alerts.rules.load import SHIPPED, find_book, load_book
from alerts.rules.show import describe
from schemas.errors import InvalidInput


@click.command()
@click.argument("books", nargs=-1, required=True, metavar="BOOK...")
def check(books: tuple[str, ...]) -> None:
    """Check rule books, each a file or the name of a shipped one."""
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


@click.command()
@click.argument("books", nargs=-1, metavar="[BOOK]...")
def show(books: tuple[str, ...]) -> None:
    """Show what rule books say (default: every shipped one)."""
    paths: list[Path] = [find_book(name) for name in books] or sorted(SHIPPED.glob("*.toml"))
    click.echo("\n\n".join(describe(load_book(path)) for path in paths))
