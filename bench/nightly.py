"""``make nightly``: every long check, one after the other, whatever fails; 1 if anything did.

Each part is a process of its own with a limit, so that one that breaks or hangs costs its own
result and no other's. ``--short`` runs the same parts for minutes instead of hours, to see that
they run.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.clock import SystemClock

_DAY_MS = 86_400_000
_PYTEST = (sys.executable, "-m", "pytest", "-q")
_VITALWIRE = (sys.executable, "-m", "vitalwire")
_BENCH = (sys.executable, "-m", "bench")


@dataclass(frozen=True, slots=True)
class Part:
    """One command; ``variables`` join its environment; it is killed after ``at_most_s``."""

    name: str
    command: Sequence[str]
    at_most_s: float
    variables: dict[str, str] = field(default_factory=dict)


def parts(*, short: bool, fuzz_s: int, days: int, minutes: float) -> list[Part]:
    """Give the parts in their order: what finds most in least time goes first.

    ``fuzz_s``: for each target; ``days``: of virtual time; ``minutes``: with a hundred devices.
    ``short``: nothing is kept in bench/results.jsonl.
    """
    dry, kept = (("--dry-run",), ()) if short else ((), ("--keep",))
    return [
        Part(
            "oracle",
            (
                *_PYTEST,
                "tests/alerts/engine/test_oracle.py",
                "tests/alerts/engine/absence/test_log_away.py",
                "tests/alerts/backtest/test_same_as_records.py",
            ),
            7200,
            {"VITALWIRE_TEST_EXAMPLES": "1" if short else "100"},
        ),
        Part(
            "fuzz", (*_BENCH[:-1], "bench.fuzz", "--seconds", str(fuzz_s), *kept), 60 * fuzz_s + 600
        ),
        Part(
            "cohort",
            (*_VITALWIRE, "simulate", "evaluate", "--seeds", "1-2" if short else "1-24"),
            7200,
        ),
        Part(
            "mutants",
            (
                *(*_BENCH[:-1], "bench.mutants", "--sample", "40" if short else "1000"),
                *(("--score-min", "0.5") if short else ()),  # of forty: chance moves the score
                *("--seed", str(SystemClock().wall_ms() // _DAY_MS)),  # others each night
                *kept,
            ),
            4 * 3600,
        ),
        Part(
            "month",
            (*_BENCH, "month", *dry),
            600 + 240 * days,
            {"VITALWIRE_BENCH_DAYS": str(days)},
        ),
        Part(
            "many devices",
            (*_BENCH, "many_devices", *dry),
            60 * minutes + 1200,
            {"VITALWIRE_BENCH_MINUTES": str(minutes)},
        ),
    ]


def run(part: Part) -> tuple[str, float]:
    """Run a part, its output to ours; say how it ended, and after how many seconds."""
    started_s = time.monotonic()
    print(f"== {part.name}: {' '.join(part.command)}", flush=True)
    try:
        done = subprocess.run(
            part.command, env={**os.environ, **part.variables}, timeout=part.at_most_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"killed after {part.at_most_s:.0f} s", time.monotonic() - started_s
    told = "passed" if done.returncode == 0 else f"FAILED ({done.returncode})"
    return told, time.monotonic() - started_s


def main() -> int:
    """Run all parts; show how each ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.nightly", description=__doc__)
    parser.add_argument("--short", action="store_true", help="minutes instead of hours; keep none")
    parser.add_argument("--fuzz-seconds", type=int, help="for each target (60; short: 1)")
    parser.add_argument("--days", type=int, help="of virtual time (30; short: 1)")
    parser.add_argument("--minutes", type=float, help="with a hundred devices (60; short: 1)")
    said = parser.parse_args()
    chosen = parts(
        short=said.short,
        fuzz_s=said.fuzz_seconds or (1 if said.short else 60),
        days=said.days or (1 if said.short else 30),
        minutes=said.minutes or (1.0 if said.short else 60.0),
    )
    ended = [(part.name, *run(part)) for part in chosen]
    print(f"\n{'part':16}{'minutes':>9}  end")
    for name, end, took_s in ended:
        print(f"{name:16}{took_s / 60:9.1f}  {end}")
    return int(any(end != "passed" for _, end, _ in ended))


if __name__ == "__main__":
    sys.exit(main())
