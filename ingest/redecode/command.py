"""``vitalwire redecode``: what stored raw bytes say to today's decoder, and corrections of it."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import click
import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from rich.console import Console

from ingest import database
from ingest.redecode.correct import Order, claim
from ingest.redecode.report import Report
from ingest.redecode.run import Progress, Run
from ingest.redecode.selection import Selection
from ingest.registry.terminal import Instant
from schemas.clock import SystemClock
from schemas.errors import MisconfiguredError
from schemas.servers import database_url
from schemas.vitals import VITALS

_EXAMPLES = """\b
Examples:
  vitalwire redecode
      compare everything; change nothing
  vitalwire redecode --vital blood_pressure --model BM85 --since 2026-01-01
  vitalwire redecode --model BM85 --apply --who "A. Nurse" --reason "pulse of BM85 was unknown"
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--vital", "vitals", multiple=True, type=click.Choice(list(VITALS)), help="Default: all."
)
@click.option("--since", type=Instant(), help="Measured at or after this time.")
@click.option("--until", type=Instant(), help="Measured before this time.")
@click.option("--device", "device_id", help="One device, by its id.")
@click.option("--model", help="Devices whose model's name holds this, ignoring case.")
@click.option("--apply", "applied", is_flag=True, help="Store corrections as new versions.")
@click.option("--who", help="Who wants it; goes into the audit log.")
@click.option("--reason", help="Why; goes into the audit log.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def redecode(  # noqa: PLR0913  (click gives every option as an argument)
    *,
    vitals: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    device_id: str | None,
    model: str | None,
    applied: bool,
    who: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Decode the raw bytes of stored readings anew and tell which say something else now.

    A dry run unless --apply is given. Readings are never changed: a correction is a new version
    beside the old one. It pages nobody. A run that was interrupted is simply started again.
    """
    run_id = secrets.token_hex(8)
    order = _order(run_id, who, reason, applied=applied)
    selection = Selection(
        [VITALS[name] for name in vitals or VITALS], since, until, device_id, model
    )
    with _connections() as (reader, writer), _progress() as progress:
        if order is not None:
            claim(writer)
        report = Run(reader, writer, selection, order, run_id, SystemClock(), progress).through()
    _show(report, as_json=as_json)


def _order(run_id: str, who: str | None, reason: str | None, *, applied: bool) -> Order | None:
    if not applied:
        return None
    if not (who and who.strip() and reason and reason.strip()):
        raise click.UsageError("--apply needs --who NAME and --reason TEXT.")
    return Order(run_id, who.strip(), reason.strip())


@contextmanager
def _connections() -> Iterator[tuple[Connection[TupleRow], Connection[TupleRow]]]:
    url = database_url()
    with ExitStack() as stack:
        reader, writer = (stack.enter_context(database.connect(url, "redecode")) for _ in range(2))
        reader.autocommit = writer.autocommit = True
        try:
            database.check_tables(reader)
            yield reader, writer
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise MisconfiguredError(
                "The database lacks tables of vitalwire.", "Run `vitalwire ingest setup`."
            ) from error
        except psycopg.Error as error:
            raise database.unavailable(error) from error


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a line that moves, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _vital, _rows, _until: None
        return
    with Console(stderr=True).status("reading") as status:
        yield lambda vital, rows, until: status.update(
            f"{vital}: {rows:,} rows, up to {until:%Y-%m-%d %H:%M}Z"
        )


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    for line in report.lines():
        click.echo(line)
