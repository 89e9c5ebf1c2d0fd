"""What `vitalwire simulate cohort` and `evaluate` do: draw, write, judge, say what came of it."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

from alerts.rules.load import find_book, load_book
from schemas.errors import MisconfiguredError, UnavailableError
from simulators.cohort import report
from simulators.cohort.evaluation import evaluate, together
from simulators.cohort.files import read, write
from simulators.cohort.generate import Cohort, generate
from simulators.cohort.judging import judged
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
                "Install vitalwire[analysis]; in a checkout: make setup-analysis.",
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What to evaluate: books (none: the standard ones) on drawn cohorts, or on a written one."""

    books: tuple[str, ...]
    populations: Sequence[str]
    seeds: list[int]
    patients: int
    days: int
    folder: Path | None


def compare(asked: Asked, form: Literal["table", "markdown", "json"]) -> bool:
    """Evaluate and show; tell whether every book reaches what a standard book must."""
    with Console(stderr=True).status("Drawing and judging …") as status:
        found = []
        for name, cohorts in _populations(asked):
            status.update(f"Drawing and judging {name} …")
            found.append(_figures(asked, name, cohorts))
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif form == "markdown":
        click.echo(report.markdown(found), nl=False)
    elif sys.stdout.isatty():
        table = Table(*report.HEADINGS)
        for one in found:
            table.add_row(*report.row(one), style=None if one.holds else "red")
        Console().print(table)
    else:
        for cells in (report.HEADINGS, *(report.row(one) for one in found)):
            click.echo("\t".join(cells))
    return all(one.holds for one in found)


def _populations(asked: Asked) -> Iterator[tuple[PopulationName, Iterator[Cohort]]]:
    if asked.folder is not None:
        cohort = read(asked.folder)
        yield cohort.population, iter([cohort])
        return
    for name in map(named, asked.populations):
        yield name, (generate(name, seed, asked.patients, asked.days) for seed in asked.seeds)


def _figures(asked: Asked, name: PopulationName, cohorts: Iterator[Cohort]) -> report.Figures:
    """Judge each cohort by the books asked for, or by the population's own."""
    books = [load_book(find_book(book)) for book in asked.books or POPULATIONS[name].books]
    seeds: list[int] = []
    several = []
    for cohort in cohorts:
        seeds.append(cohort.seed)
        several.append(evaluate(cohort, books, judged(cohort, books)))
    spoken = " + ".join(book.name for book in books)
    return report.figures(spoken, name, seeds, together(several))
