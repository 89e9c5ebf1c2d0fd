"""What the commands of the registry share: times, the database, what is printed."""

import getpass
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database
from ingest.instants import from_ms
from ingest.registry.store import RegistryStore
from schemas.clock import SystemClock
from schemas.errors import MisconfiguredError
from schemas.servers import database_url

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
NOW = "now"


class Instant(click.ParamType[datetime]):
    """A point in time: ISO 8601 with its zone, or without one in UTC; ``now``."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the text."""
        if isinstance(value, datetime):
            return value
        if value == "now":
            return clock_now()
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-11-22T08:00+01:00", param, ctx)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def clock_now() -> datetime:
    """Give the time of an edit."""
    return from_ms(SystemClock().wall_ms())


@contextmanager
def connected() -> Iterator[Connection[TupleRow]]:
    """Connect to the registry; say in plain words what is wrong with it."""
    with database.connect(database_url(), "registry-cli") as connection:
        try:
            yield connection
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise MisconfiguredError(
                "The database has no tables of vitalwire.", "Run `vitalwire ingest setup`."
            ) from error
        except psycopg.OperationalError as error:
            raise database.unavailable(error) from error


@contextmanager
def editing() -> Iterator[RegistryStore]:
    """Edit the registry as whoever is logged in, now."""
    with connected() as connection:
        yield RegistryStore(connection, getpass.getuser(), clock_now())


def instant_text(instant_ms: int) -> str:
    """Show a time in UTC."""
    return from_ms(instant_ms).strftime("%Y-%m-%d %H:%M:%SZ")


def say(value: object, sentence: str, *, as_json: bool) -> None:
    """Print JSON, or a sentence for a person."""
    click.echo(msgspec.json.encode(value).decode() if as_json else sentence)


def show(
    headings: Sequence[str], rows: Sequence[Sequence[str]], values: object, *, as_json: bool
) -> None:
    """Print JSON, a table for a person, or tab-separated lines for a program."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(values), indent=2))
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*headings)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        for row in rows:
            click.echo("\t".join(row))
