"""What `vitalwire simulate cohort` does: draw, write, say what was made."""

import json
from collections import Counter
from pathlib import Path

import click
from rich.console import Console

from schemas.errors import MisconfiguredError, UnavailableError
from simulators.cohort.files import write
from simulators.cohort.generate import generate
from simulators.cohort.populations import POPULATIONS, PopulationName


def make(  # noqa: PLR0913 - the command's options
    population: str,
    seed: int,
    patients: int,
    days: int,
    out: Path,
    *,
    parquet: bool,
    as_json: bool,
) -> None:
    """Draw a cohort into a folder. Raises ``MisconfiguredError`` or ``UnavailableError``."""
    with Console(stderr=True).status(f"Drawing {patients} patients, {days} days …"):
        drawn = generate(named(population), seed, patients, days)
        try:
            files = write(drawn, out, parquet=parquet)
        except ImportError as error:
            raise MisconfiguredError(
                f"Parquet needs {error.name}.",
                "Install vitalwire[analysis].",
            ) from error
        except OSError as error:
            raise UnavailableError(f"{error.filename}: {error.strerror}.") from error
    grades = Counter(episode.grade for episode in drawn.episodes)
    if as_json:
        counts = {"readings": len(drawn.measured), "episodes": dict(sorted(grades.items()))}
        click.echo(json.dumps(counts | {"files": [str(path) for path in files]}))
        return
    click.echo(
        f"{patients} synthetic patients of {population}, {days} days, seed {seed}: "
        f"{len(drawn.measured)} readings; true episodes: "
        + ", ".join(f"{count} {grade}" for grade, count in sorted(grades.items()))
    )
    for path in files:
        click.echo(f"  {path}")


def named(population: str) -> PopulationName:
    """Find a population by its name. Raises ``MisconfiguredError``."""
    found = next((name for name in POPULATIONS if name == population), None)
    if found is None:
        raise MisconfiguredError(
            f"There is no population {population}.", f"Choose from {', '.join(POPULATIONS)}."
        )
    return found
