"""`vitalwire simulate cohort` and `evaluate`: known truth, and rule books held against it."""

import re
import sys
from pathlib import Path

import click

POPULATIONS = ("adult-standard", "adult-diabetes", "pregnancy-postpartum", "oncology-antivegf")

_EXAMPLES = """\b
Examples:
  vitalwire simulate cohort --population adult-diabetes --patients 200 --out cohort/
      readings.jsonl is a log of readings.v1: vitalwire rules judge takes it as it is
  vitalwire simulate cohort --seed 7 --days 90 --population oncology-antivegf --json --out c/
"""


@click.command(epilog=_EXAMPLES)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Draws it all.")
@click.option("--patients", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--days", default=28, show_default=True, type=click.IntRange(1, 400))
@click.option("--population", required=True, type=click.Choice(POPULATIONS))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for readings, patients and truth.",
)
@click.option(
    "--parquet", is_flag=True, help="Parquet beside JSON lines (needs the extra 'analysis')."
)
@click.option("--json", "as_json", is_flag=True, help="Say what was made as one JSON document.")
def cohort(  # noqa: PLR0913 - one per option
    *,
    seed: int,
    patients: int,
    days: int,
    population: str,
    out: Path,
    parquet: bool,
    as_json: bool,
) -> None:
    """Draw a synthetic cohort: its log as the clinic would get it, and the truth behind it.

    The same options give the same bytes. Acute events are far more frequent than in any clinic.
    """
    from simulators.cohort.command import make

    make(population, seed, patients, days, out, parquet=parquet, as_json=as_json)


_EVALUATED = """\b
Examples:
  vitalwire simulate evaluate
      every standard book on its own population, on the seeds of the repository
  vitalwire simulate evaluate --book mine.toml --population adult-standard --seeds 1-20
  vitalwire simulate evaluate --cohort cohort/ --json
      a cohort that was written by vitalwire simulate cohort

\b
Exits with 1 if a book misses a critical sensitivity of 99 %, or exceeds 0.1 needless pages per
patient-week.
"""
_SEEDS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_SEEDS_MAX = 1000


def _seeds(_ctx: click.Context, _parameter: click.Parameter, value: str) -> list[int]:
    """Read ``1,4-6`` as 1, 4, 5, 6."""
    if not _SEEDS.fullmatch(value):
        raise click.BadParameter("write numbers and spans, like 1,4-6")
    found: list[int] = []
    for part in value.split(","):
        first, _, last = part.partition("-")
        if int(last or first) - int(first) >= _SEEDS_MAX:
            raise click.BadParameter(f"at most {_SEEDS_MAX} seeds")
        found += range(int(first), int(last or first) + 1)
    return found


@click.command(epilog=_EVALUATED)
@click.option("--book", "books", multiple=True, help="A file or a shipped book; default: standard.")
@click.option("--population", "populations", multiple=True, type=click.Choice(POPULATIONS))
@click.option("--seeds", default="1,2", show_default=True, callback=_seeds, help="Like 1,4-6.")
@click.option("--patients", default=60, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--days", default=28, show_default=True, type=click.IntRange(1, 400))
@click.option(
    "--cohort",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Evaluate on this written cohort instead of drawing any.",
)
@click.option("--markdown", is_flag=True, help="The tables as they stand in docs/cohort.md.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON document, with what was missed.")
def evaluate(  # noqa: PLR0913 - one per option
    *,
    books: tuple[str, ...],
    populations: tuple[str, ...],
    seeds: list[int],
    patients: int,
    days: int,
    folder: Path | None,
    markdown: bool,
    as_json: bool,
) -> None:
    """Hold rule books against cohorts: critical sensitivity, needless pages, time to the page."""
    from simulators.cohort.command import Asked, compare

    asked = Asked(books, populations or POPULATIONS, seeds, patients, days, folder)
    holds = compare(asked, "json" if as_json else "markdown" if markdown else "table")
    sys.exit(0 if holds else 1)
