"""``make nightly``: every long check, one after the other, whatever fails; 1 if anything did.

Each part is a process group of its own with a limit, so that one that breaks or hangs costs its own
result and no other's, and leaves nothing running. Who interrupts the night is told what has run.
``--short`` runs the same parts for minutes instead of hours, to see that they run.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from schemas.clock import SystemClock

INTERRUPTED = "interrupted"
FAREWELL_S = 10.0
_NOT_RUN = "not run"
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
    process = subprocess.Popen(
        part.command, env={**os.environ, **part.variables}, start_new_session=True
    )
    try:
        code = process.wait(part.at_most_s)
        told = "passed" if code == 0 else f"FAILED ({code})"
    except subprocess.TimeoutExpired:
        told = f"killed after {part.at_most_s:.0f} s"
    except KeyboardInterrupt:
        told = INTERRUPTED
    _end(process)
    return told, time.monotonic() - started_s


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a part end what it has started, as with Ctrl-C; then kill what is left of it."""
    with suppress(ProcessLookupError):  # it has ended, and so has all that it started
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(FAREWELL_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_all(chosen: Sequence[Part]) -> int:
    """Run them until somebody interrupts; show how each ended; 1 if any did not pass."""
    ended: list[tuple[str, str, float]] = []
    for part in chosen:
        if ended and ended[-1][1] in (INTERRUPTED, _NOT_RUN):
            ended.append((part.name, _NOT_RUN, 0.0))
        else:
            ended.append((part.name, *run(part)))
    print(f"\n{'part':16}{'minutes':>9}  end")
    for name, end, took_s in ended:
        print(f"{name:16}{took_s / 60:9.1f}  {end}")
    return int(any(end != "passed" for _, end, _ in ended))


def main() -> int:
    """Run all parts."""
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who ends the night has no Ctrl-C
    return run_all(chosen)


if __name__ == "__main__":
    sys.exit(main())
