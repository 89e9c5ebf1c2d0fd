"""`vitalwire rules check | show | diff`: the commands."""

import sys
from pathlib import Path

import click
import msgspec

from alerts.rules.compare import Change, compare
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


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each change.")
def diff(*, old: str, new: str, as_json: bool) -> None:
    r"""Say what changes for patients if NEW replaces OLD, each a file or a shipped book's name.

    \b
    vitalwire rules diff adult-standard ./our-adults.toml
    """
    changes = compare(*(load_book(find_book(name)) for name in (old, new)))
    for change in changes:
        click.echo(msgspec.json.encode(change).decode() if as_json else _told(change))
    if not changes and not as_json:
        click.echo("Nothing changes for patients.")


def _told(change: Change) -> str:
    colour = {"rule-added": "green", "rule-removed": "red", "severity": "yellow"}.get(change.kind)
    return click.style(f"{change.subject}: {change.sentence}", fg=colour)
