"""A measured figure, the reference that ran beside it, the target; how they are shown and kept.

``bench/results.jsonl`` gets one JSON object a line: name, value, unit, reference (its value in the
same unit, or null), ratio (value / reference, or null), target (as text, or null), met (or null),
commit. It only grows: a figure of an older commit is history, not an error.
"""

import json
import operator
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHECKOUT = Path(__file__).parent.parent
RESULTS = CHECKOUT / "bench" / "results.jsonl"

_HOLDS = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True, slots=True)
class Target:
    """What the figure, or its ratio to the reference, shall reach."""

    sign: Literal[">=", "<="]
    limit: float
    of: Literal["value", "ratio"] = "value"

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Reference:
    """What was measured beside the figure, in its unit."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One result; ``name`` is ``module.what``, the same in every run."""

    name: str
    value: float
    unit: str
    reference: Reference | None = None
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the reference; None if there is none, or it is 0."""
        if self.reference is None or self.reference.value == 0:
            return None
        return self.value / self.reference.value

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        measured = self.value if self.target.of == "value" else self.ratio
        assert measured is not None, f"{self.name}: a target of a ratio needs a reference"
        return bool(_HOLDS[self.target.sign](measured, self.target.limit))

    def line(self, commit: str) -> Mapping[str, object]:
        """Give what is kept."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "reference": None if self.reference is None else self.reference.value,
            "ratio": self.ratio,
            "target": None if self.target is None else str(self.target),
            "met": self.met,
            "commit": commit,
        }


def keep(figures: Iterable[Figure], commit: str, results: Path = RESULTS) -> None:
    """Append the figures to the results."""
    lines = [json.dumps(figure.line(commit)) + "\n" for figure in figures]
    with results.open("a") as kept:
        kept.writelines(lines)


def table(figures: Iterable[Figure]) -> str:
    """Lay the figures out for people."""
    rows = [("figure", "value", "reference", "ratio", "target", "")]
    rows += [
        (
            figure.name,
            f"{figure.value:,.4g} {figure.unit}",
            f"{figure.reference.value:,.4g} ({figure.reference.name})" if figure.reference else "",
            "" if figure.ratio is None else f"{figure.ratio:.3g}",
            "" if figure.target is None else str(figure.target),
            {True: "met", False: "NOT MET", None: ""}[figure.met],
        )
        for figure in figures
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def commit(checkout: Path = CHECKOUT) -> str:
    """Name the source that is measured; ``-dirty`` if it is not what was committed."""
    git = ("git", "-C", str(checkout))
    try:
        name = _answer(*git, "rev-parse", "--short", "HEAD")
        # The results themselves are no source: a second benchmark measures the same as the first.
        changes = _answer(*git, "status", "--porcelain", "--", ".", ":!bench/results.jsonl")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}-dirty" if changes else name


def load() -> str:
    """Say how busy the machine is: a figure of a busy machine is worth less."""
    busy = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return f"load {busy} on {os.cpu_count()} processors"


def _answer(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
