"""`vitalwire rules activate | history`: which text of a rule book is in force, and who said so."""

from datetime import UTC, datetime

import click
import msgspec

from alerts.database import database_url
from alerts.desk.staffing import has_off_hours_routing
from alerts.engine.ladders.ladder import arrange
from alerts.rules.activation import activate as put_in_force
from alerts.rules.activation import activations, connected, in_force, open_by, rotas
from alerts.rules.argument import BookName
from alerts.rules.book import Book
from alerts.rules.entry import book_of, entry_of
from alerts.rules.load import find_book, load_book, load_books
from alerts.rules.raised import raised, sentences
from alerts.rules.sense import refuse_full_ladders
from schemas.clock import SystemClock
from schemas.errors import MisconfiguredError
from schemas.registry import BookEntry

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("book", type=BookName())
@click.option("--by", "who", required=True, help="The clinician who answers for it.")
@_JSON
def activate(*, book: str, who: str, as_json: bool) -> None:
    r"""Put BOOK, a file or a shipped one's name, in force from now on.

    Engines take it up without a restart. A book whose alerts nobody is told of outside the staffed
    hours is refused: `vitalwire registry rota set` says who is. What is open by a rule that becomes
    critical pages at the next reading that matches; how much that is, is said here.

    \b
    vitalwire rules diff adult-standard ./our-adults.toml
    vitalwire rules activate ./our-adults.toml --by "Dr Keller"
    """
    path = find_book(book)
    checked = load_book(path)
    if not who.strip():
        raise MisconfiguredError("Somebody answers for a book.", "Name a clinician with --by.")
    entry = entry_of(checked, who, SystemClock().wall_ms())
    with connected(database_url()) as connection:
        if not has_off_hours_routing(rotas(connection), checked.name):
            raise MisconfiguredError(
                f"Nobody is told of a critical alert of {checked.name} outside the staffed hours.",
                "Set a rota with off_hours: `vitalwire registry rota set FILE`.",
            )
        books = {one.name: book_of(one) for one in in_force(connection)}
        before = books.pop(checked.name, None) or _shipped(checked.name) or checked
        used = {one.name: one for one in load_books()} | books  # an engine's folder, and these
        others = [one for name, one in used.items() if name != checked.name]
        refuse_full_ladders(str(path), checked, others)
        arrange([*books.values(), checked])  # a patient may be under several of them
        changed = put_in_force(connection, entry)
        critical = raised(before, checked)
        known = open_by(connection, checked.name, list(critical)) if critical else {}
    said = f"in force, by {who}" if changed else "was in force already"
    text = f"{entry.name} {entry.sha256[:12]}: {said}"
    click.echo(_json(entry) if as_json else text)
    for sentence in sentences(critical, known):
        click.echo(sentence, err=True)


def _shipped(name: str) -> Book | None:
    """Give the book by which engines judge while none of that name was activated."""
    path = find_book(name)
    return load_book(path) if path.is_file() else None


@click.command()
@click.argument("book", required=False, type=BookName())
@_JSON
def history(*, book: str | None, as_json: bool) -> None:
    r"""Show which texts of BOOK (default: of every book) were in force, since when, by whom.

    \b
    vitalwire rules history
    vitalwire rules history adult-standard --json
    """
    with connected(database_url()) as connection:
        found = activations(connection, book or "")
    if not found and not as_json:
        never = (
            f"{book} was never activated: engines use that of their folder, if it is there."
            if book
            else "No book was ever activated: engines use those of their folder."
        )
        click.echo(never, err=True)
    for number, entry in enumerate(found, start=1):
        last = number == len(found) or found[number].name != entry.name
        click.echo(_json(entry) if as_json else _line(entry, last=last))


def _json(entry: BookEntry) -> str:
    return msgspec.json.encode(entry).decode()


def _line(entry: BookEntry, *, last: bool) -> str:
    at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    now = "  (in force)" if last else ""
    return f"{entry.name}  {at}  {entry.sha256[:12]}  by {entry.who}{now}"
