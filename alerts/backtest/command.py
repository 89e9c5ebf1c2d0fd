"""What `vitalwire rules backtest` does: read, judge, say and write."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as ShownTable

from alerts.backtest import sources
from alerts.backtest.checked import REASONS
from alerts.backtest.history import History, history
from alerts.backtest.naming import by_our_names, in_units, named_columns, stated_units
from alerts.backtest.remarks import counted
from alerts.backtest.replay import Played, play
from alerts.backtest.replay import Progress as Heard
from alerts.backtest.report import Report, as_json, csv_rows, page, report
from alerts.backtest.tables import Table
from alerts.database import database_url
from alerts.rules.book import Book
from alerts.rules.load import find_book, load_book
from schemas.errors import InvalidInput, MisconfiguredError, UnavailableError
from schemas.registry import PatientEntry
from schemas.time_zone import zone_named

LIVE = "live"
_DAY_MS = 86_400_000
_SHOWN = ("rules", "shifts", "not_judged", "changes")
_PAGE = Path(__file__).with_name("page.html")


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    books: tuple[str, ...]
    source: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    since: str
    against: tuple[str, ...]
    patients: Path | None
    zone: str
    csv_file: Path | None
    html_file: Path | None
    as_json: bool


def run(asked: Asked) -> None:
    """Back-test. Raises ``InvalidInput``, ``MisconfiguredError`` or ``UnavailableError``."""
    books = [load_book(find_book(name)) for name in asked.books]
    zone = zone_named(asked.zone)
    if zone is None:
        raise MisconfiguredError(
            f"There is no time zone {asked.zone}.", "Write it like Europe/Berlin."
        )
    console = Console(stderr=True)
    with console.status("Reading …"):
        past, clinic = _past(asked)
    if not len(past):
        why = " ".join([f"{asked.source} holds no reading since {asked.since}.", *_told(past)])
        raise InvalidInput("empty", why)
    played = _played(console, past, books, clinic.patients, "Judging")
    other = None
    if asked.against:
        theirs = _against(asked.against, clinic)
        name = " + ".join(book.name for book in theirs)
        judging = f"Judging by {name}"
        other = (name, _played(console, past, theirs, clinic.patients, judging))
    found = report(books, played, zone, other)
    found.rejected.update(past.rejected)
    if told := _told(past):
        rows: list[tuple[object, ...]] = [(one,) for one in told]
        found.tables.append(Table("left_out", "What was left out, and assumed", ("what",), rows))
    _show(found, asked, told)


def _told(past: History) -> list[str]:
    """Say what of a table did not count, and what was taken for granted."""
    left = [
        f"{counted(count, 'row')} left out: {REASONS[why]}." for why, count in past.rejected.items()
    ]
    return [*left, *past.remarks]


def _past(asked: Asked) -> tuple[History, sources.Clinic]:
    """Read history and care plans; ``--since`` counts from the newest reading."""
    if asked.source == sources.DATABASE:
        if asked.columns or asked.units:
            raise MisconfiguredError(
                "--column and --unit are about a file.", "Name it with --from FILE.csv."
            )
        url = database_url()
        clinic = sources.from_database(url, partial(_since_ms, asked.since))
    else:
        clinic = sources.Clinic(_table(asked), [])
    if asked.patients is not None:
        clinic = replace(clinic, patients=sources.patients_from_file(asked.patients))
    past = history(clinic.readings)
    newest_ms = int(past.measured_ms.max()) if len(past) else 0
    return past.since(_since_ms(asked.since, newest_ms)), clinic


def _table(asked: Asked) -> Any:  # noqa: ANN401 - pandas has no types here
    """Read a file and give it our names and its units."""
    names, units = named_columns(asked.columns), stated_units(asked.units)
    texts = [theirs for ours, theirs in names.items() if ours in sources.TEXTS]
    frame = by_our_names(sources.from_file(Path(asked.source), texts), names)
    return in_units(frame, units, foreign=bool(names))


def _since_ms(since: str, newest_ms: int) -> int:
    if since.endswith("d"):
        return newest_ms - int(since[:-1]) * _DAY_MS
    return int(pd.Timestamp(since, tz="UTC").timestamp() * 1000)


def _against(names: Sequence[str], clinic: sources.Clinic) -> list[Book]:
    """Load what to compare with; ``live``: what care plans name, as activated or installed."""
    if LIVE not in names:
        return [load_book(find_book(name)) for name in names]
    live = sorted({book for entry in clinic.patients for book in entry.books})
    if not live:
        raise MisconfiguredError(
            "No care plan names a book: nothing is live.", "Name a book with --against."
        )
    active = {book.name: book for book in clinic.active}
    return [active.get(name) or load_book(find_book(name)) for name in live]


def _played(
    console: Console,
    past: History,
    books: Sequence[Book],
    entries: Sequence[PatientEntry],
    what: str,
) -> Played:
    with _progress(console, what, len(past)) as heard:
        return play(past, books, entries, heard)


@contextmanager
def _progress(console: Console, what: str, total: int) -> Iterator[Heard]:
    """Show how far it is, where somebody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _show(found: Report, asked: Asked, told: Sequence[str]) -> None:
    _write(found, asked)
    if asked.as_json:
        click.echo(json.dumps(as_json(found), indent=2))
        return
    for one in told:
        click.secho(one, fg="yellow", err=True)
    against = "" if found.against is None else f" against {found.against}"
    click.echo(f"{found.books}{against}: {found.about}")
    for table in found.tables:
        if table.name in _SHOWN:
            _show_table(table)


def _write(found: Report, asked: Asked) -> None:
    try:
        if asked.csv_file is not None:
            with asked.csv_file.open("w", newline="", encoding="utf-8") as text:
                csv.writer(text).writerows(csv_rows(found))
        if asked.html_file is not None:
            asked.html_file.write_text(page(found, _PAGE.read_text(encoding="utf-8")), "utf-8")
    except OSError as error:
        raise UnavailableError(f"{error.filename}: {error.strerror}.") from error


def _show_table(table: Table) -> None:
    """Show a table to a person, or lines with tabs to a program."""
    if not sys.stdout.isatty():
        click.echo(f"\n{table.title}")
        for row in (table.headings, *table.rows):
            click.echo("\t".join(map(str, row)))
        return
    shown = ShownTable(title=table.title, title_justify="left")
    for place, heading in enumerate(table.headings):
        shown.add_column(heading, justify="right" if place in table.numeric else "left")
    for row in table.rows:
        shown.add_row(*map(str, row))
    Console().print(shown)
