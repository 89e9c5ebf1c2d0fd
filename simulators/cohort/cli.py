"""`vitalwire simulate cohort`: a population with known truth, as a log that rules can judge."""

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
