"""`vitalwire rules backtest`: what a book would have asked of people."""

import re
from datetime import date
from pathlib import Path

import click

from alerts.rules.argument import BookName

_SINCE = re.compile(r"\d+d|\d{4}-\d{2}-\d{2}")
_EXAMPLES = """\b
Examples:
  vitalwire rules backtest adult-standard
      the last 90 days of the clinic's own readings
  vitalwire rules backtest draft.toml --against live --html draft.html
      what changes if the draft takes the place of the books in force
  vitalwire rules backtest adult-diabetes --from readings.parquet --patients patients.jsonl --json
  vitalwire rules backtest ours.toml --from export.csv --column patient_id=MRN --unit glucose=mmol/L
      a hospital's table, by its own names; what is missing or misspelt is told

\b
A file has a row per reading: patient_id, vital, measured_at, the quantities (systolic, diastolic,
pulse, glucose; HI and LO are values); if there: unit, received_at, status, outcome, time_quality,
reading_id. --column says how a file calls one. A status of none: the device noticed nothing. What
it lacks is assumed, and said. Rules about absence, and those that ask for a circumstance, are left
out and named; what a date brings (a missing baseline, a limit that ends) is counted at the end
alone. Needs the extra 'analysis' (in a checkout: make setup-analysis). It writes the files that you
name alone.
"""


def _since(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _SINCE.fullmatch(value) or (not value.endswith("d") and not _is_date(value)):
        raise click.BadParameter("write days, like 90d, or a date, like 2026-08-01")
    return value


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@click.command(epilog=_EXAMPLES)
@click.argument("books", nargs=-1, required=True, metavar="BOOK...", type=BookName())
@click.option(
    "--from",
    "source",
    default="database",
    show_default=True,
    help="database, FILE.parquet, FILE.csv or FILE.csv.gz.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="How a file calls a column, such as patient_id=MRN; again for each.",
)
@click.option(
    "--unit",
    "units",
    multiple=True,
    metavar="VITAL=UNIT",
    help="In which unit a vital is where no column says so, such as glucose=mmol/L.",
)
@click.option(
    "--since",
    default="90d",
    show_default=True,
    callback=_since,
    help="Days before the newest reading, or a date (UTC).",
)
@click.option("--against", multiple=True, help="live, or a book: tell what would change.")
@click.option(
    "--patients",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Care plans, one registry entry a line; without them every book judges every patient.",
)
@click.option("--zone", default="UTC", show_default=True, help="The clinic's, for its shifts.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--html", "html_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
def backtest(  # noqa: PLR0913 - one per option
    *,
    books: tuple[str, ...],
    source: str,
    columns: tuple[str, ...],
    units: tuple[str, ...],
    since: str,
    against: tuple[str, ...],
    patients: Path | None,
    zone: str,
    csv_file: Path | None,
    html_file: Path | None,
    as_json: bool,
) -> None:
    """Judge stored readings by rule books, and count: alerts, pages, the load of each shift."""
    from schemas.errors import MisconfiguredError

    try:
        from alerts.backtest.command import Asked, run
    except ImportError as error:
        raise MisconfiguredError(
            f"A back-test needs {error.name}.",
            "Install vitalwire[analysis]; in a checkout: make setup-analysis.",
        ) from error
    run(
        Asked(
            books, source, columns, units, since, against, patients, zone, csv_file, html_file,
            as_json=as_json,
        )
    )  # fmt: skip
