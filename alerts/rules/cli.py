"""`vitalwire rules check | show | diff`: the commands."""

import sys
from pathlib import Path

import click
import msgspec

from alerts.rules.argument import BookName
from alerts.rules.compare import Change, compare
from alerts.rules.errors import BookError
from alerts.rules.load import SHIPPED, find_book, load_book
from alerts.rules.show import as_data, describe
from schemas.errors import InvalidInput


@click.command()
@click.argument("books", nargs=-1, required=True, metavar="BOOK...", type=BookName())
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each book, or mistake.")
def check(*, books: tuple[str, ...], as_json: bool) -> None:
    r"""Check rule books, each a file or the name of a shipped one.

    Every mistake is named: FILE:LINE:COLUMN, and a sentence; of what is no TOML only the first.
    What can be read and not be meant is asked once all can be read. Exit status 2: there was one.

    \b
    vitalwire rules check ./our-adults.toml
    vitalwire rules check adult-standard ./our-adults.toml --json
    """
    wrong = 0
    for name in books:
        try:
            book = load_book(find_book(name))
        except BookError as error:
            wrong += 1
            for one in error.every:
                if as_json:
                    mistake = {**msgspec.to_builtins(one.place), "sentence": one.sentence}
                    click.echo(msgspec.json.encode(mistake))
                else:
                    click.secho(str(one), fg="red", err=True)
        else:
            count = len(book.every_rule)
            found = {"book": book.name, "rules": count, "sha256": book.sha256}
            said = "1 rule" if count == 1 else f"{count} rules"
            text = f"{book.name}: {said}, sha256 {book.sha256[:12]}"
            click.echo(msgspec.json.encode(found) if as_json else text)
    if wrong:
        sys.exit(InvalidInput.exit_code)


@click.command()
@click.argument("books", nargs=-1, metavar="[BOOK]...", type=BookName())
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each book.")
def show(*, books: tuple[str, ...], as_json: bool) -> None:
    r"""Show what rule books say (default: every shipped one), in words.

    \b
    vitalwire rules show adult-standard
    vitalwire rules show ./our-adults.toml --json
    """
    paths: list[Path] = [find_book(name) for name in books] or sorted(SHIPPED.glob("*.toml"))
    shown = [load_book(path) for path in paths]
    if as_json:
        for book in shown:
            click.echo(msgspec.json.encode(as_data(book)))
    else:
        click.echo("\n\n".join(describe(book) for book in shown))


@click.command()
@click.argument("old", type=BookName())
@click.argument("new", type=BookName())
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
