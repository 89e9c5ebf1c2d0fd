"""`python -m bench [NAME…]`: run benchmarks, show their figures and keep them.

A benchmark is a module of this package with ``run()``, which gives its figures one by one. A target
that is missed is a result like any other: the command fails only if a benchmark does.
"""

import argparse
import importlib
import logging
import sys

import structlog

from bench import record

BENCHMARKS: dict[str, str] = {
    "codecs": "one payload at a time, against PyPI bluetooth-sig",
    "truth": "what either decoder makes of packets that matter",
    "vectorised_decode": "many payloads at once, against one at a time",
    "handover": "from an indication to MQTT, with fsync",
    "footprint": "memory and idle processor time with twenty devices",
    "cold_start": "from the daemon's start to scanning",
    "first_sync": "a meter with 500 stored records",
    "many_devices": "a hundred devices around one gateway for an hour",
    "month": "a month of virtual time in one home",
    "engine": "a million patients, batch by batch",
    "engine_process": "from readings.v1 to alerts.v1: throughput and delay",
    "engine_restart": "an engine restarts, or another one takes over, with 100,000 patients",
    "engine_million": "an engine restarts with a million patients",
    "backtest": "90 days of 10,000 patients from Parquet",
    "delivery": "from the receipt of a critical reading to a screen, a pager and an e-mail",
    "page": "the page's process starts beside a year of alerts",
    "desk": "10,000 open alerts: a log read back, events that come meanwhile",
}
NIGHTLY = {
    "engine",
    "many_devices",
    "month",
    "engine_million",
}  # they take long, and run only by their names


def main() -> int:
    """Run what the command line names, or all that are not for the night."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run benchmarks.")
    names = ", ".join(f"{name} ({what})" for name, what in BENCHMARKS.items())
    parser.add_argument("name", nargs="*", help=names)
    parser.add_argument("--dry-run", action="store_true", help="keep nothing")
    arguments = parser.parse_args()
    unknown = set(arguments.name) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)  # a world's links end all the time
    commit = record.commit()
    for name in arguments.name or [name for name in BENCHMARKS if name not in NIGHTLY]:
        print(f"== {name}: {BENCHMARKS[name]}; commit {commit}; {record.load()}", flush=True)
        figures = list(importlib.import_module(f"bench.{name}").run())
        print(f"{record.table(figures)}\n", flush=True)
        if not arguments.dry_run:
            record.keep(figures, commit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
